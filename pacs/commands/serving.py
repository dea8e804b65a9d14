"""`pacs serve`: the whole archive in one process tree, until it is told to stop."""

from __future__ import annotations

import logging
import signal
import sys
import threading
from types import FrameType
from typing import TextIO, cast

import structlog

from pacs.commands.background import background_of
from pacs.commands.doors import Doors, Part, open_doors
from pacs.commands.forgiving import Forgiving
from pacs.commands.people import INITIAL_PASSWORD_FILE, ensure_first_user
from pacs.commands.session import archive_of
from pacs.commands.synthetic import send_synthetic_studies
from pacs.dicom.hierarchy import Level
from pacs.dicom.matching import Query
from pacs.errors import ArchiveError, SettingsInvalid
from pacs.scope import system_scope
from pacs.settings import Settings
from pacs.wiring import Archive

log = structlog.get_logger(__name__)


def serve_archive(settings: Settings, *, only: Part | None, demo: bool) -> None:
    """Run until SIGTERM or SIGINT. Raises SettingsInvalid when it cannot start like this."""
    set_up_logging()
    if only is not None and settings.index_url.startswith("sqlite"):
        raise SettingsInvalid(
            "with SQLite one process does everything: run 'pacs serve' without --only, "
            "or set PACS_DATABASE_URL to a PostgreSQL database"
        )
    stop = _stop_on_signals()
    with archive_of(settings) as archive:
        archive.reception.sweep()
        password = ensure_first_user(archive.accounts, settings.data_dir)
        doors = open_doors(archive, only=only)
        try:
            http_port = doors.http.port if doors.http else None
            with background_of(archive, http_port, does_jobs=only in (None, Part.JOBS)):
                _greet(archive, doors, password)
                if demo and _is_empty(archive) and doors.dicom is not None:
                    _fill(settings, doors.dicom.port, doors)
                stop.wait()
        finally:
            log.info("stopping; what is under way may end")
            doors.close()


def set_up_logging() -> None:
    """One line per outcome on stderr; libraries speak only when something is wrong."""
    stderr = cast(TextIO, Forgiving(sys.stderr))
    logging.basicConfig(level=logging.WARNING, stream=stderr, format="%(name)s: %(message)s")
    # It would say at every try that S3 is away; we say it once.
    logging.getLogger("urllib3").setLevel(logging.ERROR)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.KeyValueRenderer(key_order=["timestamp", "level", "event"]),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(file=stderr),
        cache_logger_on_first_use=True,
    )


def _stop_on_signals() -> threading.Event:
    stop = threading.Event()

    def on_signal(number: int, frame: FrameType | None) -> None:
        del number, frame
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, on_signal)
    return stop


def _is_empty(archive: Archive) -> bool:
    return not archive.queries.search(Query(Level.STUDY, limit=1), system_scope()).matches


def _fill(settings: Settings, port: int, doors: Doors) -> None:
    def send() -> None:
        try:
            for line in send_synthetic_studies(settings, port):
                _say(line)
            _say_where(settings, doors)
        except ArchiveError as error:
            log.error("the synthetic studies could not be sent", why=str(error))

    threading.Thread(target=send, name="demo", daemon=True).start()


def _greet(archive: Archive, doors: Doors, password: str | None) -> None:
    settings = archive.settings
    if password is not None:
        _say(f"First start: sign in as 'admin' with the password {password}")
        _say(f"  (also in {settings.data_dir / INITIAL_PASSWORD_FILE} until it is changed)")
    _say_where(settings, doors)


def _say(line: str) -> None:
    print(line, file=cast(TextIO, Forgiving(sys.stdout)), flush=True)


def _say_where(settings: Settings, doors: Doors) -> None:
    """The addresses, and a line to push a study of one's own."""
    if doors.http is not None:
        scheme = "https" if settings.tls_cert else "http"
        url = settings.public_url or f"{scheme}://{settings.http_host}:{doors.http.port}"
        _say(f"Viewer and worklist: {url}/")
        file = settings.data_dir / INITIAL_PASSWORD_FILE
        if file.exists():
            _say(f"Sign in as admin; the password is in {file}")
    if doors.dicom is not None:
        host, port, title = settings.dicom_host, doors.dicom.port, settings.ae_title
        _say(f"DICOM: AE title {title} at {host}:{port}. To send studies of your own:")
        _say(f"  storescu -aec {title} {host} {port} +sd +r FOLDER")
