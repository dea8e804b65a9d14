"""Takes the README's pictures: starts an archive of synthetic studies and photographs its viewer.

`make screenshots` runs it. The archive lives in a temporary folder and is gone afterwards.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
PHOTOGRAPHER = PROJECT / "viewer" / "scripts" / "screenshots.py"
PICTURES = PROJECT / "docs" / "images"
INSTITUTION = "Bệnh viện Đa khoa Minh Họa"


def main() -> int:
    with (
        tempfile.TemporaryDirectory(prefix="pacs-screenshots-") as folder,
        _filled_archive(Path(folder)) as url,
    ):
        password = (Path(folder) / "initial-admin-password").read_text().strip()
        command = [sys.executable, str(PHOTOGRAPHER), url, "admin", password, str(PICTURES)]
        return subprocess.run(command, check=False).returncode  # noqa: S603 our own program


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
    sys.exit(main())
