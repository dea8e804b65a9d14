"""Ends what a PostgreSQL server does not answer: a stopped server keeps its connections open.

The server's own time-outs do not help when the server itself stands still, and the network's do not
when its machine still acknowledges what arrives.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from contextlib import suppress
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy import exc as sql_errors

from pacs.errors import IndexUnavailable

_IDLE_S = 5.0
"""A connection that rested longer is asked whether it is alive before it is used."""


class Watchdog:
    """Cuts connections that were taken from the pool and not given back for `limit_s`."""

    def __init__(self, engine: Engine, *, limit_s: float) -> None:
        self._limit_s = limit_s
        self._taken: dict[int, tuple[float, Any]] = {}
        self._wake = threading.Condition()
        self._closed = False
        event.listen(engine, "checkout", self._on_checkout)
        event.listen(engine, "checkin", self._on_checkin)
        event.listen(engine, "invalidate", self._on_checkin)
        self._thread = threading.Thread(target=self._run, name="index-watchdog", daemon=True)
        self._thread.start()

    def close(self) -> None:
        with self._wake:
            self._closed = True
            self._wake.notify()
        self._thread.join()

    def _on_checkout(self, connection: Any, record: Any, _proxy: object) -> None:
        started = time.monotonic()
        self._take(connection, started)
        if started - record.info.get("rested_since", started) < _IDLE_S:
            return
        try:
            _ping(connection)
        except record.dbapi_connection.Error as error:
            self._give_back(connection)
            if time.monotonic() - started >= self._limit_s:
                raise IndexUnavailable("the database does not answer") from error
            raise sql_errors.DisconnectionError("the connection is dead") from error

    def _on_checkin(self, connection: Any, record: Any, *_: object) -> None:
        record.info["rested_since"] = time.monotonic()
        self._give_back(connection)

    def _take(self, connection: Any, started: float) -> None:
        with self._wake:
            self._taken[id(connection)] = (started + self._limit_s, connection)
            self._wake.notify()

    def _give_back(self, connection: Any) -> None:
        with self._wake:
            self._taken.pop(id(connection), None)

    def _run(self) -> None:
        with self._wake:
            while not self._closed:
                self._wake.wait(self._until_next())
                self._cut_overdue(time.monotonic())

    def _until_next(self) -> float | None:
        if not self._taken:
            return None
        return max(0.0, min(limit for limit, _ in self._taken.values()) - time.monotonic())

    def _cut_overdue(self, now: float) -> None:
        for key, (limit, connection) in list(self._taken.items()):
            if limit <= now:
                del self._taken[key]
                _cut(connection)


def _ping(connection: Any) -> None:
    connection.autocommit = True  # else the question would begin a transaction
    connection.execute("SELECT 1")
    connection.autocommit = False


def _cut(connection: Any) -> None:
    """End the connection under whoever waits for it: the wait ends with an error."""
    with suppress(OSError), socket.socket(fileno=os.dup(connection.fileno())) as handle:
        handle.shutdown(socket.SHUT_RDWR)
