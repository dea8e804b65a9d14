"""`pacs export`: writes a study as DICOM files into a folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pacs.archive.retrieve import Retrieval
from pacs.errors import NotFound, RequestInvalid
from pacs.scope import Scope
from pacs.storage.interfaces import Selection, StoredInstance


def export_study(
    retrieval: Retrieval, study_instance_uid: str, to: Path, scope: Scope
) -> Iterator[Path]:
    """Write each instance as stored to `to/<series>/<instance>.dcm`, and tell each file.

    Nothing is overwritten. Raises NotFound, RequestInvalid, ObjectDamaged, TryAgain.
    """
    selection = Selection(study_instance_uids=(study_instance_uid,))
    instances = retrieval.instances(selection, scope)
    if not instances:
        raise NotFound(f"there is no study {study_instance_uid}")
    for instance in instances:
        yield _write(retrieval, instance, to)


def _write(retrieval: Retrieval, instance: StoredInstance, to: Path) -> Path:
    # UIDs are safe as file names: ingest lets none pass that has a slash or begins with a dot.
    names = instance.identity
    file = to / names.series_instance_uid / f"{names.sop_instance_uid}.dcm"
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("xb") as out:
            for piece in retrieval.file_chunks(instance):
                out.write(piece)
    except FileExistsError as error:
        raise RequestInvalid(f"{file} exists already; export into an empty folder") from error
    except OSError as error:
        raise RequestInvalid(f"{file} cannot be written: {error.strerror}") from error
    return file
