"""`pacs serve` as a process of its own, which can be killed and started again."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx

_START_TIMEOUT_S = 60.0
_STOP_TIMEOUT_S = 45.0
_LOOK_EVERY_S = 0.05
_HTTP = re.compile(r"Viewer and worklist: (http://[^/\s]+)/")
_DICOM = re.compile(r"DICOM: AE title (\S+) at [^:\s]+:(\d+)")


def wait_until(true: Callable[[], bool], *, within_s: float, what: str) -> float:
    """Look again and again until it is true; how long that took."""
    begun = time.monotonic()
    while not true():
        if time.monotonic() - begun > within_s:
            raise AssertionError(f"{what}: not within {within_s:g} s")
        time.sleep(_LOOK_EVERY_S)
    return time.monotonic() - begun


class Service:
    """One node; its ports are chosen by the system.

    settings  as in pacs.toml.
    under     a program that runs it, such as strace.
    speaks_into  a folder for what it says at the start; its log is beside the data folder.
    """

    def __init__(
        self,
        data_dir: Path,
        settings: Mapping[str, object] | None = None,
        *,
        under: Sequence[str] = (),
        speaks_into: Path | None = None,
    ) -> None:
        self.data_dir = data_dir
        self.log = data_dir.with_name(f"{data_dir.name}.log")
        self._out = (speaks_into or data_dir.parent) / f"{data_dir.name}.out"
        self._under = under
        ours = {"data_dir": data_dir, "auth": "none", "decoder_workers": 1}
        self._settings = {**ours, "dicom_port": 0, "http_port": 0, **(settings or {})}
        self._process: subprocess.Popen[bytes] | None = None
        self.base_url = ""
        self.dicom_port = 0

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> float:
        """Start, and wait until both doors answer; how long that took, in seconds."""
        begun = time.monotonic()
        with self._out.open("wb") as stdout, self.log.open("ab") as stderr:
            self._process = subprocess.Popen(
                [*self._under, sys.executable, "-m", "pacs", "serve"],
                env=self._environment(),
                cwd=Path(__file__).parents[2],
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                start_new_session=True,
            )
        wait_until(self._has_spoken, within_s=_START_TIMEOUT_S, what="start")
        return time.monotonic() - begun

    def kill(self) -> None:
        """As the kernel does when memory is short: at once, whatever is under way."""
        self._send(signal.SIGKILL)

    def stop(self) -> None:
        """As a supervisor does."""
        self._send(signal.SIGTERM)

    def is_ready(self) -> bool:
        try:
            return httpx.get(f"{self.base_url}/health/ready", timeout=5).status_code == 200
        except httpx.HTTPError:
            return False

    def facts(self) -> Any:
        """What the archive tells of itself."""
        answer = httpx.get(f"{self.base_url}/api/archive", timeout=30)
        answer.raise_for_status()
        return answer.json()

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run another command of `pacs` on the same installation."""
        return subprocess.run(
            [sys.executable, "-m", "pacs", *command],
            env=self._environment(),
            cwd=Path(__file__).parents[2],
            capture_output=True,
            text=True,
            timeout=_START_TIMEOUT_S,
            check=False,
        )

    def _send(self, number: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(number)
        try:
            process.wait(_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise AssertionError(f"the service did not end: {self._last_words()}") from None

    def _has_spoken(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise AssertionError(f"the service did not start: {self._last_words()}")
        said = self._out.read_text(errors="replace")
        http, dicom = _HTTP.search(said), _DICOM.search(said)
        if http is None or dicom is None:
            return False
        self.base_url, self.dicom_port = http[1], int(dicom[2])
        return True

    def _last_words(self) -> str:
        return self.log.read_text(errors="replace")[-2000:]

    def _environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PACS_")}
        return kept | {f"PACS_{name.upper()}": str(value) for name, value in self._settings.items()}
