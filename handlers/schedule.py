"""The ticks: idempotent sweeps over rows. Every replica ticks; compare-and-set keeps them from doing things twice."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler

logger = structlog.get_logger(__name__)

EXPIRY_SECONDS = 5
RETENTION_HOURS = 6
CHECKPOINT_MINUTES = 60
# A bot that is restarted more often than the intervals would otherwise never retain and never write a checkpoint.
FIRST_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Sweeps:
    """What the ticks call; each takes the current time and is safe to run on several replicas at once."""

    expire_proposals: Callable[[datetime], Awaitable[int]]
    retain: Callable[[datetime], Awaitable[int]]
    audit_checkpoint: Callable[[], Awaitable[tuple[int, str]]]


class Schedule:
    """Owns the scheduler."""

    def __init__(self, sweeps: Sweeps, now: Callable[[], datetime]) -> None:
        self._sweeps = sweeps
        self._now = now
        self._scheduler = AsyncIOScheduler(
            timezone="UTC", job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": 60}
        )

    def start(self) -> None:
        """Begin to tick; must be called inside the running loop."""
        self._scheduler.add_job(self._expire, "interval", seconds=EXPIRY_SECONDS)
        first = self._now() + timedelta(seconds=FIRST_SECONDS)
        self._scheduler.add_job(self._retain, "interval", hours=RETENTION_HOURS, next_run_time=first)
        self._scheduler.add_job(self._checkpoint, "interval", minutes=CHECKPOINT_MINUTES, next_run_time=first)
        self._scheduler.start()

    def stop(self) -> None:
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)

    async def _expire(self) -> None:
        await self._sweeps.expire_proposals(self._now())

    async def _retain(self) -> None:
        removed = await self._sweeps.retain(self._now())
        if removed:
            logger.info("retention", removed=removed)

    async def _checkpoint(self) -> None:
        # Outside the database this shows a trail that was rolled back: `audit verify --checkpoint SEQ:HASH`.
        seq, digest = await self._sweeps.audit_checkpoint()
        logger.info("audit_checkpoint", seq=seq, hash=digest)
