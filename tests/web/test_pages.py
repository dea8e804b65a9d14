"""The viewer's files are served small, kept long where they may be, and nothing beside them."""

from __future__ import annotations

import gzip
from collections.abc import Iterator

import httpx
import pytest

from pacs.wiring import Archive
from tests.web.doors import open_door

PAGE = "<!doctype html><title>viewer</title>"
SCRIPT = b"console.log('xin ch\xc3\xa0o');"


@pytest.fixture(scope="module")
def pages(engines: Archive, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A door with a small viewer, and a secret beside the viewer's folder."""
    tmp_path = tmp_path_factory.mktemp("viewer")
    folder = tmp_path / "static"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text(PAGE)
    (folder / "assets" / "main-1a2b.js").write_bytes(SCRIPT)
    (folder / "assets" / "main-1a2b.js.gz").write_bytes(gzip.compress(SCRIPT))
    (folder / "assets" / "font.woff2").write_bytes(b"font")
    (folder / ".hidden").write_text("secret")
    (tmp_path / "secret.txt").write_text("secret")
    with (
        open_door(engines, viewer_folder=folder) as base_url,
        httpx.Client(base_url=base_url) as client,
    ):
        yield client


@pytest.mark.parametrize("path", ["/", "/study/1.2.840.1", "/sign-in", "/worklist/a/b"])
def test_every_route_of_the_viewer_is_its_page(pages: httpx.Client, path: str) -> None:
    answer = pages.get(path)

    # A UID has dots, so a route may look like a file.
    assert answer.status_code == 200
    assert answer.text == PAGE
    assert answer.headers["cache-control"] == "no-cache"


def test_the_page_is_not_sent_again_until_it_changes(pages: httpx.Client) -> None:
    tag = pages.get("/").headers["etag"]

    again = pages.get("/", headers={"If-None-Match": tag})

    assert again.status_code == 304


@pytest.mark.parametrize(
    ("accepted", "encoding"), [("gzip, br", "gzip"), ("identity", None), ("gzip;q=0", None)]
)
def test_a_script_comes_compressed_to_those_who_take_it(
    pages: httpx.Client, accepted: str, encoding: str | None
) -> None:
    answer = pages.get("/assets/main-1a2b.js", headers={"Accept-Encoding": accepted})

    assert answer.content == SCRIPT
    assert answer.headers.get("content-encoding") == encoding
    assert answer.headers["content-type"].startswith("text/javascript")
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"


@pytest.mark.parametrize(
    "path",
    [
        "/assets/other.js",
        "/assets/main-1a2b.js.gz",
        "/assets/",
        "/assets/..%2F..%2Fsecret.txt",
        "/..%2Fsecret.txt",
        "/assets/%2e%2e/%2e%2e/secret.txt",
        "/.hidden",
        "/favicon.ico",
        "/api/nothing",
        "/dicom-web/nothing",
        "/health/nothing",
    ],
)
def test_what_is_not_the_viewer_s_is_404(pages: httpx.Client, path: str) -> None:
    answer = pages.get(path)

    assert answer.status_code == 404
    assert "secret" not in answer.text


def test_a_font_has_its_type(pages: httpx.Client) -> None:
    answer = pages.get("/assets/font.woff2")

    assert answer.headers["content-type"] == "font/woff2"


def test_pages_run_no_foreign_code(pages: httpx.Client) -> None:
    headers = pages.get("/").headers

    policy = headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe-eval" not in policy.replace("wasm-unsafe-eval", "")
    assert headers["x-content-type-options"] == "nosniff"


def test_without_a_built_viewer_the_page_says_how_to_build_it(engines: Archive) -> None:
    with open_door(engines) as base_url:
        answer = httpx.get(base_url)

    assert answer.status_code == 503
    assert "npm run build" in answer.text
