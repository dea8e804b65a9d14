"""Machines, rules and jobs over our own API: for administrators, and nobody else."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from pynetdicom import AE

from pacs.scp.admission import Admit
from pacs.scp.server import DicomServer, DicomServerConfig
from tests.archives import RunningArchive
from tests.builders import ct_slice
from tests.doors import engines_of
from tests.receivers import Receiver
from tests.web.conftest import Store

CT_STORAGE = "1.2.840.10008.5.1.4.1.1.2"


@pytest.fixture
def strict_door(door: RunningArchive) -> Iterator[DicomServer]:
    """A DIMSE door of the same archive that admits registered callers only."""
    config = DicomServerConfig(ae_title="PACS", port=0, admit=Admit.REGISTERED)
    server = DicomServer(config, engines_of(door.archive), now=door.archive.now)
    server.start()
    yield server
    server.stop(deadline_s=2)


def knock(
    door: DicomServer, calling: str, *, called: str = "PACS", wanted: str = CT_STORAGE
) -> bool:
    """Whether the association was admitted."""
    entity = AE(calling)
    entity.add_requested_context(wanted)
    association = entity.associate("127.0.0.1", door.port, ae_title=called)
    admitted = bool(association.is_established)
    if admitted:
        association.release()
    assert door.wait_until_idle(10)
    return admitted


def test_a_peer_is_put_listed_and_removed(web: httpx.Client) -> None:
    wanted = {"host": "10.0.0.9", "port": 104, "may": ["echo", "store"], "reports_here": True}

    put = web.put("/api/peers/CT9", json=wanted)
    listed = web.get("/api/peers").json()["peers"]
    removed = web.delete("/api/peers/CT9")

    assert put.status_code == 200
    [row] = [row for row in listed if row["ae_title"] == "CT9"]
    assert (row["host"], row["may"], row["reports_here"]) == ("10.0.0.9", ["echo", "store"], True)
    assert removed.status_code == 204
    assert web.delete("/api/peers/CT9").status_code == 404


@pytest.mark.parametrize(
    ("title", "wanted"),
    [
        ("A" * 17, {"host": "h", "port": 104}),
        ("CT9", {"host": "h", "port": 0}),
        ("CT9", {"host": "h", "port": 104, "may": ["everything"]}),
        ("CT9", {"host": "h", "port": 104, "colour": "red"}),
    ],
)
def test_a_peer_that_cannot_be_is_refused(
    web: httpx.Client, title: str, wanted: dict[str, object]
) -> None:
    assert web.put(f"/api/peers/{title}", json=wanted).status_code == 400


def test_an_echo_tells_whether_the_peer_answers(web: httpx.Client, receiver: Receiver) -> None:
    web.put("/api/peers/ARCHIVE2", json={"host": "127.0.0.1", "port": receiver.port})

    answered = web.post("/api/peers/ARCHIVE2/echo")
    receiver.stop()
    silent = web.post("/api/peers/ARCHIVE2/echo")

    assert answered.json() == {"ae_title": "ARCHIVE2", "answers": True}
    assert silent.status_code == 503
    assert "ARCHIVE2" in silent.json()["detail"]


def test_who_knocks_is_listed_and_let_in_with_one_action(
    web: httpx.Client, strict_door: DicomServer
) -> None:
    assert not knock(strict_door, "NEWCT")

    [knocked] = [
        row for row in web.get("/api/knocks").json()["knocks"] if row["ae_title"] == "NEWCT"
    ]
    accepted = web.post("/api/knocks/NEWCT/accept", json={"port": 11113})

    assert (knocked["address"], knocked["wanted"]) == ("127.0.0.1", ["storage"])
    assert accepted.json()["may"] == ["echo", "store"]
    assert knock(strict_door, "NEWCT")
    assert web.post("/api/knocks/NOBODY/accept").status_code == 404


def test_refused_associations_say_what_to_do_in_two_languages(
    web: httpx.Client, strict_door: DicomServer
) -> None:
    knock(strict_door, "STRANGER")
    knock(strict_door, "STRANGER")
    knock(strict_door, "STRANGER", called="ORTHANC")

    rows = web.get("/api/associations").json()["associations"]

    found = {row["cause"]: row for row in rows if row["calling_ae_title"] == "STRANGER"}
    assert set(found) == {"unknown_caller", "wrong_called_title"}
    unknown = found["unknown_caller"]
    assert unknown["times"] == 2
    assert unknown["en"] == (
        "STRANGER at 127.0.0.1 wanted storage but is not registered. If you trust it: "
        "'pacs peer accept STRANGER', or accept it on the administration page."
    )
    assert unknown["vi"].startswith("Máy STRANGER (127.0.0.1) muốn storage nhưng chưa được đăng ký")
    assert "'ORTHANC'" in found["wrong_called_title"]["vi"]


def test_who_asks_only_for_what_we_do_not_serve_is_told_of_too(
    web: httpx.Client, strict_door: DicomServer
) -> None:
    web.put("/api/peers/WORKLISTER", json={"host": "127.0.0.1", "port": 104})

    knock(strict_door, "WORKLISTER", wanted="1.2.840.10008.5.1.4.33")

    rows = web.get("/api/associations").json()["associations"]
    [row] = [row for row in rows if row["calling_ae_title"] == "WORKLISTER"]
    assert row["cause"] == "nothing_in_common"


def test_a_rule_is_put_listed_and_removed(web: httpx.Client) -> None:
    web.put("/api/peers/NEXT", json={"host": "10.0.0.9", "port": 104})
    wanted = {"to": "NEXT", "modalities": ["CT"], "between": "07:00-17:30"}

    put = web.put("/api/forwarding/ct", json=wanted)
    [row] = web.get("/api/forwarding").json()["rules"]
    removed = web.delete("/api/forwarding/ct")

    assert put.status_code == 200
    assert (row["name"], row["to"], row["modalities"]) == ("ct", "NEXT", ["CT"])
    assert row["between"] == "07:00-17:30"
    assert removed.status_code == 204
    assert web.put("/api/forwarding/x", json={"to": "NOBODY"}).status_code == 404
    assert web.put("/api/forwarding/x", json={**wanted, "between": "noon"}).status_code == 400


def test_a_study_is_sent_by_hand_and_its_job_is_seen(
    web: httpx.Client, store: Store, receiver: Receiver
) -> None:
    web.put("/api/peers/ARCHIVE2", json={"host": "127.0.0.1", "port": receiver.port})
    ds = ct_slice()
    store(ds)
    arrived = receiver.expect(1)

    asked = web.post("/api/sending", json={"study": ds.StudyInstanceUID, "to": "ARCHIVE2"})

    assert asked.status_code == 202
    assert arrived.wait(30)
    assert receiver.received == [ds.SOPInstanceUID]
    jobs = web.get("/api/jobs", params={"kind": "send"}).json()["jobs"]
    assert asked.json()["id"] in [job["id"] for job in jobs]


def test_a_waiting_job_can_be_cancelled(web: httpx.Client, store: Store) -> None:
    # Nobody listens on this port: the job waits after its first attempt.
    web.put("/api/peers/AWAY", json={"host": "127.0.0.1", "port": 9})
    ds = ct_slice()
    store(ds)
    asked = web.post("/api/sending", json={"study": ds.StudyInstanceUID, "to": "AWAY"}).json()

    cancelled = web.delete(f"/api/jobs/{asked['id']}")

    assert cancelled.status_code == 204
    [job] = [job for job in web.get("/api/jobs").json()["jobs"] if job["id"] == asked["id"]]
    assert job["state"] == "cancelled"
    assert web.delete(f"/api/jobs/{asked['id']}").status_code == 404


@pytest.mark.parametrize(
    "path", ["/api/peers", "/api/knocks", "/api/associations", "/api/forwarding", "/api/jobs"]
)
def test_only_administrators_look_at_machines_and_work(
    clinician: httpx.Client, anonymous: httpx.Client, path: str
) -> None:
    assert clinician.get(path).status_code == 403
    assert anonymous.get(path).status_code == 401
