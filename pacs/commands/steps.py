"""Work that is done again and again in a thread of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable

import structlog

log = structlog.get_logger(__name__)

_AFTER_DEFECT_S = 60.0

Step = Callable[[], float]
"""Does some work; returns after how many seconds it wants to be called again."""


class Background:
    """Calls a step again and again in a thread of its own, until it is stopped."""

    def __init__(self, name: str, step: Step) -> None:
        self._name = name
        self._step = step
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Let the step under way end."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        pause_s = 0.0
        while not self._stopping.wait(pause_s):
            try:
                pause_s = self._step()
            except Exception as error:  # the outer edge of this thread
                log.error("background work failed", work=self._name, exc_info=error)
                pause_s = _AFTER_DEFECT_S
