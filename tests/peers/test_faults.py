"""Each fault once, for real; `make torture` tries them many times over."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.torture import faults
from tests.torture.faults import Fault, may_mount
from tests.torture.soak import soak

WITH_SERVERS: tuple[Fault, ...] = (
    faults.spooling_service_killed,
    faults.database_killed,
    faults.database_frozen,
    faults.store_killed,
    faults.store_away,
    faults.node_killed,
)
ON_A_DISK_OF_ITS_OWN: tuple[Fault, ...] = (faults.disk_full, faults.disk_read_only)


def test_nothing_acknowledged_is_lost_when_the_service_is_killed(tmp_path: Path) -> None:
    outcome = faults.service_killed(tmp_path, 3)

    assert outcome.judgement.is_clean, outcome


@pytest.mark.timeout(240)
@pytest.mark.parametrize("fault", WITH_SERVERS, ids=lambda fault: fault.__name__)
def test_nothing_acknowledged_is_lost_with_servers_that_fail(tmp_path: Path, fault: Fault) -> None:
    outcome = fault(tmp_path, 1)

    assert outcome.judgement.is_clean, outcome


@pytest.mark.parametrize("fault", ON_A_DISK_OF_ITS_OWN, ids=lambda fault: fault.__name__)
def test_nothing_acknowledged_is_lost_with_a_disk_that_fails(tmp_path: Path, fault: Fault) -> None:
    if not may_mount(tmp_path / "try"):
        pytest.skip("needs the right to mount a disk: run as root")

    outcome = fault(tmp_path, 1)

    assert outcome.judgement.is_clean, outcome


def test_mixed_work_leaves_no_trace_in_memory_descriptors_and_threads(tmp_path: Path) -> None:
    soaked = soak(tmp_path, seconds=20)

    assert soaked.reads > 0
    assert soaked.judgement.is_clean, soaked
    assert soaked.is_flat, soaked
