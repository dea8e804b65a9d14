"""OHIF, as it is published, reads our studies: lists them, opens them and shows their pictures.

It is served by a small server of the test that also passes DICOMweb on and adds who asks, as a
proxy of a hospital does.
"""

from __future__ import annotations

import http.client
import json
import mimetypes
import shutil
import subprocess
import tarfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Response, sync_playwright
from pydicom.uid import generate_uid

from tests.archives import RunningArchive
from tests.builders import ct_slice, enhanced_mr
from tests.needs import Need

PACKAGE = "@ohif/app@3.13.2"
DEADLINE_MS = 60_000
_CHROMIUM_ARGUMENTS = (
    "--no-sandbox",
    "--headless",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
_SOURCE = {
    "name": "OHIF in a test",
    "routerBasename": "/",
    "extensions": [],
    "modes": [],
    "customizationService": {},
    "showStudyList": True,
    "investigationalUseDialog": {"option": "never"},
    "defaultDataSourceName": "pacs",
    "dataSources": [
        {
            "namespace": "@ohif/extension-default.dataSourcesModule.dicomweb",
            "sourceName": "pacs",
            "configuration": {
                "friendlyName": "pacs",
                "name": "pacs",
                "wadoUriRoot": "/wado",
                "qidoRoot": "/dicom-web",
                "wadoRoot": "/dicom-web",
                "qidoSupportsIncludeField": True,
                "imageRendering": "wadors",
                "thumbnailRendering": "wadors",
                "enableStudyLazyLoad": True,
                "supportsFuzzyMatching": True,
                "supportsWildcard": True,
                "bulkDataURI": {"enabled": True},
            },
        }
    ],
}
_OF_THE_CONNECTION = frozenset({"connection", "transfer-encoding", "content-length", "keep-alive"})


@pytest.fixture(scope="session")
def ohif(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The published build; npm keeps it in its cache, so that it is fetched once."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("needs npm (Debian package npm) to fetch OHIF")
    folder = tmp_path_factory.mktemp("ohif")
    command = [npm, "pack", "--prefer-offline", "--silent", PACKAGE]
    packed = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)
    if packed.returncode != 0:
        pytest.skip(f"needs {PACKAGE}, which npm could not fetch: {packed.stderr.strip()[:200]}")
    [archive] = folder.glob("*.tgz")
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter="data")
    return folder / "package" / "dist"


@contextmanager
def served(dist: Path, archive: RunningArchive) -> Iterator[str]:
    """OHIF and our DICOMweb under one origin."""
    port = int(archive.base_url.rsplit(":", 1)[1])
    token = archive.headers()["Authorization"]

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path = urlsplit(self.path).path
            if path.startswith(("/dicom-web/", "/wado")):
                self._pass_on()
            elif path == "/app-config.js":
                self._send(f"window.config = {json.dumps(_SOURCE)};".encode(), "text/javascript")
            else:
                wanted = dist / path.lstrip("/")
                found = wanted if wanted.is_file() else dist / "index.html"
                kind = mimetypes.guess_type(found.name)[0] or "application/octet-stream"
                self._send(found.read_bytes(), kind)

        def _pass_on(self) -> None:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
            wanted = {"Accept": self.headers.get("Accept", "*/*"), "Authorization": token}
            connection.request("GET", self.path, headers=wanted)
            answer = connection.getresponse()
            body = answer.read()
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in _OF_THE_CONNECTION:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            connection.close()

        def _send(self, body: bytes, kind: str) -> None:
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(scope="module")
def browser(need: Need) -> Iterator[Browser]:
    chromium = need("chromium")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(
            executable_path=str(chromium), args=list(_CHROMIUM_ARGUMENTS)
        )
        yield launched
        launched.close()


class Reader:
    """A page of OHIF, and what of ours went wrong while it was used."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.refused: list[str] = []
        self.errors: list[str] = []
        page.set_default_timeout(DEADLINE_MS)
        page.on("response", self._look)
        page.on("console", self._listen)
        page.on("pageerror", lambda error: self.errors.append(str(error)))

    def _look(self, response: Response) -> None:
        if "/dicom-web/" in response.url and response.status >= 400:
            self.refused.append(f"{response.status} {response.url}")

    def _listen(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.errors.append(message.text)

    def wait_for_shades(self) -> None:
        """Until the first viewport shows a picture: many different colours on its canvas."""
        self.page.wait_for_function(
            """() => {
              const canvas = document.querySelector('.cornerstone-canvas');
              if (!canvas || !canvas.width) return false;
              const small = document.createElement('canvas');
              small.width = small.height = 64;
              const context = small.getContext('2d');
              context.drawImage(canvas, 0, 0, 64, 64);
              const shades = new Set();
              const data = context.getImageData(0, 0, 64, 64).data;
              for (let i = 0; i < data.length; i += 4) shades.add(data[i]);
              return shades.size > 8;
            }"""
        )


@pytest.fixture
def reader(browser: Browser) -> Iterator[Reader]:
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    yield Reader(context.new_page())
    context.close()


@pytest.mark.timeout(300)
def test_a_ct_is_listed_opened_and_shown(
    ohif: Path, running_archive: RunningArchive, reader: Reader
) -> None:
    study, series = str(generate_uid()), str(generate_uid())
    running_archive.send(
        *(
            ct_slice(
                patient_name="NGUYỄN^VĂN AN",
                study_instance_uid=study,
                series_instance_uid=series,
                instance_number=number,
                image_position_patient=[0, 0, 5 * number],
            )
            for number in range(1, 6)
        )
    )

    with served(ohif, running_archive) as url:
        reader.page.goto(url)
        reader.page.get_by_text("NGUYỄN").first.wait_for()
        reader.page.goto(f"{url}/viewer?StudyInstanceUIDs={study}")
        reader.wait_for_shades()

    assert reader.refused == []
    assert reader.errors == []


@pytest.mark.timeout(300)
def test_an_enhanced_mr_is_opened_and_shown(
    ohif: Path, running_archive: RunningArchive, reader: Reader
) -> None:
    ds = enhanced_mr()
    running_archive.send(ds)

    with served(ohif, running_archive) as url:
        reader.page.goto(f"{url}/viewer?StudyInstanceUIDs={ds.StudyInstanceUID}")
        reader.wait_for_shades()

    assert reader.refused == []
    assert reader.errors == []
