"""Takes the README's pictures from an archive full of synthetic studies, with Debian's Chromium.

    make screenshots
    python viewer/scripts/screenshots.py FOLDER [--url URL --user NAME --password-file FILE]

Without an address it starts an archive of its own in a temporary folder.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Page, ViewportSize, sync_playwright

CHROMIUM = "/usr/bin/chromium"
DESK: ViewportSize = {"width": 1280, "height": 800}
PHONE: ViewportSize = {"width": 390, "height": 844}
QUALITY = 85
SLICE = 9
"""The slice of the synthetic CT in which the nodule lies, from 1."""


@dataclass(frozen=True)
class Account:
    url: str
    user_name: str
    password: str


def take_screenshots(account: Account, folder: Path) -> None:
    """Write all pictures into the folder, replacing older ones."""
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        desk = browser.new_page(viewport=DESK, locale="vi-VN", reduced_motion="reduce")
        _sign_in(desk, account, folder / "sign-in.jpg")
        _worklist(desk, folder / "worklist.jpg")
        for modality in ("CT", "DX", "US"):
            _quick_look(desk, account, modality, folder / f"quick-look-{modality.lower()}.jpg")
        phone = browser.new_context(
            viewport=PHONE, device_scale_factor=2, is_mobile=True, has_touch=True, locale="vi-VN"
        ).new_page()
        _sign_in(phone, account, None)
        phone.wait_for_selector("[data-study]")
        _keep(phone, folder / "phone-worklist.jpg")
        _quick_look(phone, account, "CT", folder / "phone-quick-look.jpg")
        browser.close()


def _sign_in(page: Page, account: Account, picture: Path | None) -> None:
    page.goto(account.url)
    page.fill("input[name=user_name]", account.user_name)
    if picture is not None:
        _keep(page, picture)
    page.fill("input[name=password]", account.password)
    page.keyboard.press("Enter")
    page.wait_for_selector("[data-study]")


def _worklist(page: Page, picture: Path) -> None:
    """The list with its newest study opened."""
    page.click("[data-study]")
    page.wait_for_function(_ALL_PICTURES_LOADED)
    _keep(page, picture)


def _quick_look(page: Page, account: Account, modality: str, picture: Path) -> None:
    page.goto(f"{account.url}/study/{_study_of(page, modality)}")
    page.wait_for_selector("[data-testid=image][data-status=ready]")
    if modality == "CT":
        for index in range(1, SLICE):
            page.keyboard.press("ArrowDown")
            page.wait_for_selector(f'[data-testid=image][data-index="{index}"]')
    page.wait_for_selector("[data-testid=image][data-status=ready]")
    page.wait_for_function(_ALL_PICTURES_LOADED)
    _keep(page, picture)


_ALL_PICTURES_LOADED = "() => [...document.images].every((image) => image.complete)"


def _study_of(page: Page, modality: str) -> str:
    """The newest study of the modality."""
    found = page.evaluate(
        "(modality) => fetch(`/api/studies?modality=${modality}`).then((answer) => answer.json())",
        modality,
    )
    return str(found["studies"][0]["study_instance_uid"])


def _keep(page: Page, picture: Path) -> None:
    page.evaluate("() => document.fonts.ready.then(() => undefined)")
    page.screenshot(path=picture, type="jpeg", quality=QUALITY)
    print(picture)


@contextmanager
def _own_archive() -> Iterator[Account]:
    """An archive of its own, filled with synthetic studies; gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="pacs-screenshots-") as folder:
        environment = {
            "PATH": os.environ["PATH"], "PYTHONPATH": "/tmp/snap",
            "PACS_DATA_DIR": folder,
            "PACS_HTTP_PORT": "0",
            "PACS_DICOM_PORT": "0",
            "PACS_INSTITUTION_NAME": "Bệnh viện Đa khoa Minh Họa",
            "PYTHONUNBUFFERED": "1",
        }
        command = [sys.executable, "-m", "pacs", "serve", "--demo"]
        with subprocess.Popen(  # noqa: S603 our own program
            command, env=environment, stdout=subprocess.PIPE, text=True
        ) as served:
            try:
                url = _wait_until_filled(served)
                password = (Path(folder) / "initial-admin-password").read_text().strip()
                yield Account(url, "admin", password)
            finally:
                served.terminate()


def _wait_until_filled(served: subprocess.Popen[str]) -> str:
    """The address, once the synthetic studies are stored."""
    url = ""
    for line in served.stdout or ():
        if found := re.search(r"http://\S+[^/\s]", line):
            url = found.group()
        if "are stored" in line:
            return url
    raise SystemExit("the archive did not start")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--url")
    parser.add_argument("--user", default="admin")
    parser.add_argument("--password-file", type=Path)
    arguments = parser.parse_args()
    if arguments.url is None:
        with _own_archive() as account:
            take_screenshots(account, arguments.folder)
    else:
        password = arguments.password_file.read_text().strip()
        take_screenshots(
            Account(arguments.url.rstrip("/"), arguments.user, password), arguments.folder
        )


if __name__ == "__main__":
    main()
