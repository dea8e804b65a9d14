"""Joins presentation data values to messages, within bounds. PS3.7 6.3, PS3.8 Annex E.

Both lanes end here: the fast one, which reads the socket itself, and pynetdicom's.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol

from pacs.dicom.messages import (
    COMMAND_FRAGMENT,
    LAST_FRAGMENT,
    Command,
    CommandField,
    decode_command,
)
from pacs.errors import ArchiveError, RequestInvalid
from pacs.storage.interfaces import Chunk

_MAX_COMMAND_BYTES = 64 * 1024
_MAX_IDENTIFIER_BYTES = 4 * 1024 * 1024


class Body(Protocol):
    """Where the bytes of a data set gather."""

    def write(self, chunk: Chunk) -> None: ...

    def view(self) -> memoryview: ...


OpenBody = Callable[[], AbstractContextManager[Body]]


class _Identifier:
    """The data set of anything but C-STORE: small, or refused."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def __enter__(self) -> _Identifier:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def write(self, chunk: Chunk) -> None:
        if len(self._bytes) + len(chunk) > _MAX_IDENTIFIER_BYTES:
            raise RequestInvalid(f"the data set is larger than {_MAX_IDENTIFIER_BYTES} bytes")
        self._bytes += chunk

    def view(self) -> memoryview:
        return memoryview(self._bytes)


@dataclass
class Message:
    """One whole DIMSE message.

    failure  why the data set could not be kept; it was read to its end all the same, so that the
             peer gets an answer instead of an abort.
    """

    context_id: int
    command: Command
    body: Body | None = None
    failure: ArchiveError | None = None
    _opened: AbstractContextManager[Body] | None = field(default=None, repr=False)

    def data_set(self) -> memoryview:
        """The bytes of the data set; valid until `close`."""
        return self.body.view() if self.body is not None else memoryview(b"")

    def close(self) -> None:
        """Forget the data set."""
        opened, self._opened, self.body = self._opened, None, None
        if opened is not None:
            opened.__exit__(None, None, None)


class MessageAssembly:
    """Takes fragments in order, gives messages.

    open_instance       opens the place for the data set of a C-STORE request.
    message_deadline_s  how long one message may take to come.
    """

    def __init__(self, open_instance: OpenBody, *, message_deadline_s: float) -> None:
        self._open_instance = open_instance
        self._message_deadline_s = message_deadline_s
        self._command = bytearray()
        self._context_id = 0
        self._message: Message | None = None
        self._deadline = 0.0

    def add(self, context_id: int, flags: int, fragment: Chunk) -> Message | None:
        """Take one fragment; the message when this was its last.

        Raises RequestInvalid when the fragment cannot stand here: the association must end.
        """
        self._check_place(context_id, flags)
        if flags & COMMAND_FRAGMENT:
            return self._add_command(fragment, is_last=bool(flags & LAST_FRAGMENT))
        return self._add_data(fragment, is_last=bool(flags & LAST_FRAGMENT))

    def drop(self) -> None:
        """Forget a half-received message."""
        message, self._message = self._message, None
        self._command.clear()
        if message is not None:
            message.close()

    @property
    def is_between_messages(self) -> bool:
        return self._message is None and not self._command

    def _check_place(self, context_id: int, flags: int) -> None:
        is_command = bool(flags & COMMAND_FRAGMENT)
        if self.is_between_messages:
            if not is_command:
                raise RequestInvalid("a data set came without its command")
            self._context_id = context_id
            self._deadline = time.monotonic() + self._message_deadline_s
        elif is_command and self._message is not None:
            raise RequestInvalid("a command came where the rest of a data set belongs")
        elif context_id != self._context_id:
            raise RequestInvalid("a message changed its presentation context half-way")
        elif time.monotonic() > self._deadline:
            raise RequestInvalid(f"a message took longer than {self._message_deadline_s:g} s")

    def _add_command(self, fragment: Chunk, *, is_last: bool) -> Message | None:
        if len(self._command) + len(fragment) > _MAX_COMMAND_BYTES:
            raise RequestInvalid(f"a command is longer than {_MAX_COMMAND_BYTES} bytes")
        self._command += fragment
        if not is_last:
            if not self._command:
                raise RequestInvalid("a command begins with an empty fragment")
            return None
        command = decode_command(self._command)
        self._command.clear()
        message = Message(self._context_id, command)
        if not command.has_data_set:
            return message
        self._open_body(message)
        self._message = message
        return None

    def _open_body(self, message: Message) -> None:
        is_instance = message.command.field == CommandField.C_STORE_RQ
        try:
            opened = self._open_instance() if is_instance else _Identifier()
            message.body = opened.__enter__()
            message._opened = opened
        except ArchiveError as error:
            message.failure = error

    def _add_data(self, fragment: Chunk, *, is_last: bool) -> Message | None:
        message = self._message
        if message is None:
            raise RequestInvalid("a data set came before its command was complete")
        if message.failure is None and message.body is not None:
            try:
                message.body.write(fragment)
            except ArchiveError as error:
                message.failure = error
                message.close()
        if not is_last:
            return None
        self._message = None
        return message
