"""Starts workflows for rows that want one.

The row is the request: whoever wants an investigation or an execution commits a state, and this loop starts the
workflow under an id that is derived from the row. Starting twice runs once, and a start that a crash swallowed is
found again by the next sweep.
"""

import asyncio

import structlog

from bot.domain.action import ProposalState
from bot.domain.incident import Incident
from bot.errors import Unavailable
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
            # Not asyncio.wait_for: on Python 3.11 it swallows a cancellation that meets a wake-up.
            async with asyncio.timeout(seconds):
                await self._event.wait()
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
            try:
                while await self._intake.drain():
                    await self.dispatch()
                await self.dispatch()
            except Unavailable as error:
                # Everything that waits is a row and waits on.
                logger.warning("dispatch_waits", reason=error.message)
            await self._wakeup.wait(_SWEEP_SECONDS)

    async def dispatch(self) -> None:
        """Start what is wanted, within the limit on investigations."""
        async with self._core.reading() as session:
            wanted = await incident_store.wanted(session, self._concurrency + len(self._started))
            approved = await proposal_store.in_states(session, (ProposalState.APPROVED,))
        # Rows that are still wanted although they were started have not claimed their place yet; it is theirs. Of all
        # others no memory is needed.
        self._started &= {_key(incident) for incident in wanted} | {proposal.id for proposal in approved}
        for proposal in approved:
            if proposal.id not in self._started:
                await self._engine.start_act(proposal.id)
                self._started.add(proposal.id)
        claiming = sum(_key(incident) in self._started for incident in wanted)
        free = max(0, self._concurrency - self._engine.running_triages() - claiming)
        fresh = [incident for incident in wanted if _key(incident) not in self._started]
        for incident in fresh[:free]:
            await self._engine.start_triage(incident.id, incident.triage_run)
            self._started.add(_key(incident))


def _key(incident: Incident) -> str:
    return f"{incident.id}:{incident.triage_run}"
