"""The ticks, under a clock that the test moves."""

import asyncio
from datetime import datetime, timedelta

import pytest
from freezegun import freeze_time
from structlog.testing import capture_logs

from bot import clock
from handlers.schedule import CHECKPOINT_MINUTES, EXPIRY_SECONDS, FIRST_SECONDS, RETENTION_HOURS, Schedule, Sweeps
from tests.fakes import AT


class Recorder:
    """Keeps when each sweep was called; `error` is raised by the next expiry."""

    def __init__(self) -> None:
        self.expired: list[datetime] = []
        self.retained: list[datetime] = []
        self.checkpoints = 0
        self.error: Exception | None = None
        self.third = asyncio.Event()

    async def expire(self, now: datetime) -> int:
        self.expired.append(now)
        if len(self.expired) == 3:
            self.third.set()
        if self.error is not None:
            error, self.error = self.error, None
            raise error
        return 0

    async def retain(self, now: datetime) -> int:
        self.retained.append(now)
        return 7

    async def checkpoint(self) -> tuple[int, str]:
        self.checkpoints += 1
        return 12, "abc"

    def sweeps(self) -> Sweeps:
        return Sweeps(expire_proposals=self.expire, retain=self.retain, audit_checkpoint=self.checkpoint)


async def test_each_sweep_gets_the_time_of_the_clock_that_was_passed_in() -> None:
    recorder = Recorder()
    schedule = Schedule(recorder.sweeps(), lambda: AT)
    await schedule._expire()
    with capture_logs() as logs:
        await schedule._retain()
        await schedule._checkpoint()
    assert (recorder.expired, recorder.retained, recorder.checkpoints) == ([AT], [AT], 1)
    assert {"event": "retention", "removed": 7, "log_level": "info"} in logs
    assert {"event": "audit_checkpoint", "seq": 12, "hash": "abc", "log_level": "info"} in logs


async def test_the_ticks_come_at_their_intervals() -> None:
    with freeze_time(AT, real_asyncio=True):
        schedule = Schedule(Recorder().sweeps(), clock.now)
        schedule.start()
        try:
            jobs = schedule._scheduler.get_jobs()
        finally:
            schedule.stop()
    soon = AT + timedelta(seconds=FIRST_SECONDS)
    assert sorted((job.trigger.interval, job.next_run_time) for job in jobs) == [
        (timedelta(seconds=EXPIRY_SECONDS), AT + timedelta(seconds=EXPIRY_SECONDS)),
        (timedelta(minutes=CHECKPOINT_MINUTES), soon),
        (timedelta(hours=RETENTION_HOURS), soon),
    ]


async def test_a_tick_that_fails_does_not_stop_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("handlers.schedule.EXPIRY_SECONDS", 0.05)
    recorder = Recorder()
    recorder.error = RuntimeError("the database was away")
    schedule = Schedule(recorder.sweeps(), clock.now)
    schedule.start()
    try:
        await asyncio.wait_for(recorder.third.wait(), 5)
    finally:
        schedule.stop()


async def test_stopping_twice_is_stopping_once() -> None:
    schedule = Schedule(Recorder().sweeps(), clock.now)
    schedule.start()
    schedule.stop()
    await asyncio.sleep(0)
    schedule.stop()
