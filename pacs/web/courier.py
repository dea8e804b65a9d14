"""Posts messages to the web servers of others, for webhooks."""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
from collections.abc import Mapping
from urllib.parse import SplitResult, urlsplit

from pacs.errors import PeerUnreachable

_ENOUGH_OF_AN_ANSWER = 64 * 1024


class HttpCourier:
    """Never follows a redirection: an address that nobody entered is not posted to.

    timeout_s  for each silence of the server.
    """

    def __init__(self, *, timeout_s: float = 10.0) -> None:
        self._timeout_s = timeout_s
        self._tls = ssl.create_default_context()

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> None:
        """Return when the server took it (2xx). Raises PeerUnreachable when it did not."""
        parts = urlsplit(url)
        connection = self._connection(parts)
        try:
            connection.connect()
            _refuse_odd_address(connection.sock)
            connection.request("POST", _target(parts), body, dict(headers))
            answer = connection.getresponse()
            answer.read(_ENOUGH_OF_AN_ANSWER)
        except (OSError, http.client.HTTPException) as error:
            raise PeerUnreachable(f"{parts.hostname} cannot be reached: {error}") from error
        finally:
            connection.close()
        if not 200 <= answer.status < 300:
            raise PeerUnreachable(f"{parts.hostname} answered {answer.status}, not 2xx")

    def _connection(self, parts: SplitResult) -> http.client.HTTPConnection:
        host = parts.hostname or ""
        if parts.scheme == "https":
            return http.client.HTTPSConnection(
                host, parts.port, timeout=self._timeout_s, context=self._tls
            )
        return http.client.HTTPConnection(host, parts.port, timeout=self._timeout_s)


def _target(parts: SplitResult) -> str:
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def _refuse_odd_address(connected: socket.socket) -> None:
    """Programs on this machine and in the hospital are meant; the services of a cloud are not.

    Checked on the connection itself, since a name may resolve to something else each time.
    """
    address = ipaddress.ip_address(connected.getpeername()[0].partition("%")[0])
    mapped = getattr(address, "ipv4_mapped", None) or address
    if mapped.is_link_local or mapped.is_multicast or mapped.is_unspecified:
        raise PeerUnreachable(f"{address} is no address that webhooks are sent to")
