"""The part of the wiring that works for other Application Entities: jobs and what they are for."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from pacs.archive.commitment import Commitment
from pacs.archive.fetching import Fetching
from pacs.archive.forwarding import Forwarding, InstanceSource
from pacs.archive.jobs import Jobs
from pacs.archive.machines import Machines
from pacs.archive.webhooks import Webhooks
from pacs.associations import FailedAssociations
from pacs.audit import Auditor
from pacs.peers import Peer
from pacs.scu.association import Deadlines
from pacs.scu.commitment import CommitmentReporter
from pacs.scu.echo import echo
from pacs.scu.remote import RemoteArchivesByDimse
from pacs.scu.send import Sender
from pacs.settings import Settings
from pacs.storage.instance_reader import InstanceReader
from pacs.storage.interfaces import InstanceIndex, PeerDirectory, QueryIndex
from pacs.storage.sql_associations import SqlFailedAssociations
from pacs.storage.sql_database import Database
from pacs.storage.sql_forwarding import SqlForwarding
from pacs.storage.sql_jobs import SqlJobs
from pacs.storage.sql_webhooks import SqlWebhooks
from pacs.tls import client_context
from pacs.web.courier import HttpCourier


@dataclass(frozen=True)
class Work:
    """What is done for others, now or later. sender  reaches peers under our title."""

    jobs: Jobs
    sender: Sender
    commitment: Commitment
    forwarding: Forwarding
    fetching: Fetching
    machines: Machines
    failures: FailedAssociations
    webhooks: Webhooks


@dataclass(frozen=True)
class WorkParts:
    """What of the archive this needs."""

    database: Database
    index: InstanceIndex
    reader: InstanceReader
    peers: PeerDirectory
    query: QueryIndex
    source: InstanceSource
    auditor: Auditor


def build_work(settings: Settings, parts: WorkParts, *, now: Callable[[], datetime]) -> Work:
    """Nothing is done before somebody calls `jobs.work`."""
    # Of its own for each process: claims of one that died must run out, not come back to life.
    jobs = Jobs(SqlJobs(parts.database), worker=uuid.uuid4().hex, now=now)
    sender = Sender(
        calling_ae_title=settings.ae_title,
        deadlines=Deadlines(respond_s=settings.peer_deadline_s),
        tls=client_context(
            settings.tls_cert,
            settings.tls_key,
            peer_ca=settings.tls_peer_ca or settings.tls_client_ca,
        ),
    )
    failures = SqlFailedAssociations(parts.database)

    def ask(peer: Peer) -> None:
        echo(sender.target(peer), calling_ae_title=settings.ae_title, deadlines=sender.deadlines)

    return Work(
        jobs=jobs,
        sender=sender,
        commitment=Commitment(
            index=parts.index,
            reader=parts.reader,
            peers=parts.peers,
            jobs=jobs,
            reporter=CommitmentReporter(sender),
            now=now,
            limit=timedelta(hours=settings.commitment_limit_h),
        ),
        fetching=Fetching(remote=RemoteArchivesByDimse(sender), peers=parts.peers, jobs=jobs),
        machines=Machines(peers=parts.peers, failures=failures, echo=ask, auditor=parts.auditor),
        failures=failures,
        webhooks=Webhooks(
            store=SqlWebhooks(parts.database),
            query=parts.query,
            jobs=jobs,
            courier=HttpCourier(),
            auditor=parts.auditor,
            now=now,
        ),
        forwarding=Forwarding(
            store=SqlForwarding(parts.database),
            index=parts.index,
            query=parts.query,
            source=parts.source,
            peers=parts.peers,
            destinations=sender,
            jobs=jobs,
            timezone=ZoneInfo(settings.timezone),
            now=now,
        ),
    )
