"""Keys that have no column are matched and answered from stored instances, below one study."""

from __future__ import annotations

from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as DicomSequence

from pacs.scp.server import DicomServer
from pacs.storage.interfaces import Selection
from pacs.wiring import Archive
from tests.builders import ct_slice
from tests.scp.sending import find, keys, store


def requested(**values: Any) -> DicomSequence:
    item = Dataset()
    for keyword, value in values.items():
        setattr(item, keyword, value)
    return DicomSequence([item])


@pytest.fixture
def series(door: DicomServer) -> list[Dataset]:
    """Two series of one study, each asked for in its own request."""
    first = ct_slice(specific_character_set="ISO_IR 192", kvp="120")
    second = ct_slice(specific_character_set="ISO_IR 192", kvp="80")
    second.StudyInstanceUID = first.StudyInstanceUID
    for ds, step in ((first, "SPS-1"), (second, "SPS-2")):
        ds.RequestAttributesSequence = requested(
            ScheduledProcedureStepID=step,
            RequestedProcedureID=f"RP of {step}",
            ScheduledProcedureStepDescription="Chụp bụng",
        )
    store(door, first, second)
    return [first, second]


def ask(door: DicomServer, study: str, **values: Any) -> list[Dataset]:
    asked = keys("SERIES", StudyInstanceUID=study, SeriesInstanceUID="", **values)
    matches, status = find(door, asked)
    assert status.Status == 0
    return list(matches)


@pytest.mark.parametrize("wanted", ["SPS-2", "SPS-?2", "*-2"])
def test_a_series_is_found_by_its_request(
    door: DicomServer, series: list[Dataset], wanted: str
) -> None:
    expected = [series[1].SeriesInstanceUID] if wanted != "SPS-?2" else []

    found = ask(
        door,
        series[0].StudyInstanceUID,
        RequestAttributesSequence=requested(ScheduledProcedureStepID=wanted),
    )

    assert [match.SeriesInstanceUID for match in found] == expected


def test_the_items_come_back_with_what_was_asked_of_them(
    door: DicomServer, series: list[Dataset]
) -> None:
    wanted = requested(ScheduledProcedureStepID="SPS-1", ScheduledProcedureStepDescription="")

    [match] = ask(door, series[0].StudyInstanceUID, RequestAttributesSequence=wanted)

    [item] = match.RequestAttributesSequence
    assert match.SpecificCharacterSet == "ISO_IR 192"
    assert item.ScheduledProcedureStepDescription == "Chụp bụng"
    assert "RequestedProcedureID" not in item


def test_an_empty_sequence_matches_all_and_brings_all(
    door: DicomServer, series: list[Dataset]
) -> None:
    found = ask(
        door, series[0].StudyInstanceUID, RequestAttributesSequence=DicomSequence([Dataset()])
    )

    assert sorted(match.RequestAttributesSequence[0].RequestedProcedureID for match in found) == [
        "RP of SPS-1",
        "RP of SPS-2",
    ]


def test_a_plain_key_without_column_is_matched_and_answered(
    door: DicomServer, series: list[Dataset]
) -> None:
    study = series[0].StudyInstanceUID

    everything = ask(door, study, KVP="")
    fitting = ask(door, study, KVP="80")

    assert sorted(match.KVP for match in everything) == [80, 120]
    assert [match.SeriesInstanceUID for match in fitting] == [series[1].SeriesInstanceUID]


def test_an_object_that_is_gone_does_not_hide_its_series(
    door: DicomServer, archive: Archive, series: list[Dataset]
) -> None:
    [instance] = archive.index.instances(
        Selection(sop_instance_uids=(str(series[0].SOPInstanceUID),))
    )
    archive.store.delete(instance.stored.key)

    found = ask(door, series[0].StudyInstanceUID, KVP="")

    answered = {match.SeriesInstanceUID: match.KVP for match in found}
    assert answered == {series[0].SeriesInstanceUID: None, series[1].SeriesInstanceUID: 80}
