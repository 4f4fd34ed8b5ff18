"""The two durable workflows and the recovery of dead processes.

    triage(incident, run):  open -> gather -> analyse -> publish
    act(proposal):          apply -> verify -> settle -> announce -> note

Between them a person decides; that wait is a row with a deadline and never a sleeping workflow. Each step may run
again after a crash, so each is idempotent by its service's own design.
"""

import asyncio
import logging
import socket
import uuid
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from typing import Any, TypeVar

import sqlalchemy as sa
import structlog
from dbos import DBOS, DBOSPortableJSONSerializer, SetWorkflowID

from bot.domain.action import ProposalState
from bot.domain.incident import TriageState
from bot.errors import Unavailable, new_error_id
from bot.services.remediation import RemediationService
from bot.services.triage import TriageService
from bot.store import executors
from bot.store import incidents as incident_store
from bot.store import proposals as proposal_store
from bot.store.database import Database, create_workflow_engine, sync_url

logger = structlog.get_logger(__name__)

# Raised only when the order of the steps below changes: workflows in flight stay with the version they began with.
PIPELINE_VERSION = "pipeline-1"

T = TypeVar("T")

# How long a step waits for something outside that is away, and the longest pause between two tries.
_PATIENCE_SECONDS = 1_800.0
_LONGEST_PAUSE_SECONDS = 30.0
_STOP_SECONDS = 5.0
_ENDED = ["SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"]


class Workflows:
    """The engine: registers both workflows, starts them, recovers what other processes left behind."""

    def __init__(
        self,
        database: Database,
        triage: TriageService,
        remediation: RemediationService,
        now: Callable[[], datetime],
        wake: Callable[[], None],
        dead_after: timedelta,
    ) -> None:
        self._dead_after = dead_after
        self._database = database
        self._triage = triage
        self._remediation = remediation
        self._now = now
        self._wake = wake
        self._starting = 0
        self._triages: set[asyncio.Task[Any]] = set()
        self._acts: set[asyncio.Task[Any]] = set()
        self._engine: sa.Engine | None = None
        self.executor_id = f"{socket.gethostname()}-{uuid.uuid4().hex[:8]}"

        # The engine registers plain functions and keeps them in a registry of its own, by name.
        @DBOS.workflow(name="triage", max_recovery_attempts=1000)
        async def triage_workflow(incident_id: str, run: int) -> str:
            return await self._run_triage(incident_id, run)

        @DBOS.workflow(name="act", max_recovery_attempts=1000)
        async def act_workflow(proposal_id: str) -> str:
            return await self._run_act(proposal_id)

        self._triage_workflow = triage_workflow
        self._act_workflow = act_workflow

    async def launch(self) -> None:
        """Start the engine and take over what dead processes left.

        On SQLite that is at once, because the lock on the file says that the process before this one is dead; on
        PostgreSQL its heartbeat has to stop first.
        """
        async with self._database.transaction() as session:
            await executors.beat(session, self.executor_id, self._now())
        # The engine logs through its own logger; ours tells what matters.
        logging.getLogger("dbos").setLevel(logging.ERROR)
        self._engine = create_workflow_engine(self._database.url)
        DBOS(
            config={
                "name": "oncall-agent",
                "system_database_url": sync_url(self._database.url),
                "system_database_engine": self._engine,
                "executor_id": self.executor_id,
                "application_version": PIPELINE_VERSION,
                "serializer": DBOSPortableJSONSerializer(),
                "log_level": "ERROR",
                "enable_otlp": False,
            }
        )
        DBOS.launch()
        await self.recover(self._database.is_sqlite)

    async def close(self) -> None:
        """Stop at once; what is under way goes on with the next start, or on another replica."""
        # A workflow that is cancelled records nothing and so stays pending. Left to run, it would meet closed sessions
        # and take them for failures of its own.
        under_way = self._triages | self._acts
        for task in under_way:
            task.cancel()
        if under_way:
            await asyncio.wait(under_way, timeout=_STOP_SECONDS)
        # The engine made its own thread pool the loop's default and shuts it down with itself: whatever is closed
        # after it needs another one.
        loop = asyncio.get_running_loop()
        pool = ThreadPoolExecutor(thread_name_prefix="oncall")
        loop.set_default_executor(pool)
        await loop.run_in_executor(pool, partial(DBOS.destroy, destroy_registry=True))
        if self._engine is not None:
            self._engine.dispose()  # the engine closes only what it has made itself
        loop.set_default_executor(pool)  # a step that began meanwhile has put the engine's back
        try:
            async with self._database.transaction() as session:
                await executors.retire(session, self.executor_id)
        except Unavailable as error:
            # The others find out by themselves, only later.
            logger.warning("not_retired", reason=str(error.__cause__))

    async def heartbeat(self) -> None:
        """Say that this process lives, and take over what dead ones left. Runs until cancelled."""
        pause = self._dead_after.total_seconds() / 3
        while True:
            await asyncio.sleep(pause)
            try:
                async with self._database.transaction() as session:
                    await executors.beat(session, self.executor_id, self._now())
            except Unavailable:
                # Soon again: the others must not take a live process for dead because the database was away.
                logger.warning("heartbeat_missed")
                pause = 1.0
                continue
            pause = self._dead_after.total_seconds() / 3
            await self.recover(everybody_else=False)
            await self.reconcile()

    async def recover(self, everybody_else: bool) -> None:
        """Take over the workflows of executors that are dead (or of all others)."""
        async with self._database.reading() as session:
            if everybody_else:
                dead = await executors.others(session, self.executor_id)
            else:
                dead = await executors.dead_since(session, self._now() - self._dead_after)
        for executor_id in dead:
            # The engine recovers by itself only with a paid service; this is the call it makes.
            handles = await asyncio.to_thread(DBOS._recover_pending_workflows, [executor_id])  # noqa: SLF001
            logger.info("executor_recovered", executor=executor_id, workflows=len(handles))
            async with self._database.transaction() as session:
                await executors.forget(session, executor_id)

    async def reconcile(self) -> int:
        """Close what was left open by workflows that have ended, and return how much that was.

        It happens when the database was away for so long that a workflow could not even record its failure.
        """
        async with self._database.reading() as session:
            incidents = await incident_store.in_triage(session, (TriageState.WANTED, TriageState.RUNNING), limit=200)
            proposals = await proposal_store.in_states(session, (ProposalState.APPROVED, ProposalState.EXECUTING))
        triages = {f"triage-{i.id}-{i.triage_run}": i for i in incidents}
        acts = {f"act-{p.id}": p for p in proposals}
        if not triages and not acts:
            return 0
        ended = await DBOS.list_workflows_async(
            workflow_ids=[*triages, *acts], status=_ENDED, load_input=False, load_output=False
        )
        for workflow in ended:
            error_id = new_error_id()
            logger.warning("workflow_left_open", workflow=workflow.workflow_id, error_id=error_id)
            if (incident := triages.get(workflow.workflow_id)) is not None:
                await self._triage.fail(incident.id, incident.triage_run, error_id)
            else:
                await self._remediation.abandon(acts[workflow.workflow_id].id, error_id)
        return len(ended)

    async def forget_finished(self, before: datetime) -> int:
        """Delete finished workflows that ended before the given time, and return how many."""
        forgotten = 0
        while True:
            finished = await DBOS.list_workflows_async(
                status=_ENDED,
                completed_before=before.isoformat(),
                limit=1_000,
                load_input=False,
                load_output=False,
            )
            if not finished:
                return forgotten
            await DBOS.delete_workflows_async([w.workflow_id for w in finished])
            forgotten += len(finished)

    def running_triages(self) -> int:
        return self._starting + len(self._triages)

    async def start_triage(self, incident_id: str, run: int) -> None:
        self._starting += 1
        try:
            with SetWorkflowID(f"triage-{incident_id}-{run}"):
                await DBOS.start_workflow_async(self._triage_workflow, incident_id, run)
        finally:
            self._starting -= 1

    async def start_act(self, proposal_id: str) -> None:
        with SetWorkflowID(f"act-{proposal_id}"):
            await DBOS.start_workflow_async(self._act_workflow, proposal_id)

    async def _run_triage(self, incident_id: str, run: int) -> str:
        with _counted_in(self._triages):
            try:
                with structlog.contextvars.bound_contextvars(incident=incident_id, workflow=DBOS.workflow_id):
                    return await self._triage_steps(incident_id, run)
            finally:
                self._wake()

    async def _triage_steps(self, incident_id: str, run: int) -> str:
        try:
            if not await _step("open", self._triage.open, incident_id, run):
                return "not wanted"
            if not await _step("gather", self._triage.gather, incident_id, run):
                return "waiting for a person"
            await _step("analyse", self._triage.analyse, incident_id, run)
            await _step("publish", self._triage.publish, incident_id, run)
        except Exception:
            error_id = new_error_id()
            logger.exception("triage_failed", error_id=error_id)
            await _step("fail", self._triage.fail, incident_id, run, error_id)
            return f"failed {error_id}"
        return "published"

    async def _run_act(self, proposal_id: str) -> str:
        with (
            _counted_in(self._acts),
            structlog.contextvars.bound_contextvars(proposal=proposal_id, workflow=DBOS.workflow_id),
        ):
            passed = await self._act_steps(proposal_id)
            # What is said about an outcome cannot change it, and one place that is away does not silence the other.
            for name, tell in (("announce", self._remediation.announce), ("note", self._remediation.note)):
                try:
                    await _step(name, tell, proposal_id)
                except Exception:
                    logger.exception("outcome_not_told", step=name)
            return "succeeded" if passed else "failed"

    async def _act_steps(self, proposal_id: str) -> bool:
        try:
            if await _step("apply", self._remediation.apply, proposal_id):
                await _step("verify", self._remediation.verify, proposal_id)
            return await _step("settle", self._remediation.settle, proposal_id)
        except Exception:
            error_id = new_error_id()
            logger.exception("act_failed", error_id=error_id)
            await _step("abandon", self._remediation.abandon, proposal_id, error_id)
            return False


@contextmanager
def _counted_in(tasks: set[asyncio.Task[Any]]) -> Iterator[None]:
    """Keep the running task in `tasks` for as long as the block runs."""
    task = asyncio.current_task()
    assert task is not None  # noqa: S101 - workflows run as tasks
    tasks.add(task)
    try:
        yield
    finally:
        tasks.discard(task)


async def _step(name: str, function: Callable[..., Coroutine[Any, Any, T]], *args: Any) -> T:
    """Run one durable step; when something outside is away, try again with growing pauses for half an hour."""
    return await DBOS.run_step_async({"name": name}, _insist, function, *args)


async def _insist(function: Callable[..., Coroutine[Any, Any, T]], *args: Any) -> T:
    # The engine's own retries double their pauses without a limit: after an outage of minutes they would wait for
    # minutes more.
    loop = asyncio.get_running_loop()
    deadline, pause = loop.time() + _PATIENCE_SECONDS, 1.0
    while True:
        try:
            return await function(*args)
        except Unavailable as error:
            wait = max(pause, min(error.retry_after or 0.0, 2 * _LONGEST_PAUSE_SECONDS))
            if loop.time() + wait > deadline:
                raise
            logger.info("step_waits", vendor=error.vendor, reason=error.message, seconds=wait)
        await asyncio.sleep(wait)
        pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)
