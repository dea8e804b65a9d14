"""The answer of STOW-RS: which instances are stored, which are not, and why. PS3.18 10.5.3, I.2."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pacs.archive.ingest import Receipt, ReceiptKind
from pacs.dicom.json import JsonDataSet, json_attribute
from pacs.dicom.statuses import COERCION, failure_of
from pacs.errors import ArchiveError, TryAgain
from pacs.web.problems import TRY_AGAIN_AFTER_S

_RETRIEVE_URL = "00081190"
_WARNING_REASON = "00081196"
_FAILURE_REASON = "00081197"
_FAILED_SOP_SEQUENCE = "00081198"
_REFERENCED_SOP_SEQUENCE = "00081199"
_OTHER_FAILURES_SEQUENCE = "0008119A"
_REFERENCED_SOP_CLASS_UID = "00081150"
_REFERENCED_SOP_INSTANCE_UID = "00081155"


@dataclass(frozen=True)
class Stored:
    """The part is an instance the archive has now."""

    receipt: Receipt


@dataclass(frozen=True)
class Failed:
    """The part was not stored; the UIDs are None where the part gave none."""

    error: ArchiveError
    sop_class_uid: str | None = None
    sop_instance_uid: str | None = None


Outcome = Stored | Failed


def store_status(outcomes: Sequence[Outcome]) -> tuple[int, dict[str, str]]:
    """The HTTP status and the headers that go with it. PS3.18 10.5.3.1."""
    stored = [outcome for outcome in outcomes if isinstance(outcome, Stored)]
    failed = [outcome for outcome in outcomes if isinstance(outcome, Failed)]
    if stored:
        warned = any(outcome.receipt.kind is ReceiptKind.CONFLICT for outcome in stored)
        return (202 if failed or warned else 200), {}
    if any(isinstance(outcome.error, TryAgain) for outcome in failed):
        return 503, {"Retry-After": str(TRY_AGAIN_AFTER_S)}
    statuses = {failure_of(outcome.error).http for outcome in failed}
    # One instance or all for the same reason: say that reason, unless it blames the request's
    # form, which was right.
    if len(statuses) == 1 and not statuses & {400, 500}:
        return statuses.pop(), {}
    return 409, {}


def store_answer(outcomes: Sequence[Outcome], base_url: str) -> JsonDataSet:
    """The Store Instances Response Module. base_url  of the DICOMweb service."""
    stored = [outcome for outcome in outcomes if isinstance(outcome, Stored)]
    failed = [outcome for outcome in outcomes if isinstance(outcome, Failed)]
    answer: JsonDataSet = {}
    studies = {outcome.receipt.identity.study_instance_uid for outcome in stored}
    if len(studies) == 1:
        answer[_RETRIEVE_URL] = json_attribute("UR", f"{base_url}/studies/{studies.pop()}")
    sequences = {
        _FAILED_SOP_SEQUENCE: [_failed_item(each) for each in failed if _is_named(each)],
        _REFERENCED_SOP_SEQUENCE: [_referenced_item(each, base_url) for each in stored],
        _OTHER_FAILURES_SEQUENCE: [_reason(each) for each in failed if not _is_named(each)],
    }
    for tag, items in sequences.items():
        if items:
            answer[tag] = {"vr": "SQ", "Value": items}
    return answer


def _is_named(failed: Failed) -> bool:
    return failed.sop_instance_uid is not None


def _failed_item(failed: Failed) -> JsonDataSet:
    return {
        _REFERENCED_SOP_CLASS_UID: json_attribute("UI", failed.sop_class_uid),
        _REFERENCED_SOP_INSTANCE_UID: json_attribute("UI", failed.sop_instance_uid),
        **_reason(failed),
    }


def _reason(failed: Failed) -> JsonDataSet:
    return {_FAILURE_REASON: json_attribute("US", failure_of(failed.error).reason)}


def _referenced_item(stored: Stored, base_url: str) -> JsonDataSet:
    identity = stored.receipt.identity
    url = (
        f"{base_url}/studies/{identity.study_instance_uid}"
        f"/series/{identity.series_instance_uid}/instances/{identity.sop_instance_uid}"
    )
    item = {
        _REFERENCED_SOP_CLASS_UID: json_attribute("UI", identity.sop_class_uid),
        _REFERENCED_SOP_INSTANCE_UID: json_attribute("UI", identity.sop_instance_uid),
        _RETRIEVE_URL: json_attribute("UR", url),
    }
    if stored.receipt.kind is ReceiptKind.CONFLICT:
        item[_WARNING_REASON] = json_attribute("US", COERCION)
    return dict(sorted(item.items()))
