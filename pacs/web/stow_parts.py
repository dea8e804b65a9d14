"""The parts of one STOW-RS request: each is received, handed to ingest and remembered."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor

from pacs.archive.ingest import Ingest
from pacs.archive.reception import ReceivedBytes, Reception
from pacs.dicom.part10 import FileHead, read_file_head
from pacs.errors import ArchiveError, InstanceUnreadable, LimitExceeded
from pacs.scope import Scope
from pacs.storage.interfaces import Chunk, Sender
from pacs.web.media_types import DICOM, parse_media_type
from pacs.web.stow_answer import Failed, Outcome, Stored

_AT_ONCE = 4


class ArrivingParts:
    """A PartReceiver. Not for several threads at once."""

    def __init__(
        self,
        *,
        ingest: Ingest,
        reception: Reception,
        pool: ThreadPoolExecutor,
        scope: Scope,
        sender: Sender,
        study_instance_uid: str | None,
        max_parts: int,
    ) -> None:
        self._ingest = ingest
        self._reception = reception
        self._pool = pool
        self._scope = scope
        self._sender = sender
        self._study_instance_uid = study_instance_uid
        self._max_parts = max_parts
        self._told: list[Future[Outcome]] = []
        self._received: ReceivedBytes | None = None
        self._refused: ArchiveError | None = None

    def begin_part(self, headers: Mapping[str, str]) -> None:
        if len(self._told) >= self._max_parts:
            raise LimitExceeded(f"the request has more than {self._max_parts} parts")
        self._received = self._reception.open()
        self._refused = None
        media_type = parse_media_type(headers.get("content-type", DICOM))
        if media_type is None or media_type.name != DICOM:
            self._refused = InstanceUnreadable(f"the part is not of type {DICOM}")

    def receive(self, chunk: Chunk) -> None:
        if self._received is None or self._refused is not None:
            return
        try:
            self._received.write(chunk)
        except ArchiveError as error:
            # The rest of this part is passed over; the others may still be stored.
            self._refused = error

    def end_part(self) -> None:
        received, self._received = self._received, None
        if received is None:
            return
        self._told.append(self._pool.submit(self._store, received, self._refused))
        # Each waiting part keeps its bytes, so only a few may wait.
        if len(self._told) > _AT_ONCE:
            self._told[-_AT_ONCE - 1].exception()

    def break_off(self, error: ArchiveError) -> None:
        """The body cannot be followed any further; what came whole stays."""
        self.close()
        self.add_failure(Failed(error))

    def add_failure(self, failed: Failed) -> None:
        """Remember an instance that never became a part."""
        known: Future[Outcome] = Future()
        known.set_result(failed)
        self._told.append(known)

    def outcomes(self) -> list[Outcome]:
        """What became of each part, in their order, once all are done."""
        return [told.result() for told in self._told]

    def close(self) -> None:
        """Let go of a part that never came to its end."""
        received, self._received = self._received, None
        if received is not None:
            received.close()

    def _store(self, received: ReceivedBytes, refused: ArchiveError | None) -> Outcome:
        with received:
            try:
                return self._ingested(received, refused)
            except ArchiveError as error:
                return _failed(error, received)

    def _ingested(self, received: ReceivedBytes, refused: ArchiveError | None) -> Outcome:
        if refused is not None:
            raise refused
        receipt = self._ingest.ingest_file(
            received.view(),
            sender=self._sender,
            scope=self._scope,
            study_instance_uid=self._study_instance_uid,
        )
        return Stored(receipt)


def _failed(error: ArchiveError, received: ReceivedBytes) -> Failed:
    """The failure under the name that the part's own file meta information gives, if any."""
    try:
        head: FileHead = read_file_head(received.view())
    except ArchiveError:
        return Failed(error)
    return Failed(error, head.sop_class_uid, head.sop_instance_uid)
