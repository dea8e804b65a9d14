"""A reload or a link into the viewer opens the viewer, whatever dots the address has."""

from __future__ import annotations

from pathlib import Path

import pytest
from starlette.exceptions import HTTPException
from starlette.requests import Request

from pacs.web.viewer_files import ViewerFiles


@pytest.fixture
def viewer(tmp_path: Path) -> ViewerFiles:
    (tmp_path / "index.html").write_text("<title>viewer</title>")
    return ViewerFiles(tmp_path)


@pytest.mark.parametrize("path", ["/", "/sign-in", "/study/1.2.840.113619.2.55", "/study/2.25.7/"])
def test_routes_of_the_viewer_get_its_page(viewer: ViewerFiles, path: str) -> None:
    answer = viewer.serve(_request(path))

    assert answer.status_code == 200
    assert answer.media_type == "text/html"


@pytest.mark.parametrize("path", ["/missing.svg", "/assets/missing-1a2b.js", "/assets/missing"])
def test_a_missing_file_is_not_answered_with_the_page(viewer: ViewerFiles, path: str) -> None:
    with pytest.raises(HTTPException) as caught:
        viewer.serve(_request(path))

    assert caught.value.status_code == 404


def _request(path: str) -> Request:
    return Request({"type": "http", "method": "GET", "path": path, "headers": []})
