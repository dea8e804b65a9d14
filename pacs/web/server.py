"""Runs the HTTP door: sockets, threads, TLS, and deadlines for those who speak slowly."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from pacs.errors import SettingsInvalid
from pacs.web.app import WebApplication

_MAX_HEADER_BYTES = 64 * 1024
_KEEP_ALIVE_S = 75
_GRACE_S = 10
_BACKLOG = 512


@dataclass(frozen=True)
class TlsFiles:
    """PEM files. Browsers show no certificates: people sign in, and programs have tokens."""

    certificate: Path
    key: Path


@dataclass(frozen=True)
class HttpAddress:
    """Where to listen; port 0 lets the system choose.

    trusted_proxies  addresses or networks whose X-Forwarded-For and -Proto are believed.
    header_deadline_s  how long a client may take for the header of a request.
    """

    host: str
    port: int
    tls: TlsFiles | None = None
    trusted_proxies: tuple[str, ...] = ()
    header_deadline_s: float = 60.0


class HttpServer:
    """One server in a thread of its own."""

    def __init__(self, application: WebApplication, address: HttpAddress) -> None:
        """Bind the port. Raises SettingsInvalid when it cannot be had or TLS is set up wrongly."""
        self._socket = bind(address)
        self.port = int(self._socket.getsockname()[1])
        self._server = _Server(_config(application, address), application.end_streams)
        self._thread = threading.Thread(target=self._run, name="http", daemon=True)

    def start(self) -> None:
        """Return when the server answers. Raises SettingsInvalid when it cannot begin."""
        self._thread.start()
        self._server.decided.wait()
        if not self._server.started:
            raise SettingsInvalid("the web server could not start; the log tells why")

    def stop(self) -> None:
        """Take no more, finish what is being answered within a grace time, and end."""
        self._server.should_exit = True
        if self._thread.ident is None:
            self._socket.close()
            return
        self._thread.join()

    def _run(self) -> None:
        try:
            self._server.run(sockets=[self._socket])
        finally:
            self._server.decided.set()


class _Server(uvicorn.Server):
    """Tells when it is up, and lets watchers go before it waits for the last answers."""

    def __init__(self, config: uvicorn.Config, end_streams: Callable[[], None]) -> None:
        super().__init__(config)
        self.decided = threading.Event()
        self._end_streams = end_streams

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.decided.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._end_streams()
        await super().shutdown(sockets)


def bind(address: HttpAddress) -> socket.socket:
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Accepted connections inherit it: an answer in two writes must not wait for the peer.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        listener.bind((address.host, address.port))
    except OSError as error:
        listener.close()
        raise SettingsInvalid(
            f"the web port {address.port} on {address.host} cannot be used: {error.strerror}; "
            "choose another with PACS_HTTP_PORT"
        ) from error
    return listener


def _config(application: WebApplication, address: HttpAddress) -> uvicorn.Config:
    return uvicorn.Config(
        application.asgi,
        http=_protocol(address.header_deadline_s),
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(address.trusted_proxies),
        forwarded_allow_ips=list(address.trusted_proxies),
        backlog=_BACKLOG,
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=_GRACE_S,
        h11_max_incomplete_event_size=_MAX_HEADER_BYTES,
        ssl_context_factory=_tls_factory(address.tls) if address.tls else None,
    )


def _tls_factory(files: TlsFiles) -> Callable[..., ssl.SSLContext]:
    context = tls_context(files)
    return lambda *_: context


def tls_context(files: TlsFiles) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(files.certificate, files.key)
    except OSError as error:
        raise SettingsInvalid(f"PACS_TLS_CERT or PACS_TLS_KEY cannot be used: {error}") from error
    return context


def _protocol(header_deadline_s: float) -> type[asyncio.Protocol]:
    class DeadlineProtocol(H11Protocol):
        """Drops a client that does not finish the header of its request in time.

        The server itself bounds the time between requests, not the time within a header.
        """

        _deadline: asyncio.TimerHandle | None = None

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            self._watch_header()

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            self._watch_header()

        def connection_lost(self, exc: Exception | None) -> None:
            self._stop_watching()
            super().connection_lost(exc)

        def _watch_header(self) -> None:
            # IDLE: the header of the next request has not come to its end.
            if self.conn.their_state is not h11.IDLE:
                self._stop_watching()
            elif self._deadline is None:
                self._deadline = self.loop.call_later(header_deadline_s, self.transport.close)

        def _stop_watching(self) -> None:
            if self._deadline is not None:
                self._deadline.cancel()
                self._deadline = None

    return DeadlineProtocol
