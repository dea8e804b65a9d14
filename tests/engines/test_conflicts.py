"""Two contents under one SOP Instance UID: compared, and decided by a person."""

from __future__ import annotations

from typing import Any

import pytest
from pydicom.dataset import Dataset

from pacs.errors import NotFound
from pacs.storage.interfaces import Selection
from pacs.wiring import Archive
from tests.builders import ct_slice
from tests.care import SCOPE, found, receive, served, stored
from tests.encodings import data_set_bytes


def conflicting(archive: Archive, **other: Any) -> tuple[Dataset, Dataset, int]:
    """A present instance, a newcomer under its UID, and the number of their conflict."""
    present = ct_slice(patient_id="A")
    attributes = {"patient_id": "B", "sop_instance_uid": present.SOPInstanceUID, **other}
    newcomer = ct_slice(**attributes)
    receive(archive, present)
    receive(archive, newcomer)
    [conflict] = archive.care.conflicts.waiting(SCOPE)
    return present, newcomer, conflict.conflict_id


def test_both_sides_are_compared(everywhere: Archive) -> None:
    present, newcomer, number = conflicting(everywhere)

    compared = everywhere.care.conflicts.compare(number, SCOPE)

    sides = {one.keyword: (one.present, one.newcomer) for one in compared.differences}
    assert sides["PatientID"] == ("A", "B")
    assert "SOPInstanceUID" not in sides
    assert sides["StudyInstanceUID"] == (present.StudyInstanceUID, newcomer.StudyInstanceUID)
    assert compared.same_pixels is True


def test_different_pixels_are_told(archive: Archive) -> None:
    _, _, number = conflicting(archive, instance_number=7)

    assert archive.care.conflicts.compare(number, SCOPE).same_pixels is False


def test_a_kept_instance_is_served_and_its_conflict_is_no_more(everywhere: Archive) -> None:
    present, _, number = conflicting(everywhere)

    everywhere.care.conflicts.keep(number, SCOPE, reason="the first is right")

    assert everywhere.care.conflicts.waiting(SCOPE) == []
    assert served(everywhere, present) == data_set_bytes(present)
    with pytest.raises(NotFound):
        everywhere.care.conflicts.keep(number, SCOPE, reason="twice")


def test_a_replaced_instance_is_the_newcomer_in_its_own_study(everywhere: Archive) -> None:
    present, newcomer, number = conflicting(everywhere)

    everywhere.care.conflicts.replace(number, SCOPE, reason="the second is right")

    assert served(everywhere, newcomer) == data_set_bytes(newcomer)
    assert stored(everywhere, present).identity.study_instance_uid == newcomer.StudyInstanceUID
    assert everywhere.retrieval.instances(Selection((present.StudyInstanceUID,)), SCOPE) == []
    assert found(everywhere) == []


def test_a_replacement_is_undone(everywhere: Archive) -> None:
    present, _, number = conflicting(everywhere)
    decision = everywhere.care.conflicts.replace(number, SCOPE, reason="the second is right")

    everywhere.care.conflicts.undo(decision.decision_id, SCOPE)

    assert served(everywhere, present) == data_set_bytes(present)
    assert len(everywhere.care.conflicts.waiting(SCOPE)) == 1
    assert found(everywhere) == []


@pytest.mark.parametrize("new_study", [False, True])
def test_a_newcomer_split_off_lives_under_uids_of_its_own(
    everywhere: Archive, new_study: bool
) -> None:
    present, newcomer, number = conflicting(everywhere)

    decision = everywhere.care.conflicts.split(
        number, SCOPE, reason="both are right", new_study=new_study
    )

    body: Any = decision.body
    instance = everywhere.index.find(body.sop_instance_uid)
    assert instance is not None
    assert instance.identity.study_instance_uid == body.study_instance_uid
    assert (body.study_instance_uid == newcomer.StudyInstanceUID) is not new_study
    split = b"".join(everywhere.retrieval.data_set_chunks(instance))
    assert newcomer.PixelData in split
    assert served(everywhere, present) == data_set_bytes(present)
    assert everywhere.care.conflicts.waiting(SCOPE) == []
    assert found(everywhere) == []


def test_a_split_is_undone(everywhere: Archive) -> None:
    _, _, number = conflicting(everywhere)
    decision = everywhere.care.conflicts.split(number, SCOPE, reason="both are right")

    everywhere.care.conflicts.undo(decision.decision_id, SCOPE)

    body: Any = decision.body
    instance = everywhere.index.find(body.sop_instance_uid)
    assert instance is not None
    assert instance.in_trash
    assert len(everywhere.care.conflicts.waiting(SCOPE)) == 1
    assert found(everywhere) == []


def test_two_of_one_series_split_off_come_together_in_one_series(archive: Archive) -> None:
    shared = {"series_instance_uid": "2.25.77", "study_instance_uid": "2.25.78"}
    series = set()
    for _ in range(2):
        _, _, number = conflicting(archive, **shared)
        body: Any = archive.care.conflicts.split(number, SCOPE, reason="both").body
        series.add(body.series_instance_uid)

    assert len(series) == 1
