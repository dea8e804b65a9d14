"""The one way out for whole instances: WADO-RS, C-MOVE, C-GET and export end here."""

from __future__ import annotations

from collections.abc import Iterator

from pacs.archive import overlaid
from pacs.archive.reception import ReceivedBytes, Reception
from pacs.audit import Action, Auditor
from pacs.dicom.part10 import build_file_head
from pacs.dicom.transfer_syntaxes import Coding, transfer_syntax
from pacs.errors import NotAcceptable
from pacs.pixels.interfaces import LOSSLESS_TARGETS, NATIVE_TARGETS, PIXEL_DATA, PixelDecoder
from pacs.scope import Right, Scope
from pacs.storage.instance_reader import InstanceReader
from pacs.storage.interfaces import InstanceIndex, Selection, SeriesState, StoredInstance

_NEVER_DECODED = frozenset({Coding.VIDEO, Coding.REFERENCED})
_PIECE_BYTES = 1 << 20


class Retrieval:
    """Finds instances and gives their bytes. Safe to call from several threads."""

    def __init__(
        self,
        *,
        index: InstanceIndex,
        reader: InstanceReader,
        decoder: PixelDecoder,
        auditor: Auditor,
        spool: Reception,
    ) -> None:
        self._index = index
        self._reader = reader
        self._decoder = decoder
        self._auditor = auditor
        self._spool = spool

    def instances(self, selection: Selection, scope: Scope) -> list[StoredInstance]:
        """The instances the scope may read; the audit trail knows before the first byte goes out.

        Raises NotAllowed, IndexUnavailable.
        """
        scope.require(Right.RETRIEVE)
        found = list(self._index.instances(selection))
        for study in dict.fromkeys(instance.identity.study_instance_uid for instance in found):
            self._auditor.touch(scope, Action.RETRIEVE, study)
        return found

    def series_states(self, selection: Selection, scope: Scope) -> list[SeriesState]:
        """The series of the selection with their revisions. Raises NotAllowed, IndexUnavailable."""
        scope.require(Right.RETRIEVE)
        states = list(self._index.series_states(selection))
        for study in dict.fromkeys(state.study_instance_uid for state in states):
            self._auditor.touch(scope, Action.RETRIEVE, study)
        return states

    def file_chunks(self, instance: StoredInstance) -> Iterator[bytes]:
        """The DICOM file (PS3.10) with the data set as received, or as corrected since then."""
        yield self._head(instance, instance.transfer_syntax_uid)
        yield from self.data_set_chunks(instance)

    def file_size_bytes(self, instance: StoredInstance) -> int:
        """How many bytes `file_chunks` gives."""
        head = self._head(instance, instance.transfer_syntax_uid)
        return len(head) + overlaid.data_set_size(self._reader, instance)

    def data_set_chunks(self, instance: StoredInstance) -> Iterator[bytes]:
        """The data set as received, or as corrected since then.

        ObjectDamaged comes instead of the last piece.
        """
        return overlaid.data_set(self._reader, instance)

    def file_chunks_as(self, instance: StoredInstance, transfer_syntax_uid: str) -> Iterator[bytes]:
        """The DICOM file in this transfer syntax; errors as `data_set_chunks_as`."""
        data_set = self.data_set_chunks_as(instance, transfer_syntax_uid)
        return _after(self._head(instance, transfer_syntax_uid), data_set)

    def data_set_chunks_as(
        self, instance: StoredInstance, transfer_syntax_uid: str
    ) -> Iterator[bytes]:
        """The data set in this transfer syntax, converted without loss when it is stored otherwise.

        Raises NotAcceptable, NotDecodable, ObjectMissing, TryAgain before the first piece comes.
        """
        if instance.transfer_syntax_uid == transfer_syntax_uid:
            return self.data_set_chunks(instance)
        if not self.can_serve_as(instance, transfer_syntax_uid):
            raise NotAcceptable(
                f"instance {instance.identity.sop_instance_uid} is stored in "
                f"{_name(instance.transfer_syntax_uid)} and cannot be converted to "
                f"{_name(transfer_syntax_uid)}; ask for it as stored"
            )
        return self._converted(instance, transfer_syntax_uid)

    def can_serve_as(self, instance: StoredInstance, transfer_syntax_uid: str) -> bool:
        """Whether the instance can be had in this transfer syntax, as far as its row tells."""
        if instance.transfer_syntax_uid == transfer_syntax_uid:
            return True
        stored = transfer_syntax(instance.transfer_syntax_uid)
        if stored is None or transfer_syntax_uid not in NATIVE_TARGETS | LOSSLESS_TARGETS:
            return False
        if instance.pixels is None:
            return True
        # Floating point pixels have no compressed form.
        can_be_written = transfer_syntax_uid in NATIVE_TARGETS or instance.pixels.tag == PIXEL_DATA
        return can_be_written and stored.coding not in _NEVER_DECODED

    def _converted(self, instance: StoredInstance, transfer_syntax_uid: str) -> Iterator[bytes]:
        """Converted into a spool file first: a later frame may prove damaged."""
        encoded = overlaid.opened(self._reader, instance)
        spooled = self._spool.open()
        try:
            for piece in self._decoder.convert_instance(encoded, transfer_syntax_uid):
                spooled.write(piece)
            view = spooled.view()
        except BaseException:
            spooled.close()
            raise
        return _spooled_pieces(spooled, view)

    def _head(self, instance: StoredInstance, transfer_syntax_uid: str) -> bytes:
        return build_file_head(
            sop_class_uid=instance.identity.sop_class_uid,
            sop_instance_uid=instance.identity.sop_instance_uid,
            transfer_syntax_uid=transfer_syntax_uid,
        )


def _after(head: bytes, pieces: Iterator[bytes]) -> Iterator[bytes]:
    yield head
    yield from pieces


def _spooled_pieces(spooled: ReceivedBytes, view: memoryview) -> Iterator[bytes]:
    with spooled:
        for start in range(0, len(view), _PIECE_BYTES):
            yield bytes(view[start : start + _PIECE_BYTES])


def _name(transfer_syntax_uid: str) -> str:
    syntax = transfer_syntax(transfer_syntax_uid)
    return f"{syntax.name} ({syntax.uid})" if syntax else transfer_syntax_uid
