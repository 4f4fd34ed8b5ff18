"""The composition root: the only module that imports handlers and integrations. Nothing is created at import."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from bot import clock
from bot.domain.policy import ApprovalPolicy
from bot.ports.analyst import Analyst
from bot.ports.evidence import EvidenceSource
from bot.ports.incident_source import IncidentSources
from bot.ports.messenger import Messenger
from bot.ports.remediation import Remediator
from bot.services import Services
from bot.services.analytics import AnalyticsService
from bot.services.approvals import ApprovalService
from bot.services.core import Core
from bot.services.dispatcher import Dispatcher, Wakeup
from bot.services.incidents import IncidentService
from bot.services.intake import IntakeService
from bot.services.investigation import InvestigationService
from bot.services.people import PeopleService
from bot.services.proposing import ProposingService
from bot.services.remediation import RemediationService
from bot.services.retention import RetentionService
from bot.services.runbooks import RunbookLibrary
from bot.services.status import StatusService
from bot.services.threads import ThreadService
from bot.services.triage import TriageOutside, TriageService
from bot.settings import Settings
from bot.store.audit import AuditTrail, load_audit_key
from bot.store.database import Database, sqlite_path
from bot.store.inbox import InboxWriter
from bot.store.lock import FileLock
from bot.store.migrate import migrate
from bot.tasks import TaskSupervisor
from bot.workflows import Workflows
from handlers.schedule import Schedule, Sweeps

logger = structlog.get_logger(__name__)

Check = Callable[[], Awaitable[str]]


@dataclass(frozen=True, slots=True)
class Outside:
    """Everything outside that was connected; what is not configured is None."""

    messenger: Messenger
    source: EvidenceSource | None = None
    remediator: Remediator | None = None
    incident_sources: IncidentSources = field(default_factory=dict)
    analyst: Analyst | None = None


@dataclass(frozen=True, slots=True)
class Bot:
    """A running bot without its inbound gateways."""

    services: Services
    workflows: Workflows
    dispatcher: Dispatcher
    audit: AuditTrail
    database: Database


def approval_policy(settings: Settings) -> ApprovalPolicy:
    """Return the rules on who may approve what."""
    return ApprovalPolicy(
        approvers=frozenset(settings.approval.approvers),
        enabled_actions=frozenset(settings.kubernetes.enabled_actions),
        execution_enabled=settings.kubernetes.destructive_enabled,
        destructive_allowed=settings.kubernetes.destructive_actions_allowed,
    )


@asynccontextmanager
async def open_store(settings: Settings) -> AsyncIterator[Database]:
    """Open the database with its newest schema; on SQLite, hold the file's lock until the end."""
    async with AsyncExitStack() as stack:
        if settings.database.is_sqlite:
            path = sqlite_path(settings.database.url)
            lock = FileLock(path.with_suffix(path.suffix + ".lock")).acquire()
            stack.callback(lock.release)
        database = Database(settings.database.url)
        stack.push_async_callback(database.close)
        await migrate(database)
        yield database


@asynccontextmanager
async def open_bot(
    settings: Settings,
    outside: Outside,
    checks: dict[str, Check],
    *,
    optional: frozenset[str] = frozenset(),
    now: Callable[[], datetime] = clock.now,
) -> AsyncIterator[Bot]:
    """Compose the core over what is outside, start its workflows and its ticks, and close it all again.

    Tests call this with fakes; `run` calls it with the real integrations.
    """
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(open_store(settings))
        audit = AuditTrail(database, load_audit_key(settings.database))
        core = Core(database, audit, now)
        tasks = TaskSupervisor()
        wakeup = Wakeup()
        inbox = InboxWriter(settings.database.url)
        inbox.start()
        stack.push_async_callback(inbox.close)
        stack.push_async_callback(tasks.close)

        policy = approval_policy(settings)
        threads = ThreadService(core, outside.messenger, settings.slack)
        proposing = ProposingService(core, threads, outside.messenger, outside.remediator, policy, settings.approval)
        triage = TriageService(
            core,
            threads,
            proposing,
            RunbookLibrary.load(settings.triage.runbooks_path),
            TriageOutside(
                messenger=outside.messenger,
                source=outside.source,
                incident_sources=outside.incident_sources,
                analyst=outside.analyst,
                remediator=outside.remediator,
            ),
            tasks,
        )
        remediation = RemediationService(
            core,
            threads,
            proposing,
            outside.messenger,
            outside.remediator,
            outside.incident_sources,
            policy,
            tasks,
        )
        workflows = Workflows(
            database, triage, remediation, now, wakeup, timedelta(seconds=settings.database.dead_after_seconds)
        )
        incidents = IncidentService(core, threads, outside.messenger, outside.incident_sources, policy)

        def show_status(incident_id: str) -> None:
            tasks.start(incidents.show_status(incident_id), name=f"status-{incident_id}")

        intake = IntakeService(core, inbox, wakeup, show_status)
        approvals = ApprovalService(core, threads, proposing, policy, wakeup)
        dispatcher = Dispatcher(core, intake, workflows, wakeup, settings.triage.concurrency)
        retention = RetentionService(core, settings.database.retention_days, workflows.forget_finished)

        async def database_check() -> str:
            await database.ping()
            return "SQLite" if database.is_sqlite else "PostgreSQL"

        services = Services(
            intake=intake,
            investigation=InvestigationService(core, intake, threads, wakeup),
            approvals=approvals,
            incidents=incidents,
            analytics=AnalyticsService(core),
            status=StatusService({"database": database_check, **checks}, optional),
            people=PeopleService(outside.messenger),
        )
        await workflows.launch()
        stack.push_async_callback(workflows.close)
        schedule = Schedule(
            Sweeps(expire_proposals=approvals.expire, retain=retention.retain, audit_checkpoint=audit.checkpoint), now
        )
        schedule.start()
        stack.callback(schedule.stop)
        # Closed before the engine, so that nothing is started on one that has stopped.
        loops = TaskSupervisor()
        stack.push_async_callback(loops.close)
        loops.keep_running(workflows.heartbeat, name="heartbeat")
        loops.keep_running(dispatcher.run, name="dispatcher")
        yield Bot(services=services, workflows=workflows, dispatcher=dispatcher, audit=audit, database=database)
