"""C-MOVE and C-GET send what people corrected."""

from __future__ import annotations

from io import BytesIO

from pydicom import dcmread

from pacs.destinations import Outgoing
from pacs.scp.retrieval import outgoing
from pacs.storage.interfaces import Selection
from tests.archives import RunningArchive
from tests.builders import ct_slice
from tests.care import SCOPE


def test_what_is_sent_to_others_is_corrected(running_archive: RunningArchive) -> None:
    """Both take each instance from `outgoing`."""
    archive = running_archive.archive
    ds = ct_slice(patient_name="SAI^TEN")
    running_archive.send(ds)

    archive.care.corrections.correct(
        ds.StudyInstanceUID, {"PatientName": "DUNG^TEN"}, SCOPE, reason="typo"
    )

    [instance] = archive.retrieval.instances(Selection((ds.StudyInstanceUID,)), SCOPE)
    sent: Outgoing = outgoing(archive.retrieval, instance)
    data_set = b"".join(sent.data_set(instance.transfer_syntax_uid))
    assert str(dcmread(BytesIO(data_set), force=True).PatientName) == "DUNG^TEN"
