"""Instances as they go out: with what people corrected of their study laid over their header.

Without a correction nothing here touches a byte.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import replace

from pacs.dicom.header import inflate
from pacs.dicom.overlay import Overlay, lay_over
from pacs.dicom.transfer_syntaxes import TransferSyntax, transfer_syntax
from pacs.errors import NotDecodable
from pacs.pixels.interfaces import EncodedInstance
from pacs.storage.encoded import encoded_from_store
from pacs.storage.instance_reader import InstanceReader
from pacs.storage.interfaces import StoredInstance

SYSTEM = "PACS"
_MAX_INFLATED_BYTES = 256 << 20


def opened(reader: InstanceReader, instance: StoredInstance) -> EncodedInstance:
    """For whoever decodes or converts it: the header corrected, the pixels as stored."""
    encoded = encoded_from_store(reader, instance)
    if instance.overlay is None:
        return encoded
    syntax = _syntax(encoded.transfer_syntax_uid)
    return replace(encoded, header=_laid_over(encoded.header, syntax, instance.overlay))


def data_set(reader: InstanceReader, instance: StoredInstance) -> Iterator[bytes]:
    """The data set in the transfer syntax it is stored in; errors as `InstanceReader.data_set`."""
    pieces = reader.data_set(instance.stored)
    if instance.overlay is None:
        return pieces
    if _syntax(instance.transfer_syntax_uid).deflated:
        return iter((_deflated(b"".join(pieces), instance, instance.overlay),))
    return _overlaid(pieces, instance, instance.overlay)


def data_set_size(reader: InstanceReader, instance: StoredInstance) -> int:
    """How many bytes `data_set` gives."""
    size = instance.stored.data_set_size
    if instance.overlay is None:
        return size
    syntax = _syntax(instance.transfer_syntax_uid)
    if syntax.deflated:
        return sum(map(len, data_set(reader, instance)))
    length = _header_length(instance)
    header = reader.part(instance.stored, 0, length)
    return size - length + len(_laid_over(header, syntax, instance.overlay))


def _overlaid(
    pieces: Iterator[bytes], instance: StoredInstance, overlay: Overlay
) -> Iterator[bytes]:
    length, lead = _header_length(instance), b""
    for piece in pieces:
        lead += piece
        if len(lead) >= length:
            break
    syntax = _syntax(instance.transfer_syntax_uid)
    yield _laid_over(lead[:length], syntax, overlay)
    if len(lead) > length:
        yield lead[length:]
    yield from pieces


def _deflated(stored: bytes, instance: StoredInstance, overlay: Overlay) -> bytes:
    plain = inflate(memoryview(stored), _MAX_INFLATED_BYTES)
    pixels = instance.pixels
    length = pixels.header_length if pixels is not None else len(plain)
    syntax = _syntax(instance.transfer_syntax_uid)
    header = _laid_over(plain[:length], syntax, overlay)
    compressor = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    deflated = compressor.compress(header) + compressor.compress(plain[length:])
    deflated += compressor.flush()
    return deflated + b"\0" * (len(deflated) % 2)


def _header_length(instance: StoredInstance) -> int:
    pixels = instance.pixels
    return pixels.header_length if pixels is not None else instance.stored.data_set_size


def _laid_over(header: bytes, syntax: TransferSyntax, overlay: Overlay) -> bytes:
    return lay_over(header, syntax, overlay, system=SYSTEM)


def _syntax(uid: str) -> TransferSyntax:
    found = transfer_syntax(uid)
    if found is None:
        raise NotDecodable(f"transfer syntax {uid} is none of the standard's")
    return found
