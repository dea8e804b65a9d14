"""Takes the README's pictures: starts an archive of synthetic studies and photographs its viewer.

`make screenshots` runs it. The archive lives in a temporary folder and is gone afterwards; of the
pictures those are kept that the README shows.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
PHOTOGRAPHER = PROJECT / "viewer" / "scripts" / "screenshots.py"
INSTITUTION = "Bệnh viện Đa khoa Minh Họa"


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="pacs-screenshots-") as name:
        data, album = Path(name) / "data", Path(name) / "album"
        with _filled_archive(data) as url:
            password = (data / "initial-admin-password").read_text().strip()
            command = [sys.executable, str(PHOTOGRAPHER), url, "admin", password, str(album)]
            subprocess.run(command, check=True)  # noqa: S603 our own program
        for picture in _shown_pictures():
            shutil.copyfile(album / picture.name, picture)


def _shown_pictures() -> list[Path]:
    shown = re.findall(r"docs/images/[\w-]+\.png", (PROJECT / "README.md").read_text())
    return [PROJECT / path for path in shown]


@contextmanager
def _filled_archive(folder: Path) -> Iterator[str]:
    """The address of a running archive, once its synthetic studies are stored."""
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONUNBUFFERED": "1",
        "PACS_DATA_DIR": str(folder),
        "PACS_HTTP_PORT": "0",
        "PACS_INSTITUTION_NAME": INSTITUTION,
    }
    serve = [sys.executable, "-m", "pacs", "serve", "--demo"]
    with subprocess.Popen(  # noqa: S603 our own program
        serve, cwd=PROJECT, env=environment, stdout=subprocess.PIPE, text=True
    ) as served:
        try:
            yield _address_of(served)
        finally:
            served.terminate()


def _address_of(served: subprocess.Popen[str]) -> str:
    url = ""
    for line in served.stdout or ():
        if found := re.search(r"http://[\w.:]+", line):
            url = found.group()
        if "are stored" in line:
            return url
    raise SystemExit("the archive did not start; is its DICOM port taken?")


if __name__ == "__main__":
    main()
