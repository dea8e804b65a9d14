"""Leaves out of an A-ASSOCIATE-RQ what nobody here knows, as it must be ignored. PS3.8 9.3.1."""

from __future__ import annotations

import struct
from collections.abc import Iterator

_ITEM_HEADER = struct.Struct(">BxH")
_PDU_HEADER = struct.Struct(">BxI")
_ITEMS_OFFSET = 74

_APPLICATION_CONTEXT = 0x10
_PRESENTATION_CONTEXT = 0x20
_USER_INFORMATION = 0x50

_KNOWN_WITHIN: dict[int, frozenset[int]] = {
    _PRESENTATION_CONTEXT: frozenset({0x30, 0x40}),
    _USER_INFORMATION: frozenset(range(0x51, 0x5A)),
}
"""Sub-items by item. PS3.8 9.3.2, PS3.7 D.3.3."""

# A presentation context begins with its ID and three reserved bytes.
_BEFORE_SUB_ITEMS = {_PRESENTATION_CONTEXT: 4, _USER_INFORMATION: 0}


def without_unknown_items(pdu: bytes) -> bytes:
    """The same request without unknown items; unchanged when its items cannot be followed."""
    try:
        kept = b"".join(_known_items(pdu[_ITEMS_OFFSET:]))
    except ValueError:
        return pdu
    body = pdu[_PDU_HEADER.size : _ITEMS_OFFSET] + kept
    return _PDU_HEADER.pack(pdu[0], len(body)) + body


def _known_items(raw: bytes) -> Iterator[bytes]:
    for kind, value in _items(raw):
        if kind == _APPLICATION_CONTEXT:
            yield _item(kind, value)
        elif kind in _KNOWN_WITHIN:
            start = _BEFORE_SUB_ITEMS[kind]
            known = _KNOWN_WITHIN[kind]
            within = (_item(sub, data) for sub, data in _items(value[start:]) if sub in known)
            yield _item(kind, value[:start] + b"".join(within))


def _items(raw: bytes) -> Iterator[tuple[int, bytes]]:
    """Type and value of each item. Raises ValueError when one is longer than what holds it."""
    position = 0
    while position < len(raw):
        if position + _ITEM_HEADER.size > len(raw):
            raise ValueError("an item is cut short")
        kind, length = _ITEM_HEADER.unpack_from(raw, position)
        end = position + _ITEM_HEADER.size + length
        if end > len(raw):
            raise ValueError("an item is longer than what holds it")
        yield kind, raw[position + _ITEM_HEADER.size : end]
        position = end


def _item(kind: int, value: bytes) -> bytes:
    return _ITEM_HEADER.pack(kind, len(value)) + value
