"""Certificates of a hospital that does not exist, made by openssl when a test asks for them."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.needs import Need


@dataclass(frozen=True)
class Identity:
    certificate: Path
    key: Path


@dataclass(frozen=True)
class Certificates:
    """ca  signed `archive` and `modality`; nobody knows who signed `stranger`."""

    ca: Path
    archive: Identity
    modality: Identity
    stranger: Identity


@pytest.fixture(scope="session")
def certificates(need: Need, tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    openssl = need("openssl")
    folder = tmp_path_factory.mktemp("certificates")
    ca = _self_signed(openssl, folder, "ca")
    return Certificates(
        ca=ca.certificate,
        archive=_signed(openssl, folder, "archive", ca),
        modality=_signed(openssl, folder, "modality", ca),
        stranger=_self_signed(openssl, folder, "stranger"),
    )


def _self_signed(openssl: Path, folder: Path, name: str) -> Identity:
    made = Identity(folder / f"{name}.pem", folder / f"{name}.key")
    _run(openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
         f"/CN={name}", "-keyout", made.key, "-out", made.certificate)  # fmt: skip
    return made


def _signed(openssl: Path, folder: Path, name: str, ca: Identity) -> Identity:
    made = Identity(folder / f"{name}.pem", folder / f"{name}.key")
    request = folder / f"{name}.csr"
    _run(openssl, "req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}",
         "-keyout", made.key, "-out", request)  # fmt: skip
    _run(openssl, "x509", "-req", "-in", request, "-CA", ca.certificate, "-CAkey", ca.key,
         "-CAcreateserial", "-days", "2", "-out", made.certificate)  # fmt: skip
    return made


def _run(*command: str | Path) -> None:
    subprocess.run(command, check=True, capture_output=True, timeout=60)
