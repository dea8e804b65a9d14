"""A node's own spool: objects on a local disk on their way to the store where they stay."""

from __future__ import annotations

import fcntl
import os
import secrets
from contextlib import suppress
from pathlib import Path

from pacs.errors import StoreUnavailable
from pacs.nodes import spool_name
from pacs.storage.folder_objects import FolderObjects

_CLAIM = "uploading.lock"
_NODE_FILE = "node-id"
_NODE_CHARACTERS = 12


class SpoolObjects(FolderObjects):
    """The ObjectStore of one node; several processes of the node may share it.

    takes  whether new objects come here, or it is only emptied.
    """

    def __init__(
        self, folder: Path, *, node: str, reserve_bytes: int = 0, takes: bool = True
    ) -> None:
        super().__init__(folder, name=spool_name(node), reserve_bytes=reserve_bytes)
        self.node = node
        self.takes = takes
        self._claim_file = folder.with_name(f"{folder.name}.{_CLAIM}")
        self._claim: int | None = None

    def claim_upload(self) -> bool:
        """Whether this process is the one that empties the spool, from now on until it ends."""
        if self._claim is not None:
            return True
        try:
            descriptor = os.open(self._claim_file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        except OSError as error:
            raise StoreUnavailable(f"{self._claim_file}: {error.strerror}") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            return False
        self._claim = descriptor
        return True

    def close(self) -> None:
        """Let another process empty the spool."""
        claim, self._claim = self._claim, None
        if claim is not None:
            os.close(claim)


def node_name(data_dir: Path) -> str:
    """What this node is called: made up at its first start, the same ever after.

    Rows carry it, so it must be on the disk before the first of them. Raises StoreUnavailable.
    """
    path = data_dir / _NODE_FILE
    try:
        if not path.exists():
            _write_once(path, secrets.token_hex(_NODE_CHARACTERS // 2))
        return path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise StoreUnavailable(f"the name of this node in {path} cannot be had: {error}") from error


def _write_once(path: Path, text: str) -> None:
    """Write a file durably; when two processes do so at once, the first one's stays."""
    mine = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    try:
        with mine.open("x", encoding="ascii") as file:
            file.write(f"{text}\n")
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            path.hardlink_to(mine)
    finally:
        mine.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
