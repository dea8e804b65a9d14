"""A real browser in front of a running archive; what its console complains about fails the test."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Request,
    ViewportSize,
    expect,
    sync_playwright,
)

from tests.archives import RunningArchive
from tests.needs import Need

DEADLINE_MS = 15_000
DESK: ViewportSize = {"width": 1440, "height": 900}
PHONE: ViewportSize = {"width": 390, "height": 844}

_CHROMIUM_ARGUMENTS = (
    "--no-sandbox",
    "--headless",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-quic",
)
_REPORT_VIOLATIONS = """
addEventListener('securitypolicyviolation', (event) =>
  console.error(`CSP: ${event.violatedDirective} ${event.blockedURI}`));
"""


@dataclass
class Desk:
    """A page of the viewer, and what went wrong while it was used."""

    page: Page
    archive: RunningArchive
    complaints: list[str] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)

    def open(self, path: str = "/") -> None:
        self.page.goto(self.archive.base_url + path)

    def sign_in(self, path: str = "/") -> None:
        self.open(path)
        self.page.fill("input[name=user_name]", self.archive.user_name)
        self.page.fill("input[name=password]", self.archive.password)
        self.page.keyboard.press("Enter")
        self.page.wait_for_url(lambda url: not urlsplit(url).path.startswith("/sign-in"))

    def search(self, words: str) -> None:
        """Type into the search box as a person does, by its key."""
        self.page.wait_for_selector("#search")
        self.page.keyboard.press("/")
        self.page.keyboard.type(words)

    def wait_for_picture(self, index: int | None = None) -> None:
        """Until slide `index` (from 0), or any, is on the canvas."""
        which = "" if index is None else f'[data-index="{index}"]'
        self.page.wait_for_selector(f"[data-testid=image][data-status=ready]{which}")
        # The canvas is painted in the next animation frame.
        self.page.evaluate(
            "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
        )

    def pixel(self, across: float, down: float) -> tuple[int, int, int]:
        """The colour at a place of the canvas, 0 to 1 from its left and top."""
        red, green, blue = self.page.evaluate(
            """([across, down]) => {
              const canvas = document.querySelector('[data-testid=image]');
              const x = Math.floor(across * canvas.width), y = Math.floor(down * canvas.height);
              return [...canvas.getContext('2d').getImageData(x, y, 1, 1).data].slice(0, 3);
            }""",
            [across, down],
        )
        return red, green, blue

    def note(self, message: ConsoleMessage) -> None:
        # Asking who is signed in is answered 401 before anybody is; the browser logs each 4xx.
        if message.type == "error" and "401" not in message.text:
            self.complaints.append(message.text)

    def meet(self, request: Request) -> None:
        address = urlsplit(request.url)
        if address.scheme.startswith("http") and address.hostname != "127.0.0.1":
            self.strangers.append(request.url)


@pytest.fixture(scope="session")
def browser(need: Need) -> Iterator[Browser]:
    """Debian's Chromium, headless."""
    need("viewer build")
    chromium = need("chromium")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(
            executable_path=str(chromium), args=list(_CHROMIUM_ARGUMENTS)
        )
        yield launched
        launched.close()


@pytest.fixture
def desk(browser: Browser, running_archive: RunningArchive) -> Iterator[Desk]:
    """A desk screen; the journey fails when the console complained or a stranger was asked."""
    yield from _sit_down(browser.new_context(viewport=DESK), running_archive)


@pytest.fixture
def phone(browser: Browser, running_archive: RunningArchive) -> Iterator[Desk]:
    """A phone with a touch screen."""
    context = browser.new_context(viewport=PHONE, has_touch=True, is_mobile=True)
    yield from _sit_down(context, running_archive)


def _sit_down(context: BrowserContext, archive: RunningArchive) -> Iterator[Desk]:
    expect.set_options(timeout=DEADLINE_MS)
    context.add_init_script(_REPORT_VIOLATIONS)
    page = context.new_page()
    page.set_default_timeout(DEADLINE_MS)
    desk = Desk(page, archive)
    page.on("console", desk.note)
    page.on("pageerror", lambda error: desk.complaints.append(str(error)))
    page.on("request", desk.meet)
    yield desk
    context.close()
    assert desk.complaints == []
    assert desk.strangers == []
