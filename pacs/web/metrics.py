"""Numbers for whoever watches over the archive, in the text format of Prometheus; none of patients.

A process tells of itself: each node is asked for its own.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pacs.errors import ArchiveError, NotAllowed, RequestInvalid
from pacs.web.access import Access, address_of
from pacs.web.api.archive import SpoolFacts, StorageRoom
from pacs.web.health import Check
from pacs.web.origins import require_loopback_host

Told = TypeVar("Told")
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"})
_AREAS = frozenset({"api", "assets", "dicom-web", "health", "metrics", "wado"})
_SECONDS = (0.005, 0.02, 0.1, 0.5, 2.0, 10.0, 60.0)
_PASSED_ON = ("forwarded", "x-forwarded-for", "x-real-ip", "via")


class RequestCounts:
    """Counts what the outer edge answered. Labels are bounded: nobody can make up new ones."""

    def __init__(self, registry: CollectorRegistry) -> None:
        labels = ("area", "method", "status")
        self._answered = Counter(
            "pacs_http_requests", "requests that were answered", labels, registry=registry
        )
        self._seconds = Histogram(
            "pacs_http_request_seconds",
            "from the first byte of a request to the last of its answer",
            ("area",),
            buckets=_SECONDS,
            registry=registry,
        )

    def note(self, *, method: str, path: str, status: int, duration_s: float) -> None:
        first = path.lstrip("/").partition("/")[0]
        area = first if first in _AREAS else "viewer"
        known = method if method in _METHODS else "other"
        self._answered.labels(area, known, str(status)).inc()
        self._seconds.labels(area).observe(duration_s)


class ArchiveGauges(Collector):
    """What the archive says of itself at the moment it is asked."""

    def __init__(
        self,
        *,
        version: str,
        readiness: Mapping[str, Check],
        storage_room: Callable[[], StorageRoom | None],
        spool_facts: Callable[[], SpoolFacts | None],
    ) -> None:
        self._version = version
        self._readiness = readiness
        self._storage_room = storage_room
        self._spool_facts = spool_facts

    def collect(self) -> Iterator[Metric]:
        build = GaugeMetricFamily("pacs_build_info", "which version runs", labels=["version"])
        build.add_metric([self._version], 1)
        yield build
        ready = GaugeMetricFamily("pacs_ready", "1: in order, 0: not", labels=["check"])
        for name, check in self._readiness.items():
            ready.add_metric([name], _is_in_order(check))
        yield ready
        yield from self._room()
        yield from self._spool()

    def _room(self) -> Iterator[Metric]:
        room = _told(self._storage_room)
        if room is not None:
            yield _gauge("pacs_storage_free_bytes", "room left for objects", room.free_bytes)
            yield _gauge("pacs_storage_total_bytes", "room for objects", room.total_bytes)

    def _spool(self) -> Iterator[Metric]:
        spool = _told(self._spool_facts)
        if spool is not None:
            yield _gauge("pacs_spool_objects", "objects that wait for S3", spool.objects)
            yield _gauge("pacs_spool_bytes", "bytes that wait for S3", spool.size_bytes)
            yield _gauge("pacs_spool_damaged_objects", "objects that cannot go", spool.damaged)
            yield _gauge("pacs_spool_free_bytes", "room left for more", spool.room.free_bytes)


class MetricsService:
    """The route `/metrics`."""

    def __init__(self, *, registry: CollectorRegistry, access: Access) -> None:
        self._registry = registry
        self._access = access

    def routes(self) -> list[Route]:
        return [Route("/metrics", self.show)]

    def show(self, request: Request) -> Response:
        if not _is_of_this_machine(request):
            self._access.scope_of(request)
        content = generate_latest(self._registry)
        return Response(content, headers={"Content-Type": CONTENT_TYPE_LATEST})


def metrics_registry(gauges: ArchiveGauges) -> CollectorRegistry:
    """A registry of our own: two archives in one process do not share numbers."""
    registry = CollectorRegistry()
    registry.register(gauges)
    ProcessCollector(registry=registry)
    return registry


def _is_of_this_machine(request: Request) -> bool:
    """Whether a program here asks, and not a proxy here on behalf of somebody elsewhere."""
    if any(name in request.headers for name in _PASSED_ON):
        return False
    try:
        require_loopback_host(request)
        return ipaddress.ip_address(address_of(request) or "").is_loopback
    except (NotAllowed, RequestInvalid, ValueError):
        return False


def _is_in_order(check: Check) -> int:
    try:
        check()
    except ArchiveError:
        return 0
    return 1


def _told(ask: Callable[[], Told | None]) -> Told | None:
    """What is asked for, or nothing while the database or the disk does not answer."""
    try:
        return ask()
    except ArchiveError:
        return None


def _gauge(name: str, what: str, value: float) -> Metric:
    return GaugeMetricFamily(name, what, value=value)
