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
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import partial
from typing import Any, TypeVar

import structlog
from dbos import DBOS, DBOSPortableJSONSerializer, SetWorkflowID, StepOptions

from bot.errors import Unavailable, new_error_id
from bot.services.remediation import RemediationService
from bot.services.triage import TriageService
from bot.store import executors
from bot.store.database import Database, sync_url

logger = structlog.get_logger(__name__)

# Raised only when the order of the steps below changes: workflows in flight stay with the version they began with.
PIPELINE_VERSION = "pipeline-1"

T = TypeVar("T")


async def _worth_retrying(error: BaseException) -> bool:
    return isinstance(error, Unavailable)


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
        self._running = 0
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
        DBOS(
            config={
                "name": "oncall-agent",
                "system_database_url": sync_url(self._database.url),
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
        # The engine made its own thread pool the loop's default and shuts it down with itself: whatever is closed
        # after it needs another one.
        loop = asyncio.get_running_loop()
        pool = ThreadPoolExecutor(thread_name_prefix="oncall")
        loop.set_default_executor(pool)
        await loop.run_in_executor(pool, partial(DBOS.destroy, destroy_registry=True))
        loop.set_default_executor(pool)  # a step that began meanwhile has put the engine's back
        async with self._database.transaction() as session:
            await executors.forget(session, self.executor_id)

    async def heartbeat(self) -> None:
        """Say that this process lives, and take over what dead ones left. Runs until cancelled."""
        while True:
            await asyncio.sleep(self._dead_after.total_seconds() / 3)
            async with self._database.transaction() as session:
                await executors.beat(session, self.executor_id, self._now())
            await self.recover(everybody_else=False)

    async def recover(self, everybody_else: bool) -> None:
        """Take over the workflows of executors that are dead (or of all others)."""
        async with self._database.transaction() as session:
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

    async def forget_finished(self, before: datetime) -> int:
        """Delete finished workflows that ended before the given time, 1,000 at most, and return how many."""
        finished = await DBOS.list_workflows_async(
            status=["SUCCESS", "ERROR", "CANCELLED"],
            completed_before=before.isoformat(),
            limit=1_000,
            load_input=False,
            load_output=False,
        )
        if finished:
            await DBOS.delete_workflows_async([w.workflow_id for w in finished])
        return len(finished)

    def running_triages(self) -> int:
        return self._running

    async def start_triage(self, incident_id: str, run: int) -> None:
        self._running += 1
        try:
            with SetWorkflowID(f"triage-{incident_id}-{run}"):
                await DBOS.start_workflow_async(self._triage_workflow, incident_id, run)
        finally:
            self._running -= 1

    async def start_act(self, proposal_id: str) -> None:
        with SetWorkflowID(f"act-{proposal_id}"):
            await DBOS.start_workflow_async(self._act_workflow, proposal_id)

    async def _run_triage(self, incident_id: str, run: int) -> str:
        self._running += 1
        try:
            with structlog.contextvars.bound_contextvars(incident=incident_id, workflow=DBOS.workflow_id):
                return await self._triage_steps(incident_id, run)
        finally:
            self._running -= 1
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
        with structlog.contextvars.bound_contextvars(proposal=proposal_id, workflow=DBOS.workflow_id):
            if await _step("apply", self._remediation.apply, proposal_id):
                await _step("verify", self._remediation.verify, proposal_id)
            passed = await _step("settle", self._remediation.settle, proposal_id)
            await _step("announce", self._remediation.announce, proposal_id)
            await _step("note", self._remediation.note, proposal_id)
            return "succeeded" if passed else "failed"


async def _step(name: str, function: Callable[..., Coroutine[Any, Any, T]], *args: Any) -> T:
    """Run one durable step; when something outside is away, try again with growing pauses for about half an hour."""
    options: StepOptions = {
        "name": name,
        "retries_allowed": True,
        "interval_seconds": 1.0,
        "backoff_rate": 2.0,
        "max_attempts": 11,
        "should_retry": _worth_retrying,
    }
    return await DBOS.run_step_async(options, function, *args)
