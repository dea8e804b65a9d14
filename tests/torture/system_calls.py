"""What a program asked of the kernel and when, as strace wrote it down: one file per thread."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.torture.service import wait_until

_LINE = re.compile(r"^(\d+\.\d+) (\w+)\((.*)\)\s+= (-?\d+).*<(\d+\.\d+)>$")
_TEXT = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')
_FILE = re.compile(r"^(?:\d+)<([^>]*)>")

_WRITTEN_WITHIN_S = 60.0
CALLS = (
    "openat,mkdir,mkdirat,rename,renameat,renameat2,write,writev,pwrite64,pwritev,"
    "fsync,fdatasync,sendto,sendmsg,recvfrom"
)


@dataclass(frozen=True)
class SystemCall:
    """One call that succeeded. begun, ended  seconds since 1970.

    thread  the file it stands in.
    file    what the descriptor that is its first argument stands for.
    texts   its arguments that are bytes.
    """

    thread: str
    name: str
    begun: float
    ended: float
    result: int
    file: str
    texts: tuple[bytes, ...]
    arguments: str

    @property
    def data(self) -> bytes:
        return b"".join(self.texts)


def strace_into(folder: Path) -> list[str]:
    """The command to run a program under. The program stays our child; strace looks from aside."""
    folder.mkdir()
    how = ["-D", "--follow-forks", "--output-separately", "-ttt", "-T", "-y", "-xx", "-s", "70000"]
    return ["strace", *how, "-e", f"trace={CALLS}", "-o", str(folder / "thread")]


def read_calls(folder: Path) -> list[SystemCall]:
    """All calls of all threads by the time they began, once the program has ended."""

    def is_complete() -> bool:
        return all(path.read_text(errors="replace").endswith(" +++\n") for path in folder.iterdir())

    wait_until(is_complete, within_s=_WRITTEN_WITHIN_S, what="strace writes it all down")
    found = [call for path in folder.iterdir() for call in _calls_of(path)]
    return sorted(found, key=lambda call: call.begun)


def _calls_of(path: Path) -> Iterator[SystemCall]:
    for line in path.read_text(errors="replace").splitlines():
        parts = _LINE.match(line)
        if parts is None or int(parts[4]) < 0:
            continue
        begun, arguments = float(parts[1]), parts[3]
        named = _FILE.match(arguments)
        yield SystemCall(
            thread=path.name,
            name=parts[2],
            begun=begun,
            ended=begun + float(parts[5]),
            result=int(parts[4]),
            file=_plain(named[1]) if named else "",
            texts=tuple(_bytes(text) for text in _TEXT.findall(arguments)),
            arguments=arguments,
        )


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text.replace("\\x", ""))


def _plain(text: str) -> str:
    return str(ast.literal_eval(f'"{text}"')) if "\\x" in text else text
