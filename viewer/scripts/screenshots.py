"""Takes the README's pictures of the viewer from a running archive that holds some studies.

    python viewer/scripts/screenshots.py http://127.0.0.1:8080 admin PASSWORD docs/images

Writes sign-in, worklist and quick looks (CT, X-ray, ultrasound; whichever the archive has), each as
seen on a desk and on a phone. Needs playwright and a Chromium (Debian package chromium).
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

DESK: dict[str, Any] = {"viewport": {"width": 1440, "height": 900}}
PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 844},
    "device_scale_factor": 2,
    "has_touch": True,
    "is_mobile": True,
}
QUICK_LOOKS = {"ct": ("CT",), "x-ray": ("DX", "CR"), "ultrasound": ("US",)}
CHROMIUM_ARGUMENTS = (
    "--no-sandbox",
    "--headless",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)

_EVERYTHING_SHOWN = """() => document.fonts.status === 'loaded'
  && [...document.images].every((image) => image.complete && image.naturalWidth > 0)"""


@dataclass(frozen=True)
class Album:
    """Where the archive is, who looks, and where the pictures go."""

    base_url: str
    user_name: str
    password: str
    folder: Path

    def save(self, page: Page, name: str, screen: str) -> None:
        page.wait_for_function(_EVERYTHING_SHOWN)
        path = self.folder / f"{name}-{screen}.png"
        page.screenshot(path=path)
        print(path)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("base_url")
    parser.add_argument("user_name")
    parser.add_argument("password")
    parser.add_argument("folder", type=Path)
    album = Album(**vars(parser.parse_args()))
    album.folder.mkdir(parents=True, exist_ok=True)
    chromium = shutil.which("chromium")
    if chromium is None:
        print("needs chromium (Debian package chromium)", file=sys.stderr)
        return 2
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=list(CHROMIUM_ARGUMENTS)
        )
        for screen, device in (("desk", DESK), ("phone", PHONE)):
            photograph(browser, album, screen, device)
        browser.close()
    return 0


def photograph(browser: Browser, album: Album, screen: str, device: dict[str, Any]) -> None:
    with opened(browser, device) as context:
        page = context.new_page()
        sign_in(page, album, screen)
        page.wait_for_selector("[data-study]")
        page.wait_for_selector(".recv", state="detached")
        if screen == "desk":
            page.click("[data-study]")
            page.wait_for_selector(".pri :is(a, span)")  # earlier studies have come, or none
        album.save(page, "worklist", screen)
        studies = context.request.get(f"{album.base_url}/api/studies?limit=200").json()["studies"]
        for name, modalities in QUICK_LOOKS.items():
            study = largest(studies, modalities)
            if study is not None:
                quick_look(page, album, study, f"quick-look-{name}", screen)


@contextmanager
def opened(browser: Browser, device: dict[str, Any]) -> Iterator[BrowserContext]:
    context = browser.new_context(locale="vi-VN", **device)
    try:
        yield context
    finally:
        context.close()


def sign_in(page: Page, album: Album, screen: str) -> None:
    page.goto(album.base_url)
    page.fill("input[name=user_name]", album.user_name)
    page.fill("input[name=password]", album.password)
    album.save(page, "sign-in", screen)
    page.keyboard.press("Enter")


def largest(studies: list[dict[str, Any]], modalities: tuple[str, ...]) -> dict[str, Any] | None:
    """The study of one of these modalities with the most images."""
    fitting = [study for study in studies if set(modalities) & set(study["modalities"])]
    return max(fitting, key=lambda study: int(study["instance_count"]), default=None)


def quick_look(page: Page, album: Album, study: dict[str, Any], name: str, screen: str) -> None:
    page.goto(f"{album.base_url}/study/{study['study_instance_uid']}")
    page.wait_for_selector("[data-testid=image][data-status=ready]")
    if "CT" in study["modalities"]:
        page.keyboard.press("1")
        # The ends of a stack show little; a third of the way in there is something to see.
        index = study["instance_count"] // 3
        page.keyboard.press("Home")
        for _ in range(index):
            page.keyboard.press("ArrowDown")
        page.wait_for_selector(f"[data-status=ready][data-index='{index}']")
    album.save(page, name, screen)


if __name__ == "__main__":
    raise SystemExit(main())
