"""The part of the wiring that decides where objects are kept."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from urllib.parse import urlsplit

from pacs.archive.uploading import Uploader
from pacs.nodes import NodeDirectory, SpoolRows
from pacs.settings import Settings, Spool
from pacs.storage.folder_objects import FolderObjects
from pacs.storage.instance_reader import InstanceReader
from pacs.storage.interfaces import ObjectReader
from pacs.storage.node_spools import NodeSpool
from pacs.storage.s3_objects import S3Objects
from pacs.storage.spool_objects import SpoolObjects, node_name
from pacs.storage.stores import Stores

_DEFAULT_REGION = "us-east-1"


def open_stores(settings: Settings, nodes: NodeDirectory, now: Callable[[], datetime]) -> Stores:
    """The stores of this node. Raises StoreUnavailable."""

    def find_spool(node: str) -> ObjectReader:
        return NodeSpool(node, nodes, now=now, timeout_s=settings.store_deadline_s)

    folder = settings.data_dir / "objects"
    if not settings.s3_endpoint:
        objects = FolderObjects(folder, reserve_bytes=settings.reserve_bytes)
        return Stores(objects, find_spool=find_spool)
    # What an installation kept before it had S3 stays readable.
    former = (FolderObjects(folder),) if folder.exists() else ()
    return Stores(_s3(settings), spool=_spool(settings), former=former, find_spool=find_spool)


def _spool(settings: Settings) -> SpoolObjects | None:
    """This node's spool; one that was switched off is still emptied."""
    folder = settings.data_dir / "spool"
    if settings.spool is Spool.OFF and not folder.exists():
        return None
    return SpoolObjects(
        folder,
        node=node_name(settings.data_dir),
        reserve_bytes=settings.reserve_bytes,
        takes=settings.spool is Spool.ON,
    )


def build_uploader(
    settings: Settings, stores: Stores, rows: SpoolRows, reader: InstanceReader
) -> Uploader | None:
    """What empties the spool, None when there is none."""
    if stores.spool is None:
        return None
    return Uploader(
        spool=stores.spool,
        target=stores.final,
        rows=rows,
        reader=reader,
        workers=settings.upload_workers,
    )


def _s3(settings: Settings) -> S3Objects:
    parts = urlsplit(settings.s3_endpoint or "")
    is_url = parts.scheme in ("http", "https")
    return S3Objects(
        parts.netloc if is_url else settings.s3_endpoint or "",
        settings.s3_bucket,
        access_key=settings.s3_access_key or "",
        secret_key=settings.s3_secret_key or "",
        region=settings.s3_region or _DEFAULT_REGION,
        secure=parts.scheme == "https" if is_url else settings.s3_secure,
        timeout_s=settings.store_deadline_s,
    )
