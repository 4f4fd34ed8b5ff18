"""Starts workflows for rows that want one.

The row is the request: whoever wants an investigation or an execution commits a state, and this loop starts the
workflow under an id that is derived from the row. Starting twice runs once, and a start that a crash swallowed is
found again by the next sweep.
"""

import asyncio

import structlog

from bot.domain.action import ProposalState
from bot.ports.engine import WorkflowEngine
from bot.services.core import Core
from bot.services.intake import IntakeService
from bot.store import incidents as incident_store
from bot.store import proposals as proposal_store

logger = structlog.get_logger(__name__)

_SWEEP_SECONDS = 2.0


class Wakeup:
    """An event that services set and the dispatcher waits for."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def __call__(self) -> None:
        self._event.set()

    async def wait(self, seconds: float) -> None:
        """Return when woken, or after `seconds`."""
        try:
            await asyncio.wait_for(self._event.wait(), seconds)
        except TimeoutError:
            return
        finally:
            self._event.clear()


class Dispatcher:
    """Drains the inbox and starts what is wanted."""

    def __init__(
        self, core: Core, intake: IntakeService, engine: WorkflowEngine, wakeup: Wakeup, concurrency: int
    ) -> None:
        self._core = core
        self._intake = intake
        self._engine = engine
        self._wakeup = wakeup
        self._concurrency = concurrency
        self._started: set[str] = set()

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            while await self._intake.drain():
                await self.dispatch()
            await self.dispatch()
            await self._wakeup.wait(_SWEEP_SECONDS)

    async def dispatch(self) -> None:
        """Start what is wanted, within the limit on investigations."""
        async with self._core.transaction() as session:
            free = max(0, self._concurrency - self._engine.running_triages())
            wanted = await incident_store.wanted(session, free + len(self._started)) if free else []
            approved = await proposal_store.in_states(session, (ProposalState.APPROVED,))
        fresh = [i for i in wanted if f"{i.id}:{i.triage_run}" not in self._started]
        for proposal in approved:
            if proposal.id not in self._started:
                await self._engine.start_act(proposal.id)
        for incident in fresh[:free]:
            await self._engine.start_triage(incident.id, incident.triage_run)
        # Rows that are still wanted were started a moment ago; all others need no memory.
        self._started = {f"{i.id}:{i.triage_run}" for i in (*wanted,)} & (
            self._started | {f"{i.id}:{i.triage_run}" for i in fresh[:free]}
        ) | {p.id for p in approved}
