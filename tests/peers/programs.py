"""Runs other people's DICOM programs against a door, and storage SCPs of theirs as destinations."""

from __future__ import annotations

import json
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pacs.scp.server import DicomServer

_TIMEOUT_S = 60
_POLL_S = 0.05


def run(*command: str | Path | int) -> subprocess.CompletedProcess[str]:
    """Run to the end; the caller looks at the return code. Both streams come together as text."""
    return subprocess.run(
        [str(word) for word in command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        timeout=_TIMEOUT_S,
        check=False,
    )


def at(door: DicomServer) -> tuple[str, str, str, int]:
    """The last words of most DCMTK commands: whom to call, and where."""
    return "-aec", "PACS", "127.0.0.1", door.port


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def running(command: list[str | Path | int], *, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """A server of somebody else's, from when it listens until it is no longer needed."""
    process = subprocess.Popen(
        [str(word) for word in command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_until_listening(process, port)
        yield process
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_listening(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + _TIMEOUT_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"{process.args!r} ended with {process.returncode}")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(_POLL_S)
    raise RuntimeError(f"{process.args!r} does not listen on {port}")


class Orthanc:
    """A running Orthanc, talked to over its REST interface."""

    def __init__(self, http_port: int, dicom_port: int) -> None:
        self.dicom_port = dicom_port
        self._base = f"http://127.0.0.1:{http_port}"

    def ask(self, path: str, body: Any = None) -> Any:
        """GET, or POST when there is a body: bytes as they are, other values as JSON."""
        raw = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        request = urllib.request.Request(self._base + path, data=raw)
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as response:
            content = response.read()
        return json.loads(content) if content else None

    def file(self, instance: str) -> bytes:
        """The DICOM file of an instance, by Orthanc's own identifier."""
        with urllib.request.urlopen(f"{self._base}/instances/{instance}/file") as response:
            content: bytes = response.read()
            return content


@contextmanager
def running_orthanc(program: Path, folder: Path, door: DicomServer) -> Iterator[Orthanc]:
    """Orthanc with our archive as its modality `pacs`, and a storage of its own."""
    http_port, dicom_port = free_port(), free_port()
    configuration = folder / "orthanc.json"
    configuration.write_text(
        json.dumps(
            {
                "Name": "peer",
                "StorageDirectory": str(folder / "storage"),
                "IndexDirectory": str(folder / "storage"),
                "Plugins": [],
                "HttpPort": http_port,
                "DicomPort": dicom_port,
                "DicomAet": "ORTHANC",
                "DefaultEncoding": "Utf8",
                "RemoteAccessAllowed": False,
                "AuthenticationEnabled": False,
                "DicomModalities": {"pacs": ["PACS", "127.0.0.1", door.port]},
            }
        )
    )
    with running([program, configuration], port=http_port):
        yield Orthanc(http_port, dicom_port)
