"""TLS as DICOM wants it, towards those who call us and those we call.

The BCP 195 RFC 8996, 9325 profile of PS3.15 Annex B: TLS 1.2 or newer, forward secrecy, AEAD.
"""

from __future__ import annotations

import ssl
from pathlib import Path

from pacs.errors import SettingsInvalid

_CIPHERS_OF_TLS_1_2 = "ECDHE+AESGCM:ECDHE+CHACHA20"
"""What the profile leaves of TLS 1.2; TLS 1.3 has nothing else."""


def server_context(
    certificate: Path | None, key: Path | None, *, client_ca: Path | None
) -> ssl.SSLContext:
    """For our own port; with `client_ca` callers must show a certificate that it signed.

    Raises SettingsInvalid.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(_CIPHERS_OF_TLS_1_2)
    context.options |= ssl.OP_CIPHER_SERVER_PREFERENCE | ssl.OP_NO_RENEGOTIATION
    try:
        context.load_cert_chain(str(certificate), str(key))
        if client_ca is not None:
            context.load_verify_locations(str(client_ca))
            context.verify_mode = ssl.CERT_REQUIRED
    except (OSError, ssl.SSLError) as error:
        raise SettingsInvalid(f"the TLS certificate or key cannot be used: {error}") from error
    return context


def client_context(
    certificate: Path | None, key: Path | None, *, peer_ca: Path | None
) -> ssl.SSLContext:
    """For calling peers; we show our certificate where they ask for one.

    peer_ca  who signed theirs. The hospital's own CA vouches for the machine, not for a host name,
             which certificates of modalities rarely have; without it the system's CAs are asked,
             and then the name counts.
    Raises SettingsInvalid.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # A TLS 1.3 server speaks unasked (session tickets), and pynetdicom's reader would then block on
    # a connection we write to. Every implementation must know TLS 1.2. RFC 9325 3.1.1.
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(_CIPHERS_OF_TLS_1_2)
    try:
        if certificate is not None:
            context.load_cert_chain(str(certificate), str(key))
        if peer_ca is not None:
            context.check_hostname = False
            context.load_verify_locations(str(peer_ca))
        else:
            context.load_default_certs()
    except (OSError, ssl.SSLError) as error:
        raise SettingsInvalid(f"the TLS certificate or key cannot be used: {error}") from error
    return context
