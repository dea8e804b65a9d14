"""The trash: with a reason, with a way back, and for good only when a person says so."""

from __future__ import annotations

from datetime import timedelta

import pytest

from pacs.archive.ingest import ReceiptKind
from pacs.archive.removal import GRACE
from pacs.dicom.hierarchy import Level
from pacs.dicom.matching import Query
from pacs.errors import NotAllowed, NotFound, RequestInvalid
from pacs.scope import RIGHTS_OF_ROLE, ActorKind, Role, Scope
from pacs.settings import Settings
from pacs.storage.interfaces import Selection
from pacs.wiring import Archive, open_archive
from tests.builders import ct_series, ct_slice
from tests.care import SCOPE, Clock, found, is_there, receive, served, stored
from tests.encodings import data_set_bytes

WHY = "sent to the wrong patient"


def listed(archive: Archive) -> list[object]:
    page = archive.queries.search(Query(Level.STUDY), SCOPE)
    return [match.values["StudyInstanceUID"] for match in page.matches]


def test_what_was_deleted_is_neither_found_nor_given(everywhere: Archive) -> None:
    ds, other = ct_slice(), ct_slice()
    receive(everywhere, ds)
    receive(everywhere, other)

    everywhere.care.removal.delete(Selection((ds.StudyInstanceUID,)), SCOPE, reason=WHY)

    assert listed(everywhere) == [other.StudyInstanceUID]
    assert everywhere.retrieval.instances(Selection((ds.StudyInstanceUID,)), SCOPE) == []
    assert found(everywhere) == []


def test_a_deletion_is_undone(everywhere: Archive) -> None:
    data_sets = ct_series(3)
    for ds in data_sets:
        receive(everywhere, ds)
    study = Selection((data_sets[0].StudyInstanceUID,))
    [decision] = everywhere.care.removal.delete(study, SCOPE, reason=WHY)

    everywhere.care.removal.undo(decision.decision_id, SCOPE)

    assert len(everywhere.retrieval.instances(study, SCOPE)) == 3
    assert everywhere.care.removal.trash(SCOPE) == []
    assert found(everywhere) == []


def test_the_trash_says_who_deleted_what_and_why(archive: Archive) -> None:
    for ds in (slices := ct_series(2)):
        receive(archive, ds)

    archive.care.removal.delete(
        Selection(sop_instance_uids=(slices[0].SOPInstanceUID,)), SCOPE, reason=WHY
    )

    [lying] = archive.care.removal.trash(SCOPE)
    assert (lying.decision.actor, lying.decision.reason) == (SCOPE.actor, WHY)
    assert lying.instance_count == 1


def test_a_deletion_needs_a_reason(archive: Archive) -> None:
    ds = ct_slice()
    receive(archive, ds)

    with pytest.raises(RequestInvalid, match="reason"):
        archive.care.removal.delete(Selection((ds.StudyInstanceUID,)), SCOPE, reason=" ")


def test_nothing_by_that_name_cannot_be_deleted(archive: Archive) -> None:
    with pytest.raises(NotFound):
        archive.care.removal.delete(Selection(("1.2.3",)), SCOPE, reason=WHY)


def test_a_clinician_deletes_nothing(archive: Archive) -> None:
    ds = ct_slice()
    receive(archive, ds)
    clinician = Scope("an", ActorKind.PERSON, RIGHTS_OF_ROLE[Role.CLINICIAN])

    with pytest.raises(NotAllowed):
        archive.care.removal.delete(Selection((ds.StudyInstanceUID,)), clinician, reason=WHY)


def test_what_was_deleted_and_is_sent_again_comes_back_and_stays(everywhere: Archive) -> None:
    ds = ct_slice()
    receive(everywhere, ds)
    everywhere.care.removal.delete(Selection((ds.StudyInstanceUID,)), SCOPE, reason=WHY)

    receipt = receive(everywhere, ds)

    assert receipt.kind is ReceiptKind.RESTORED
    assert served(everywhere, ds) == data_set_bytes(ds)
    assert [one.decision.kind for one in everywhere.care.decisions.all()] == ["delete", "restore"]


def test_a_study_on_hold_cannot_be_deleted(archive: Archive) -> None:
    ds = ct_slice()
    receive(archive, ds)
    hold = archive.care.removal.hold(ds.StudyInstanceUID, SCOPE, reason="court")

    with pytest.raises(RequestInvalid, match="hold"):
        archive.care.removal.delete(Selection((ds.StudyInstanceUID,)), SCOPE, reason=WHY)

    archive.care.removal.undo(hold.decision_id, SCOPE)
    assert archive.care.removal.delete(Selection((ds.StudyInstanceUID,)), SCOPE, reason=WHY)


def test_emptying_takes_only_what_is_old_and_its_objects_after_the_grace_time(
    settings_everywhere: Settings, clock: Clock
) -> None:
    archive = open_archive(settings_everywhere, now=clock)
    archive.reception.sweep()
    old, new = ct_slice(), ct_slice()
    for ds in (old, new):
        receive(archive, ds)
    removal = archive.care.removal
    removal.delete(Selection((old.StudyInstanceUID,)), SCOPE, reason=WHY)
    clock.pass_time(days=31)
    removal.delete(Selection((new.StudyInstanceUID,)), SCOPE, reason=WHY)
    key = stored(archive, old).stored.key
    month = timedelta(days=30)

    previewed = removal.preview(month, SCOPE)
    emptied = removal.empty(month, SCOPE, reason="kept long enough")
    early = removal.collect()
    there_before = is_there(archive, key)
    clock.pass_time(hours=GRACE / timedelta(hours=1))
    late = removal.collect()

    assert previewed == emptied
    assert [one.decision.study_instance_uid for one in emptied] == [old.StudyInstanceUID]
    assert (early, there_before, late) == (0, True, 1)
    assert not is_there(archive, key)
    assert archive.index.find(old.SOPInstanceUID) is None
    assert archive.index.find(new.SOPInstanceUID) is not None
    assert found(archive) == []
    archive.close()


def test_what_was_emptied_and_is_sent_again_is_new(archive: Archive) -> None:
    ds = ct_slice(patient_name="SAI^TEN")
    receive(archive, ds)
    archive.care.removal.delete(Selection((ds.StudyInstanceUID,)), SCOPE, reason=WHY)
    archive.care.removal.empty(timedelta(0), SCOPE, reason="")
    ds.PatientName = "DUNG^TEN"

    receipt = receive(archive, ds)

    assert receipt.kind is ReceiptKind.STORED
    [match] = archive.queries.search(Query(Level.STUDY), SCOPE).matches
    assert match.values["PatientName"] == "DUNG^TEN"


def test_a_decision_that_did_not_take_effect_is_found_and_takes_effect(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process died between the ledger and the index."""
    ds = ct_slice()
    receive(archive, ds)
    monkeypatch.setattr(archive.care.decisions._index, "decide", lambda *_: True)
    archive.care.removal.delete(Selection((ds.StudyInstanceUID,)), SCOPE, reason=WHY)
    monkeypatch.undo()

    before = found(archive)
    list(archive.care.repair.run(SCOPE))

    assert before == ["not-in-effect"]
    assert stored(archive, ds).in_trash
    assert found(archive) == []
