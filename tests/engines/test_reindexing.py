"""The index made again from objects and ledger equals the old one, whatever happened before."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from pydicom.dataset import Dataset

from pacs.archive.corrections import PatientName
from pacs.archive.ingest import ReceivedInstance
from pacs.archive.removal import GRACE
from pacs.errors import NotFound, RequestInvalid
from pacs.settings import Settings
from pacs.storage.interfaces import Selection
from pacs.storage.sql_migrations import open_database
from pacs.wiring import Archive, open_archive
from tests.builders import ct_slice
from tests.care import (
    SCOPE,
    SENDER,
    Clock,
    contents,
    flip_byte,
    found,
    lose,
    put_object,
    receive,
    served,
    stored,
    truncate,
)
from tests.encodings import data_set_bytes

WHY = "a test"


@contextmanager
def opened(settings: Settings, clock: Clock) -> Iterator[Archive]:
    archive = open_archive(settings, now=clock)
    archive.reception.sweep()
    try:
        yield archive
    finally:
        archive.close()


def rebuilt(settings: Settings, folder: Path) -> Settings:
    """The same objects with an empty database."""
    return settings.model_copy(update={"database_url": f"sqlite:///{folder / 'again.sqlite'}"})


def rows(settings: Settings) -> dict[str, list[str]]:
    with closing(open_database(settings.index_url)) as database:
        return contents(database)


def reindex(settings: Settings, clock: Clock) -> list[str]:
    with opened(settings, clock) as archive:
        steps = list(archive.care.reindexing.run(SCOPE))
    return [step.trouble for step in steps if step.trouble is not None]


def compare(settings: Settings, folder: Path, clock: Clock) -> None:
    again = rebuilt(settings, folder)
    troubles = reindex(again, clock)
    before, after = rows(settings), rows(again)

    assert troubles == []
    for table, expected in before.items():
        only_before = set(expected) - set(after[table])
        only_after = set(after[table]) - set(expected)
        assert (table, only_before, only_after) == (table, set(), set())
        assert len(expected) == len(after[table])


class History:
    """Does to an archive what machines and people do, in an order that chance decides."""

    def __init__(self, archive: Archive, clock: Clock, seed: int) -> None:
        self.archive = archive
        self.clock = clock
        self.chance = random.Random(seed)
        self.sent: list[Dataset] = []
        self.steps: list[Callable[[], None]] = [
            *[self.send] * 4,
            *[self.send_other] * 2,
            self.send_again,
            self.send_damaged_again,
            *[self.delete] * 2,
            self.undo,
            self.empty,
            self.hold,
            *[self.correct] * 2,
            self.merge,
            self.move,
            *[self.resolve] * 2,
        ]

    def run(self, count: int) -> None:
        for _ in range(3):
            self.send()
        for _ in range(count):
            self.clock.pass_time(minutes=self.chance.randint(1, 600))
            try:
                self.chance.choice(self.steps)()
            except (NotFound, RequestInvalid):
                continue  # what a person may not decide then is decided another time

    def _new(self, **attributes: str) -> Dataset:
        chance = self.chance
        return ct_slice(
            rows=4,
            columns=4,
            **{
                "specific_character_set": "ISO_IR 192",
                "patient_id": chance.choice("ABC"),
                "issuer_of_patient_id": "BV",
                "patient_name": chance.choice(["NGUYỄN^AN", "NGUYEN^AN", "TRẦN^BÌNH"]),
                "study_instance_uid": f"2.25.{chance.randint(1, 4)}",
                "series_instance_uid": f"2.25.{chance.randint(10, 14)}",
                "study_description": chance.choice(["CT", "CT ngực"]),
                "instance_number": str(chance.randint(1, 9)),
                **attributes,
            },
        )

    def send(self) -> None:
        self.sent.append(self._new())
        receive(self.archive, self.sent[-1])

    def send_other(self) -> None:
        known = self.chance.choice(self.sent)
        receive(self.archive, self._new(sop_instance_uid=known.SOPInstanceUID))

    def send_again(self) -> None:
        receive(self.archive, self.chance.choice(self.sent))

    def send_damaged_again(self) -> None:
        ds = self.chance.choice(self.sent)
        present = self.archive.index.find(ds.SOPInstanceUID)
        if present is None or served(self.archive, ds) != data_set_bytes(ds):
            return
        self.chance.choice([flip_byte, truncate, lose])(self.archive, present)
        receive(self.archive, ds)

    def delete(self) -> None:
        ds = self.chance.choice(self.sent)
        whole = Selection((ds.StudyInstanceUID,))
        one = Selection(sop_instance_uids=(ds.SOPInstanceUID,))
        self.archive.care.removal.delete(self.chance.choice([whole, one]), SCOPE, reason=WHY)

    def empty(self) -> None:
        self.archive.care.removal.empty(timedelta(hours=1), SCOPE, reason=WHY)
        if self.chance.random() < 0.5:
            self.clock.pass_time(hours=GRACE / timedelta(hours=1))
            self.archive.care.removal.collect()

    def hold(self) -> None:
        self.archive.care.removal.hold(self._study(), SCOPE, reason=WHY)

    def correct(self) -> None:
        attributes = self.chance.choice(
            [{"PatientName": "LÊ^CẢNH"}, {"PatientID": "B"}, {"StudyDescription": "CT bụng"}]
        )
        self.archive.care.corrections.correct(self._study(), attributes, SCOPE, reason=WHY)

    def merge(self) -> None:
        one, other = self.chance.sample("ABC", 2)
        self.archive.care.corrections.merge(
            PatientName(one, "BV"), PatientName(other, "BV"), SCOPE, reason=WHY
        )

    def move(self) -> None:
        to = PatientName(self.chance.choice("ABC"), "BV")
        self.archive.care.corrections.move(self._study(), to, SCOPE, reason=WHY)

    def resolve(self) -> None:
        care = self.archive.care.conflicts
        for conflict in care.waiting(SCOPE)[:1]:
            number = conflict.conflict_id
            way = self.chance.choice([care.keep, care.replace, care.split])
            way(number, SCOPE, reason=WHY)

    def undo(self) -> None:
        made = self.archive.care.decisions.all()
        standing = [one.decision.decision_id for one in made if one.undone_by is None]
        if standing:
            chosen = self.chance.choice(standing)
            self.archive.care.decisions.undo(chosen, SCOPE, reason=WHY)

    def _study(self) -> str:
        return str(self.chance.choice(self.sent).StudyInstanceUID)


@pytest.mark.parametrize("seed", range(8))
def test_whatever_happened_the_index_comes_out_the_same(
    tmp_path: Path, clock: Clock, seed: int, archive_settings: Settings
) -> None:
    with opened(archive_settings, clock) as archive:
        History(archive, clock, seed).run(40)

    compare(archive_settings, tmp_path, clock)


def test_on_all_stores_the_index_comes_out_the_same(
    settings_everywhere: Settings, tmp_path: Path, clock: Clock
) -> None:
    with opened(settings_everywhere, clock) as archive:
        History(archive, clock, 99).run(40)

    compare(settings_everywhere, tmp_path, clock)


def test_what_was_made_again_is_in_order(
    archive_settings: Settings, tmp_path: Path, clock: Clock
) -> None:
    with opened(archive_settings, clock) as archive:
        History(archive, clock, 7).run(30)
    again = rebuilt(archive_settings, tmp_path)

    reindex(again, clock)

    with opened(again, clock) as archive:
        assert found(archive) == []


def test_an_index_that_holds_something_is_not_made_again(
    archive_settings: Settings, clock: Clock
) -> None:
    with opened(archive_settings, clock) as archive:
        receive(archive, ct_slice())

    with pytest.raises(RequestInvalid, match="--into"):
        reindex(archive_settings, clock)


def test_what_cannot_be_used_is_told_and_all_else_comes_back(
    archive_settings: Settings, tmp_path: Path, clock: Clock
) -> None:
    good = ct_slice()
    with opened(archive_settings, clock) as archive:
        receive(archive, good)
        broken = put_object(archive, ct_slice(), spoil=True)
    again = rebuilt(archive_settings, tmp_path)

    troubles = reindex(again, clock)

    assert len(troubles) == 1
    assert broken in troubles[0]
    with opened(again, clock) as archive:
        assert served(archive, good) == data_set_bytes(good)


def test_a_data_set_that_begins_with_meta_information_comes_back(
    archive_settings: Settings, tmp_path: Path, clock: Clock
) -> None:
    """Some senders leave group 0002 in the data set; our own head ends before it."""
    ds = ct_slice()
    left_in = b"\x02\x00\x10\x00UI\x14\x001.2.840.10008.1.2.1\0"
    received = ReceivedInstance(
        data_set=memoryview(left_in + data_set_bytes(ds)),
        transfer_syntax_uid="1.2.840.10008.1.2.1",
        sop_class_uid=None,
        sop_instance_uid=None,
        sender=SENDER,
    )
    with opened(archive_settings, clock) as archive:
        archive.ingest.ingest(received, SCOPE)

    compare(archive_settings, tmp_path, clock)


def test_revisions_made_again_are_none_that_was_given_out(
    archive_settings: Settings, tmp_path: Path, clock: Clock
) -> None:
    """An ETag is a series and its revision; a viewer may hold one from before."""
    ds = ct_slice()
    selection = Selection((ds.StudyInstanceUID,))
    with opened(archive_settings, clock) as archive:
        receive(archive, ds)
        [before] = archive.retrieval.series_states(selection, SCOPE)
    again = rebuilt(archive_settings, tmp_path)

    reindex(again, clock)

    with opened(again, clock) as archive:
        [after] = archive.retrieval.series_states(selection, SCOPE)
        assert after.revision > before.revision
        assert stored(archive, ds).received
