"""`make torture`: every fault many times over, a soak, and a table of how it went."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.torture.faults import FAULTS, Fault, Outcome, disk_full, disk_read_only, may_mount
from tests.torture.soak import Soak, soak

_TIMES = {"service_killed": 100, "spooling_service_killed": 100}
_TIMES_OF_OTHERS = 10
_SOAK_S = 600.0
_NEED_A_DISK = (disk_full, disk_read_only)
_COLUMNS = "{:<26}{:>7}{:>14}{:>6}{:>9}{:>9}{:>16}"


def main() -> int:
    asked = _arguments()
    print(_COLUMNS.format(*_HEADINGS), flush=True)
    good = True
    for fault in FAULTS:
        if asked.only and fault.__name__ not in asked.only:
            continue
        good &= _suffer(fault, asked.times or _TIMES.get(fault.__name__, _TIMES_OF_OTHERS))
    if asked.soak_s and not asked.only:
        good &= _soak(asked.soak_s)
    return 0 if good else 1


_HEADINGS = ("fault", "tried", "acknowledged", "lost", "corrupt", "phantom", "ready again in")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make torture", description=__doc__)
    parser.add_argument("--times", type=int, help="how often each fault is tried")
    parser.add_argument("--soak-s", type=float, default=_SOAK_S, help="0: no soak")
    parser.add_argument("--only", nargs="*", help="names of faults, such as disk_full")
    return parser.parse_args()


def _suffer(fault: Fault, times: int) -> bool:
    """Try one fault and print its row; whether it was survived."""
    with tempfile.TemporaryDirectory(prefix="pacs-torture-") as name:
        folder = Path(name)
        if fault in _NEED_A_DISK and not may_mount(folder / "try"):
            print(f"{fault.__name__}: NOT TRIED, needs the right to mount a disk", flush=True)
            return False
        try:
            outcome = fault(folder, times)
        except AssertionError as error:
            print(f"{fault.__name__}: NOT SURVIVED: {error}", flush=True)
            return False
    print(_COLUMNS.format(*_row(outcome)), flush=True)
    return outcome.judgement.is_clean


def _row(outcome: Outcome) -> Iterator[object]:
    judgement = outcome.judgement
    yield outcome.fault
    yield outcome.tried
    yield judgement.acknowledged
    yield judgement.lost
    yield judgement.corrupt
    yield judgement.phantom
    yield f"{outcome.ready_again_s:.1f} s"


def _soak(seconds: float) -> bool:
    with tempfile.TemporaryDirectory(prefix="pacs-soak-") as name:
        try:
            done: Soak = soak(Path(name), seconds=seconds)
        except AssertionError as error:
            print(f"soak: NOT SURVIVED: {error}", flush=True)
            return False
    first, last = done.after_warm_up, done.at_the_end
    print(
        f"\nsoak of {done.seconds:.0f} s: {done.judgement.acknowledged} instances stored, "
        f"{done.reads} requests answered; lost {done.judgement.lost}, "
        f"corrupt {done.judgement.corrupt}, phantom {done.judgement.phantom}\n"
        f"memory {first.memory_kib >> 10} -> {last.memory_kib >> 10} MiB, "
        f"descriptors {first.descriptors} -> {last.descriptors}, "
        f"threads {first.threads} -> {last.threads}: {'flat' if done.is_flat else 'GROWING'}"
    )
    return done.is_flat and done.judgement.is_clean


if __name__ == "__main__":
    sys.exit(main())
