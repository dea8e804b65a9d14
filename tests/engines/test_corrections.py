"""Corrections and merges: on every way out, for late arrivals too, and back again."""

from __future__ import annotations

import gzip
import json
from io import BytesIO
from typing import Any

import httpx
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGLSLossless,
)

from pacs.archive.corrections import PatientName
from pacs.commands.exporting import export_study
from pacs.dicom.hierarchy import Level, attribute_of_keyword
from pacs.dicom.matching import Criterion, Query, SingleValue
from pacs.errors import NotAllowed, NotFound, RequestInvalid
from pacs.scope import RIGHTS_OF_ROLE, ActorKind, Role, Scope
from pacs.storage.interfaces import Match, Selection
from pacs.wiring import Archive
from tests.archives import RunningArchive
from tests.builders import ct_series, ct_slice
from tests.care import SCOPE, found, receive, served, stored
from tests.encodings import compressed, data_set_bytes

A, B = PatientName("A", "BV"), PatientName("B", "BV")


def of(patient: PatientName, name: str, **more: Any) -> dict[str, Any]:
    return {
        "specific_character_set": "ISO_IR 192",
        "patient_id": patient.patient_id,
        "issuer_of_patient_id": patient.issuer_of_patient_id,
        "patient_name": name,
        **more,
    }


def studies(archive: Archive, **wanted: str) -> list[Match]:
    criteria = []
    for keyword, value in wanted.items():
        attribute = attribute_of_keyword(keyword)
        assert attribute is not None
        criteria.append(Criterion(attribute, SingleValue(value)))
    query = Query(Level.STUDY, criteria=tuple(criteria))
    return list(archive.queries.search(query, SCOPE).matches)


def patients(archive: Archive) -> dict[object, object]:
    matches = archive.queries.search(Query(Level.PATIENT), SCOPE).matches
    return {match.values["PatientID"]: match.values["PatientName"] for match in matches}


def given_out(archive: Archive, ds: Dataset, syntax: str) -> Dataset:
    pieces = archive.retrieval.file_chunks_as(stored(archive, ds), syntax)
    return dcmread(BytesIO(b"".join(pieces)))


def metadata(archive: Archive, ds: Dataset) -> dict[str, Any]:
    selection = Selection((ds.StudyInstanceUID,))
    [state] = archive.retrieval.series_states(selection, SCOPE)
    read: list[dict[str, Any]] = json.loads(
        gzip.decompress(archive.metadata.series(state, "http://x", SCOPE))
    )
    return read[0]


@pytest.mark.parametrize(
    "syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, DeflatedExplicitVRLittleEndian]
)
def test_a_correction_shows_on_every_way_out_and_bytes_stay(
    everywhere: Archive, syntax: str, tmp_path: Any
) -> None:
    ds = ct_slice(**of(A, "NGUYEN^VAN A"))
    receive(everywhere, ds, syntax)
    before = metadata(everywhere, ds)

    everywhere.care.corrections.correct(
        ds.StudyInstanceUID, {"PatientName": "NGUYỄN^VĂN Á"}, SCOPE, reason="marks"
    )

    [match] = studies(everywhere, PatientID="A")
    assert match.values["PatientName"] == "NGUYỄN^VĂN Á"
    assert patients(everywhere) == {"A": "NGUYỄN^VĂN Á"}
    assert before["00100010"]["Value"][0]["Alphabetic"] == "NGUYEN^VAN A"
    assert metadata(everywhere, ds)["00100010"]["Value"][0]["Alphabetic"] == "NGUYỄN^VĂN Á"
    for asked in (syntax, ExplicitVRLittleEndian, ImplicitVRLittleEndian):
        out = given_out(everywhere, ds, asked)
        assert str(out.PatientName) == "NGUYỄN^VĂN Á"
        assert out.PixelData == ds.PixelData
    [file] = export_study(everywhere.retrieval, ds.StudyInstanceUID, tmp_path / "out", SCOPE)
    instance = stored(everywhere, ds)
    assert file.stat().st_size == everywhere.retrieval.file_size_bytes(instance)
    kept = b"".join(everywhere.stores.own[instance.stored.store].read(instance.stored.key))
    assert kept.endswith(data_set_bytes(ds, syntax))
    assert found(everywhere) == []


def test_compressed_pixels_go_out_as_they_are(archive: Archive) -> None:
    ds = compressed(ct_slice(**of(A, "NGUYEN^VAN A")), JPEGLSLossless)
    receive(archive, ds)

    archive.care.corrections.correct(ds.StudyInstanceUID, {"PatientID": "C"}, SCOPE, reason="typo")

    out = given_out(archive, ds, JPEGLSLossless)
    assert (out.PatientID, out.PixelData) == ("C", ds.PixelData)


def test_late_arrivals_of_a_corrected_study_are_corrected(everywhere: Archive) -> None:
    early, late = ct_series(2, **of(A, "SAI^TEN"))
    receive(everywhere, early)
    everywhere.care.corrections.correct(
        early.StudyInstanceUID, {"PatientName": "DUNG^TEN"}, SCOPE, reason="typo"
    )

    receive(everywhere, late)

    assert str(given_out(everywhere, late, ExplicitVRLittleEndian).PatientName) == "DUNG^TEN"
    [match] = studies(everywhere)
    assert match.values["PatientName"] == "DUNG^TEN"
    assert match.facts["demographics_conflict"] is False


def test_a_correction_is_undone(everywhere: Archive) -> None:
    ds = ct_slice(**of(A, "SAI^TEN"))
    receive(everywhere, ds)
    correct = everywhere.care.corrections.correct
    first = correct(ds.StudyInstanceUID, {"PatientName": "DUNG^TEN"}, SCOPE, reason="typo")
    correct(ds.StudyInstanceUID, {"StudyDescription": "CT ngực"}, SCOPE, reason="wrong protocol")

    everywhere.care.corrections.undo(first.decision_id, SCOPE)

    [match] = studies(everywhere)
    assert match.values["PatientName"] == "SAI^TEN"
    assert match.values["StudyDescription"] == "CT ngực"


def test_without_any_correction_left_bytes_go_out_as_received(archive: Archive) -> None:
    ds = ct_slice(**of(A, "SAI^TEN"))
    receive(archive, ds)
    made = archive.care.corrections.correct(
        ds.StudyInstanceUID, {"PatientName": "DUNG^TEN"}, SCOPE, reason="typo"
    )

    archive.care.corrections.undo(made.decision_id, SCOPE)

    assert served(archive, ds) == data_set_bytes(ds)


def test_a_corrected_name_is_found_without_marks(archive: Archive) -> None:
    ds = ct_slice(**of(A, "SAI^TEN"))
    receive(archive, ds)
    archive.care.corrections.correct(
        ds.StudyInstanceUID, {"PatientName": "ĐẶNG^ÁNH"}, SCOPE, reason="typo"
    )

    def search(word: str) -> int:
        query = Query(Level.STUDY, search_words=(word,))
        return len(archive.queries.search(query, SCOPE).matches)

    assert (search("dang"), search("sai")) == (1, 0)


def test_a_merged_patient_is_the_other_one_also_in_studies_to_come(everywhere: Archive) -> None:
    first, other, late = (
        ct_slice(**of(A, "NGUYEN VAN")),
        ct_slice(**of(B, "NGUYỄN^VĂN")),
        ct_slice(**of(A, "NGUYEN VAN")),
    )
    receive(everywhere, first)
    receive(everywhere, other)

    merge = everywhere.care.corrections.merge(A, B, SCOPE, reason="the same person")
    receive(everywhere, late)

    assert len(studies(everywhere, PatientID="B")) == 3
    assert patients(everywhere) == {"B": "NGUYỄN^VĂN"}
    assert str(given_out(everywhere, late, ExplicitVRLittleEndian).PatientName) == "NGUYỄN^VĂN"
    everywhere.care.corrections.undo(merge.decision_id, SCOPE)
    assert len(studies(everywhere, PatientID="A")) == 2
    assert patients(everywhere) == {"A": "NGUYEN VAN", "B": "NGUYỄN^VĂN"}
    assert found(everywhere) == []


def test_a_study_is_moved_to_another_patient(archive: Archive) -> None:
    wrong, right = ct_slice(**of(A, "MOT")), ct_slice(**of(B, "HAI"))
    receive(archive, wrong)
    receive(archive, right)

    archive.care.corrections.move(wrong.StudyInstanceUID, B, SCOPE, reason="wrong worklist entry")

    assert len(studies(archive, PatientID="B")) == 2
    assert given_out(archive, wrong, ExplicitVRLittleEndian).IssuerOfPatientID == "BV"


def test_patients_are_not_merged_in_a_circle(archive: Archive) -> None:
    for patient, name in ((A, "MOT"), (B, "HAI")):
        receive(archive, ct_slice(**of(patient, name)))
    archive.care.corrections.merge(A, B, SCOPE, reason="the same person")
    receive(archive, ct_slice(**of(PatientName("C", "BV"), "BA")))

    with pytest.raises((RequestInvalid, NotFound)):
        archive.care.corrections.merge(B, A, SCOPE, reason="the other way")


@pytest.mark.parametrize(
    "attributes",
    [
        {},
        {"StudyInstanceUID": "1.2.3"},
        {"PixelData": "x"},
        {"PatientBirthDate": "1984-02-17"},
        {"PatientSex": "female!"},
        {"PatientName": "A\nB"},
        {"AccessionNumber": "x" * 17},
    ],
)
def test_what_is_no_value_is_refused(archive: Archive, attributes: dict[str, str]) -> None:
    ds = ct_slice()
    receive(archive, ds)

    with pytest.raises(RequestInvalid):
        archive.care.corrections.correct(ds.StudyInstanceUID, attributes, SCOPE, reason="typo")


def test_a_clinician_corrects_nothing(archive: Archive) -> None:
    ds = ct_slice()
    receive(archive, ds)
    clinician = Scope("an", ActorKind.PERSON, RIGHTS_OF_ROLE[Role.CLINICIAN])

    with pytest.raises(NotAllowed):
        archive.care.corrections.correct(
            ds.StudyInstanceUID, {"PatientID": "B"}, clinician, reason="typo"
        )


def test_both_doors_give_out_what_was_corrected(running_archive: RunningArchive) -> None:
    """WADO-RS metadata with an ETag known from before must not say that nothing changed."""
    archive = running_archive.archive
    ds = ct_slice(**of(A, "SAI^TEN"))
    receive(archive, ds)
    url = (
        f"{running_archive.base_url}/dicom-web/studies/{ds.StudyInstanceUID}/series/"
        f"{ds.SeriesInstanceUID}/instances/{ds.SOPInstanceUID}/metadata"
    )
    headers = running_archive.headers()
    before = httpx.get(url, headers=headers)

    archive.care.corrections.correct(
        ds.StudyInstanceUID, {"PatientName": "DUNG^TEN"}, SCOPE, reason="typo"
    )
    after = httpx.get(url, headers={**headers, "If-None-Match": before.headers["ETag"]})

    assert after.status_code == 200
    assert after.json()[0]["00100010"]["Value"] == [{"Alphabetic": "DUNG^TEN"}]
