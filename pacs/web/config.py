"""What the HTTP door is told when it is built: names, limits and folders."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from pacs.web.access import SignInRule


@dataclass(frozen=True)
class WebLimits:
    """How much one request may cost.

    max_parts         of one STOW-RS request.
    max_header_bytes  of the headers of one part.
    max_metadata_bytes  of one STOW-RS request with metadata and bulk data apart.
    max_json_bytes    of a request to our own API.
    default_matches, max_matches   of a search that says no limit, and of any search.
    max_body_bytes    of one STOW-RS request.
    body_idle_s       how long a body may pause.
    threads           that work on requests at the same time.
    heartbeat_s       after which a watcher without news is told so, and asked who it is.
    """

    max_parts: int = 20_000
    max_body_bytes: int = 16 << 30
    max_header_bytes: int = 8 * 1024
    max_metadata_bytes: int = 512 << 20
    max_json_bytes: int = 64 * 1024
    default_matches: int = 1_000
    max_matches: int = 5_000
    body_idle_s: float = 60.0
    threads: int = 32
    heartbeat_s: float = 15.0


@dataclass(frozen=True)
class WebConfig:
    """Facts about this archive that the door tells or acts upon.

    name        of the institution, may be empty.
    public_url  where the archive is reached from outside, None: from the request.
    cors_origins  whose pages may use the archive from a browser; ("*",): anybody's.
    """

    version: str
    ae_title: str
    dicom_host: str
    dicom_port: int
    language: str
    timezone: str
    sign_in: SignInRule
    viewer_folder: Path
    name: str = ""
    public_url: str | None = None
    cors_origins: tuple[str, ...] = ()
    limits: WebLimits = field(default_factory=WebLimits)
