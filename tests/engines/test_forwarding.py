"""Studies are sent on by rules and by hand: once each, whatever happens in between."""

from __future__ import annotations

from datetime import time, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset

from pacs.archive.ingest import ReceivedInstance
from pacs.errors import NotAllowed, NotFound, PeerUnknown, RequestInvalid
from pacs.forwarding import Conditions, Rule, TimeOfDay, parse_time_of_day
from pacs.jobs import Job, JobState
from pacs.scope import ActorKind, Scope, system_scope
from pacs.storage.interfaces import Sender
from pacs.wiring import Archive
from tests.builders import ct_series, ct_slice, mr_slice
from tests.encodings import data_set_bytes, transfer_syntax_of
from tests.receivers import Receiver

SCOPE = system_scope("test")


def keep(archive: Archive, *data_sets: Dataset, caller: str = "CT1") -> list[str]:
    for ds in data_sets:
        received = ReceivedInstance(
            data_set=memoryview(data_set_bytes(ds)),
            transfer_syntax_uid=str(transfer_syntax_of(ds)),
            sop_class_uid=None,
            sop_instance_uid=None,
            sender=Sender("C-STORE", caller, "127.0.0.1"),
        )
        archive.ingest.ingest(received, SCOPE)
    return [str(ds.SOPInstanceUID) for ds in data_sets]


def make_rule(archive: Archive, to: str, **conditions: Any) -> None:
    archive.work.forwarding.follow()
    rule = Rule("rule", to, archive.now(), Conditions(**conditions))
    archive.work.forwarding.put_rule(rule, SCOPE)


def forward(archive: Archive) -> None:
    """Follow what changed and do all jobs, those that wait for more of the study as well."""
    while archive.work.forwarding.follow():
        pass
    do_all(archive)


def do_all(archive: Archive) -> None:
    store = archive.work.jobs.store
    for job in store.jobs(states=(JobState.WAITING,)):
        store.retry(job.job_id, archive.now())
        archive.work.jobs.work()


def only_job(archive: Archive) -> Job:
    [job] = archive.work.jobs.store.jobs()
    return job


def test_what_arrives_after_the_rule_is_sent_on(archive: Archive, receiver: Receiver) -> None:
    archive.peers.add_peer(receiver.peer)
    keep(archive, ct_slice())
    make_rule(archive, receiver.ae_title)

    arrived = keep(archive, *ct_series(3))
    forward(archive)

    assert sorted(receiver.received) == sorted(arrived)
    job = only_job(archive)
    assert (job.state, job.done, job.total) == (JobState.DONE, 3, 3)


@pytest.mark.parametrize(
    ("conditions", "fits"),
    [
        ({"modalities": ("CT",)}, True),
        ({"modalities": ("MR", "ct")}, True),
        ({"modalities": ("MR",)}, False),
        ({"calling_ae_titles": ("CT*",)}, True),
        ({"calling_ae_titles": ("MR*",)}, False),
        ({"station_names": ("PHÒNG ?",)}, True),
        ({"station_names": ("phòng 2",)}, False),
        ({"institution_names": ("*bạch mai*",)}, True),
        ({"modalities": ("CT",), "institution_names": ("*Việt Đức*",)}, False),
        ({"received": parse_time_of_day("00:00-23:59:59.999999")}, True),
    ],
    ids=str,
)
def test_only_what_fits_every_condition_is_sent_on(
    archive: Archive, receiver: Receiver, conditions: dict[str, object], fits: bool
) -> None:
    archive.peers.add_peer(receiver.peer)
    make_rule(archive, receiver.ae_title, **conditions)
    ds = ct_slice(station_name="Phòng 1", institution_name="BV Bạch Mai Hà Nội")

    keep(archive, ds, caller="CT1")
    forward(archive)

    assert bool(receiver.received) is fits


def test_of_a_mixed_study_only_the_fitting_series_is_sent_on(
    archive: Archive, receiver: Receiver
) -> None:
    archive.peers.add_peer(receiver.peer)
    make_rule(archive, receiver.ae_title, modalities=("MR",))
    study = ct_slice()

    [mr] = keep(archive, mr_slice(study_instance_uid=study.StudyInstanceUID))
    keep(archive, study)
    forward(archive)

    assert receiver.received == [mr]


def test_what_comes_from_a_peer_is_not_sent_back_to_it(
    archive: Archive, receiver: Receiver
) -> None:
    archive.peers.add_peer(receiver.peer)
    make_rule(archive, receiver.ae_title)

    keep(archive, ct_slice(), caller=receiver.ae_title)
    forward(archive)

    assert receiver.received == []


def test_late_arrivals_follow_without_sending_the_rest_again(
    archive: Archive, receiver: Receiver
) -> None:
    archive.peers.add_peer(receiver.peer)
    make_rule(archive, receiver.ae_title)
    slices = ct_series(4)
    keep(archive, *slices[:2])
    forward(archive)

    keep(archive, *slices[2:])
    forward(archive)

    assert sorted(receiver.received) == sorted(str(ds.SOPInstanceUID) for ds in slices)


def test_a_peer_that_is_away_gets_everything_once_when_it_comes_back(
    archive: Archive, receiver: Receiver
) -> None:
    archive.peers.add_peer(receiver.peer)
    make_rule(archive, receiver.ae_title)
    arrived = keep(archive, *ct_series(4))
    refused = set(arrived[2:])
    receiver.answer = lambda uid: 0xA700 if uid in refused else 0x0000
    forward(archive)
    half = list(receiver.received)
    receiver.stop()
    do_all(archive)
    waiting = only_job(archive)

    receiver.answer = lambda _uid: 0x0000
    receiver.start()
    do_all(archive)

    assert (sorted(half), waiting.state) == (sorted(arrived[:2]), JobState.WAITING)
    assert waiting.last_error is not None
    assert receiver.ae_title in waiting.last_error
    assert sorted(receiver.received) == sorted(arrived)
    assert only_job(archive).state is JobState.DONE


def test_what_the_peer_refuses_for_good_ends_the_job_with_a_reason(
    archive: Archive, receiver: Receiver
) -> None:
    archive.peers.add_peer(receiver.peer)
    make_rule(archive, receiver.ae_title)
    receiver.answer = lambda _uid: 0xC000
    keep(archive, *ct_series(2))

    forward(archive)

    job = only_job(archive)
    assert (job.state, job.last_error) == (
        JobState.FAILED,
        "ARCHIVE2 did not take 2 of 2 instances: the receiver answered C000H",
    )


def test_a_study_is_sent_by_hand_as_often_as_it_is_asked_for(
    archive: Archive, receiver: Receiver
) -> None:
    archive.peers.add_peer(receiver.peer)
    ds = ct_slice()
    keep(archive, ds)

    for _ in range(2):
        archive.work.forwarding.send(str(ds.StudyInstanceUID), receiver.ae_title, SCOPE)
        do_all(archive)

    assert receiver.received == [ds.SOPInstanceUID] * 2


def test_some_series_of_a_study_can_be_sent_by_hand(archive: Archive, receiver: Receiver) -> None:
    archive.peers.add_peer(receiver.peer)
    wanted, other = ct_slice(), ct_slice()
    other.StudyInstanceUID = wanted.StudyInstanceUID
    keep(archive, wanted, other)

    archive.work.forwarding.send(
        str(wanted.StudyInstanceUID),
        receiver.ae_title,
        SCOPE,
        series_instance_uids=(str(wanted.SeriesInstanceUID),),
    )
    do_all(archive)

    assert receiver.received == [wanted.SOPInstanceUID]


def test_what_cannot_be_sent_is_said_at_once(archive: Archive, receiver: Receiver) -> None:
    archive.peers.add_peer(receiver.peer)
    ds = ct_slice()
    keep(archive, ds)
    send = archive.work.forwarding.send

    with pytest.raises(PeerUnknown):
        send(str(ds.StudyInstanceUID), "NOBODY", SCOPE)
    with pytest.raises(NotFound):
        send("1.2.3", receiver.ae_title, SCOPE)
    with pytest.raises(NotAllowed):
        send(str(ds.StudyInstanceUID), receiver.ae_title, Scope("me", ActorKind.PERSON))


def test_a_rule_that_was_removed_sends_nothing_any_more(
    archive: Archive, receiver: Receiver
) -> None:
    archive.peers.add_peer(receiver.peer)
    make_rule(archive, receiver.ae_title)
    keep(archive, ct_slice())
    archive.work.forwarding.follow()

    archive.work.forwarding.remove_rule("rule", SCOPE)
    do_all(archive)

    assert receiver.received == []
    assert only_job(archive).state is JobState.DONE


TIMES = st.times()


@given(TIMES, TIMES, TIMES)
def test_a_time_of_day_and_its_reverse_cover_the_day_once(
    first: time, last: time, clock: time
) -> None:
    if first == last:
        return

    assert TimeOfDay(first, last).holds(clock) != TimeOfDay(last, first).holds(clock)


def test_a_time_of_day_that_is_none_is_refused() -> None:
    with pytest.raises(RequestInvalid):
        parse_time_of_day("7 to 5")


def test_a_job_waits_a_little_for_the_rest_of_the_study(
    archive: Archive, receiver: Receiver
) -> None:
    archive.peers.add_peer(receiver.peer)
    make_rule(archive, receiver.ae_title)
    keep(archive, ct_slice())

    archive.work.forwarding.follow()

    job = only_job(archive)
    assert job.due - job.created == timedelta(seconds=5)
    assert archive.work.jobs.work() is None
