"""What an installation can set, read once from the environment and `pacs.toml` into a frozen value.

Each setting is `PACS_` and the field's name in capitals in the environment, the name alone in
`pacs.toml`. A secret can also be given as a file: `PACS_S3_SECRET_KEY_FILE=/run/secrets/key`.
"""

from __future__ import annotations

import ipaddress
import os
import tomllib
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from pacs.errors import ArchiveError, SettingsInvalid
from pacs.peers import Admit, check_ae_title

ENVIRONMENT_PREFIX = "PACS_"
SETTINGS_FILE = "pacs.toml"
_FILE_SUFFIX = "_FILE"
_NOT_SETTINGS = ("PACS_TEST_", "PACS_SKIP_VIEWER", "PACS_SETTINGS")


class Auth(StrEnum):
    REQUIRED = "required"
    NONE = "none"


class Spool(StrEnum):
    ON = "on"
    OFF = "off"


class Language(StrEnum):
    VI = "vi"
    EN = "en"


class Settings(BaseSettings):
    """All settings of an installation. Descriptions are shown in docs/settings.md."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", env_prefix=ENVIRONMENT_PREFIX)

    data_dir: Path = Field(Path("data"), description="SQLite index, folder objects, secrets")
    database_url: str | None = Field(
        None, description="any SQLAlchemy URL; unset: SQLite in the data folder"
    )
    s3_endpoint: str | None = Field(
        None, description="host:port or URL of the S3 service; unset: objects go to the data folder"
    )
    s3_bucket: str = Field("pacs", description="bucket for all objects; made when it is missing")
    s3_access_key: str | None = Field(None, description="S3 access key")
    s3_secret_key: str | None = Field(None, description="S3 secret key")
    s3_region: str | None = Field(None, description="S3 region, where the service wants one")
    s3_secure: bool = Field(True, description="whether S3 is spoken over TLS")
    ae_title: str = Field("PACS", description="our AE title")
    dicom_host: str = Field("127.0.0.1", description="address the DICOM port listens on")
    dicom_port: int = Field(11112, ge=0, le=65535, description="DICOM port")
    dicom_tls_port: int | None = Field(None, ge=0, le=65535, description="DICOM port with TLS")
    http_host: str = Field("127.0.0.1", description="address the web port listens on")
    http_port: int = Field(8080, ge=0, le=65535, description="web port")
    admit: Admit | None = Field(
        None,
        description="`anyone` or `registered`; unset: `anyone` on a loopback address, else "
        "`registered`",
    )
    auth: Auth = Field(
        Auth.REQUIRED, description="`none` is accepted on a loopback address without a public URL"
    )
    public_url: str | None = Field(None, description="how browsers reach us; all links begin so")
    trusted_proxies: str | None = Field(
        None, description="addresses of proxies whose X-Forwarded headers are believed"
    )
    tls_cert: Path | None = Field(None, description="certificate chain, PEM")
    tls_key: Path | None = Field(None, description="private key, PEM")
    tls_client_ca: Path | None = Field(
        None,
        description="CA of the certificates that machines must show on the DICOM TLS port, PEM; "
        "browsers need none",
    )
    cors_origins: str | None = Field(
        None,
        description="pages of other sites that may use DICOMweb and the API, such as "
        "`https://ohif.benhvien.vn`, parted by spaces; `*`: any page, with a bearer token only",
    )
    tls_peer_ca: Path | None = Field(
        None, description="CA of machines we call over TLS, PEM; unset: `tls_client_ca`"
    )
    spool: Spool = Field(Spool.ON, description="`off`: answer only after the S3 PUT")
    upload_workers: int = Field(
        4, ge=1, le=64, description="objects on their way from the spool to S3 at the same time"
    )
    reserve_bytes: int = Field(
        512 << 20,
        ge=0,
        description="kept free on the disk of objects and spool, at most a twentieth of it; "
        "below it nothing more is stored",
    )
    node_url: str | None = Field(
        None,
        description="how other nodes of the archive reach this one's web port; unset: by the "
        "name of this host",
    )
    timezone: str = Field("Asia/Ho_Chi_Minh", description="what `today` means in lists")
    language: Language = Field(Language.VI, description="`vi` or `en`")
    institution_name: str = Field("", description="the hospital's name, shown on top of each page")
    max_instance_bytes: int = Field(
        8 << 30, ge=1 << 20, description="largest data set that is accepted"
    )
    max_body_bytes: int = Field(16 << 30, ge=1 << 20, description="largest body of one web request")
    max_sequence_depth: int = Field(64, ge=4, le=64, description="deepest nesting of sequences")
    max_elements: int = Field(1_000_000, ge=1000, description="most elements of one data set")
    max_inflated_bytes: int = Field(
        256 << 20, ge=1 << 20, description="largest size a deflated data set may inflate to"
    )
    memory_per_instance_bytes: int = Field(
        8 << 20, ge=64 << 10, description="an arriving instance beyond this goes to a spool file"
    )
    max_associations: int = Field(64, ge=1, description="DICOM associations at the same time")
    max_pdu_bytes: int = Field(
        262_144, ge=4096, le=16 << 20, description="largest PDU we announce and accept"
    )
    pdu_deadline_s: float = Field(30.0, gt=0, description="a PDU that has begun must end within")
    association_idle_s: float = Field(
        60.0, gt=0, description="an association that says nothing is dropped after"
    )
    peer_deadline_s: float = Field(
        30.0, gt=0, description="how long another AE may take for one answer of a C-STORE"
    )
    job_workers: int = Field(
        3, ge=1, le=32, description="jobs, such as sending a study, at the same time"
    )
    commitment_limit_h: float = Field(
        24.0, gt=0, description="storage commitment that is still undecided is refused after"
    )
    database_deadline_s: float = Field(
        10.0, gt=0, description="a database that does not answer is reported after"
    )
    store_deadline_s: float = Field(
        20.0, gt=0, description="an S3 service that does not answer is reported after"
    )
    request_deadline_s: float = Field(
        60.0,
        gt=0,
        description="a web request's header and each stretch of its body must come within",
    )
    scrub_mb_per_s: float = Field(
        5.0, ge=0, description="how fast stored objects are read again to find damage; 0: never"
    )
    decoder_workers: int = Field(2, ge=1, le=64, description="processes that decode pixels")
    decoder_memory_bytes: int = Field(
        1536 << 20, ge=256 << 20, description="memory one decoding process may use"
    )
    decoder_deadline_s: float = Field(20.0, gt=0, description="time one picture may take")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what `read_settings` hands over: it alone looks at environment and file."""
        del settings_cls, env_settings, dotenv_settings, file_secret_settings
        return (init_settings,)

    @field_validator("ae_title")
    @classmethod
    def _usable_ae_title(cls, title: str) -> str:
        try:
            return check_ae_title(title)
        except ArchiveError as error:
            raise ValueError(str(error)) from error

    @field_validator("cors_origins")
    @classmethod
    def _usable_origins(cls, text: str | None) -> str | None:
        for origin in (text or "").replace(",", " ").split():
            parts = urlsplit(origin)
            is_bare = origin == f"{parts.scheme}://{parts.netloc}"
            if origin != "*" and not (is_bare and parts.scheme in ("http", "https")):
                raise ValueError(f"{origin} is no origin; write it like https://ohif.benhvien.vn")
        return text

    @field_validator("timezone")
    @classmethod
    def _known_timezone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (KeyError, OSError, ValueError) as error:
            raise ValueError(
                f"'{name}' is no time zone; write one like Asia/Ho_Chi_Minh"
            ) from error
        return name

    @field_validator("public_url", "node_url")
    @classmethod
    def _whole_url(cls, url: str | None) -> str | None:
        if url is None:
            return None
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise ValueError("write a whole URL such as https://pacs.hospital.vn")
        return url.rstrip("/")

    @model_validator(mode="after")
    def _safe_together(self) -> Settings:
        if self.auth is Auth.NONE and (self.public_url or not is_loopback(self.http_host)):
            raise ValueError(
                "PACS_AUTH=none lets everybody in and is accepted only while PACS_HTTP_HOST is a "
                "loopback address and PACS_PUBLIC_URL is not set; write PACS_AUTH=required"
            )
        if self.auth is Auth.NONE and "*" in (self.cors_origins or ""):
            raise ValueError(
                "PACS_AUTH=none with PACS_CORS_ORIGINS=* would let every web page that is opened "
                "on this machine read the archive; name the origins"
            )
        if (self.tls_cert is None) != (self.tls_key is None):
            raise ValueError("PACS_TLS_CERT and PACS_TLS_KEY go together; set both or none")
        if self.dicom_tls_port is not None and self.tls_cert is None:
            raise ValueError("PACS_DICOM_TLS_PORT needs PACS_TLS_CERT and PACS_TLS_KEY")
        if self.s3_endpoint and not (self.s3_access_key and self.s3_secret_key):
            raise ValueError("PACS_S3_ENDPOINT needs PACS_S3_ACCESS_KEY and PACS_S3_SECRET_KEY")
        return self

    @property
    def admitted(self) -> Admit:
        """`admit`, or what follows from the address when it is not set."""
        if self.admit is not None:
            return self.admit
        return Admit.ANYONE if is_loopback(self.dicom_host) else Admit.REGISTERED

    @property
    def index_url(self) -> str:
        return self.database_url or f"sqlite:///{self.data_dir.resolve() / 'index.sqlite'}"


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach the address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def read_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """Read `pacs.toml` (or what PACS_SETTINGS names), then the environment, which wins.

    Raises SettingsInvalid with a sentence that says what to write instead.
    """
    surroundings = os.environ if environment is None else environment
    given = _from_file(surroundings) | _from_environment(surroundings)
    try:
        return Settings(**given)
    except ValidationError as error:
        raise SettingsInvalid(_sentence(error)) from error


def _from_file(environment: Mapping[str, str]) -> dict[str, Any]:
    named = environment.get("PACS_SETTINGS")
    path = Path(named or SETTINGS_FILE)
    if not path.exists():
        if named:
            raise SettingsInvalid(f"PACS_SETTINGS names {path}, which does not exist")
        return {}
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsInvalid(f"{path} cannot be read: {error}") from error


def _from_environment(environment: Mapping[str, str]) -> dict[str, str]:
    given: dict[str, str] = {}
    for name, value in environment.items():
        if not name.startswith(ENVIRONMENT_PREFIX) or name.startswith(_NOT_SETTINGS):
            continue
        if name.endswith(_FILE_SUFFIX):
            name, value = name.removesuffix(_FILE_SUFFIX), _secret_from(name, value)
        if value != "":
            given[name.removeprefix(ENVIRONMENT_PREFIX).lower()] = value
    return given


def _secret_from(name: str, path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise SettingsInvalid(f"{name} names {path}, which cannot be read") from error


def _sentence(error: ValidationError) -> str:
    return "; ".join(_complaint(detail) for detail in error.errors(include_url=False))


def _complaint(detail: Any) -> str:
    field = ".".join(str(part) for part in detail["loc"])
    name = f"{ENVIRONMENT_PREFIX}{field.upper()}" if field else ""
    if detail["type"] == "extra_forbidden":
        return f"{name} is no setting of the archive; see docs/settings.md for those that are"
    what = str(detail["msg"]).removeprefix("Value error, ")
    return f"{name}: {what}" if name else what
