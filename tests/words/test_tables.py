"""The tables of the standard agree with the dictionaries of independent libraries."""

from __future__ import annotations

import inspect

import pytest
from pydicom._uid_dict import UID_dictionary
from pydicom.datadict import dictionary_VR

from pacs import errors
from pacs.dicom.hierarchy import ATTRIBUTES, LEVELS, UNIQUE_KEY, Attribute, attribute_of_keyword
from pacs.dicom.statuses import FAILURES, failure_of
from pacs.dicom.transfer_syntaxes import TRANSFER_SYNTAXES

# No data set of an instance can be in one of these.
_NOT_STORABLE = {
    "1.2.840.10008.1.2.6.1",
    "1.2.840.10008.1.2.6.2",
    "1.2.840.10008.1.2.7.1",
    "1.2.840.10008.1.2.7.2",
    "1.2.840.10008.1.2.7.3",
    "1.2.840.10008.1.20",
}


@pytest.mark.parametrize("attribute", ATTRIBUTES, ids=lambda attribute: attribute.keyword)
def test_an_attribute_has_the_vr_of_the_data_dictionary(attribute: Attribute) -> None:
    assert dictionary_VR(attribute.tag) == attribute.vr


def test_keywords_and_columns_name_one_attribute_each() -> None:
    keywords = {attribute.keyword for attribute in ATTRIBUTES}
    columns = {attribute.column for attribute in ATTRIBUTES}

    assert len(keywords) == len(columns) == len(ATTRIBUTES)


def test_each_level_has_its_unique_key() -> None:
    homes = {level: attribute_of_keyword(UNIQUE_KEY[level]) for level in LEVELS}

    assert all(home is not None and home.level is level for level, home in homes.items())


def test_every_storable_transfer_syntax_of_pydicom_is_known() -> None:
    listed = {uid for uid, entry in UID_dictionary.items() if entry[1] == "Transfer Syntax"}

    assert listed - _NOT_STORABLE <= set(TRANSFER_SYNTAXES)


def test_every_error_has_an_answer() -> None:
    kinds = [
        kind
        for _, kind in inspect.getmembers(errors, inspect.isclass)
        if issubclass(kind, errors.ArchiveError)
    ]

    unanswered = [kind.__name__ for kind in kinds if not set(kind.__mro__) & set(FAILURES)]

    assert unanswered == []


def test_a_passing_fault_never_looks_like_a_refusal() -> None:
    failure = failure_of(errors.StorageFull("full"))

    assert (failure.store, failure.http) == (0xA700, 503)


def test_a_missing_uid_is_never_retried_by_a_modality() -> None:
    failure = failure_of(errors.IdentifiersMissing("none"))

    assert failure.store == 0xA900
