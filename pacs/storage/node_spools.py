"""Objects in the spools of other nodes, read from those nodes over HTTP."""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import quote, urlencode, urlsplit

from pacs.errors import NodeUnavailable, ObjectDamaged, ObjectMissing
from pacs.nodes import (
    SIGNATURE_HEADER,
    SPOOL_PATH,
    TIME_HEADER,
    NodeDirectory,
    sign_request,
)
from pacs.storage.object_keys import check_key

PIECE_BYTES: Final = 512 * 1024
"""How much one read returns at most."""


_CONNECT_S = 3.0
_NOT_ASKED_FOR = timedelta(seconds=2)


class NodeSpool:
    """An ObjectReader of what waits in the spool of another node.

    timeout_s  for each silence of the node; connecting must be quicker. A node that did not answer
               is not asked again for a moment, so that a whole study does not wait for it.
    """

    def __init__(
        self,
        node: str,
        nodes: NodeDirectory,
        *,
        now: Callable[[], datetime],
        timeout_s: float = 10.0,
    ) -> None:
        self._node = node
        self._nodes = nodes
        self._now = now
        self._timeout_s = timeout_s
        self._not_before: datetime | None = None

    def read(self, key: str, *, offset: int = 0, length: int | None = None) -> Iterator[bytes]:
        """As every ObjectReader; raises NodeUnavailable when the node does not answer."""
        query = {"offset": offset} | ({} if length is None else {"length": length})
        target = f"{SPOOL_PATH}{quote(check_key(key))}?{urlencode(query)}"
        if self._not_before is not None and self._now() < self._not_before:
            raise _away(self._node)
        connection = self._connection()
        try:
            answer = self._asked(connection, target)
            self._check(answer, key)
        except BaseException:
            connection.close()
            raise
        return _Pieces(self._node, connection, answer)

    def _connection(self) -> http.client.HTTPConnection:
        known = self._nodes.node(self._node)
        if known is None:
            raise NodeUnavailable(f"node {self._node} was never seen; is it running?")
        parts = urlsplit(known.url)
        if parts.scheme == "https":
            context = ssl.create_default_context()
            return http.client.HTTPSConnection(parts.netloc, timeout=_CONNECT_S, context=context)
        return http.client.HTTPConnection(parts.netloc, timeout=_CONNECT_S)

    def _asked(
        self, connection: http.client.HTTPConnection, target: str
    ) -> http.client.HTTPResponse:
        seconds = int(self._now().timestamp())
        signature = sign_request(self._nodes.secret(), target, seconds)
        headers = {TIME_HEADER: str(seconds), SIGNATURE_HEADER: signature}
        try:
            connection.connect()
            connection.sock.settimeout(self._timeout_s)
            connection.request("GET", target, headers=headers)
            answer = connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            self._not_before = self._now() + _NOT_ASKED_FOR
            raise _away(self._node) from error
        self._not_before = None
        return answer

    def _check(self, answer: http.client.HTTPResponse, key: str) -> None:
        if answer.status == 404:
            raise ObjectMissing(f"object {key} is not in the spool of node {self._node}")
        if answer.status == 416:
            raise ObjectDamaged(f"object {key} in the spool of node {self._node} is too short")
        if answer.status != 200:
            raise NodeUnavailable(f"node {self._node} refused with status {answer.status}")


class _Pieces:
    """Reads an answer in pieces; owns the connection."""

    def __init__(
        self, node: str, connection: http.client.HTTPConnection, answer: http.client.HTTPResponse
    ) -> None:
        self._node = node
        self._connection = connection
        self._answer = answer

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        try:
            piece = self._answer.read(PIECE_BYTES)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise _away(self._node) from error
        if not piece:
            is_cut = bool(self._answer.length)
            self.close()
            if is_cut:
                raise _away(self._node)
            raise StopIteration
        return piece

    def close(self) -> None:
        self._connection.close()


def _away(node: str) -> NodeUnavailable:
    return NodeUnavailable(
        f"node {node}, which still holds the only copy, does not answer; start it again"
    )
