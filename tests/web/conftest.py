"""One archive per module with its web door open, and clients that are signed in to it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator

import httpx
import pytest
import structlog
from pydicom.dataset import Dataset

from pacs.scope import Role
from pacs.wiring import Archive, open_archive
from tests.archives import RunningArchive, running, settings_for
from tests.web.requests import stow_request

Store = Callable[..., httpx.Response]


@pytest.fixture(scope="session", autouse=True)
def _quiet_log() -> Iterator[None]:
    """Answered requests are no news in a test; what fails still is."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    yield
    structlog.reset_defaults()


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningArchive]:
    """Shared by the tests of a module, which therefore use UIDs and patients of their own."""
    with running(settings_for(tmp_path_factory.mktemp("archive") / "data")) as started:
        yield started


@pytest.fixture(scope="module")
def engines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archive]:
    """Engines shared by the tests of a module, for doors that a test opens itself."""
    opened = open_archive(settings_for(tmp_path_factory.mktemp("engines") / "data"))
    opened.reception.sweep()
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def web(door: RunningArchive) -> Iterator[httpx.Client]:
    """A client with an administrator's token."""
    with httpx.Client(base_url=door.base_url, headers=door.headers(), timeout=30) as client:
        yield client


@pytest.fixture
def anonymous(door: RunningArchive) -> Iterator[httpx.Client]:
    """A client without token or cookie."""
    with httpx.Client(base_url=door.base_url, timeout=30) as client:
        yield client


@pytest.fixture(scope="module")
def clinician(door: RunningArchive) -> Iterator[httpx.Client]:
    """A client that may look, but not store."""
    headers = door.headers(Role.CLINICIAN)
    with httpx.Client(base_url=door.base_url, headers=headers, timeout=30) as client:
        yield client


@pytest.fixture(scope="module")
def store(web: httpx.Client) -> Store:
    """Store data sets by STOW-RS in one request; returns the answer."""

    def send(*data_sets: Dataset) -> httpx.Response:
        body, headers = stow_request(*data_sets)
        answer = web.post("/dicom-web/studies", content=body, headers=headers)
        assert answer.status_code == 200, answer.text
        return answer

    return send
