"""Slack's pace, with a clock of the test's own."""

import asyncio

import pytest

from integrations.slack import pacing
from integrations.slack.pacing import PostPacer, UpdateCoalescer


class Clock:
    """Time that passes only by sleeping."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(asyncio, "sleep", clock.sleep)
    return clock


async def test_a_small_burst_passes_and_then_one_a_second(clock: Clock) -> None:
    pacer = PostPacer(clock, burst=4)
    sent = []
    for _ in range(8):
        await pacer.wait("C1")
        sent.append(clock.now - 1000)
    assert sent == [0, 0, 0, 0, 1, 2, 3, 4]


async def test_channels_do_not_wait_for_each_other(clock: Clock) -> None:
    pacer = PostPacer(clock, burst=1)
    for channel in ("C1", "C2", "C3"):
        await pacer.wait(channel)
    assert clock.slept == []


async def test_the_allowance_comes_back(clock: Clock) -> None:
    pacer = PostPacer(clock, burst=2)
    await pacer.wait("C1")
    await pacer.wait("C1")
    clock.now += 2
    await pacer.wait("C1")
    await pacer.wait("C1")
    assert clock.slept == []


async def test_idle_channels_and_messages_are_forgotten(clock: Clock) -> None:
    pacer, updates = PostPacer(clock), UpdateCoalescer(clock)

    async def nothing() -> None:
        return None

    for number in range(pacing.MOST_REMEMBERED + 50):
        clock.now += 10
        await pacer.wait(f"C{number}")
        await updates.send("C1", str(number), nothing)
    assert len(pacer._next_free) <= pacing.MOST_REMEMBERED + 1
    assert len(updates._slots) <= pacing.MOST_REMEMBERED + 1


async def test_a_newer_state_releases_the_older_caller_at_once() -> None:
    updates = UpdateCoalescer(asyncio.get_running_loop().time, interval=0.05)
    sent: list[int] = []

    async def send(number: int) -> bool:
        async def call() -> None:
            sent.append(number)

        return await updates.send("C1", "1.0", call)

    assert await send(0)
    results = await asyncio.gather(*(send(n) for n in range(1, 6)))
    assert results == [False, False, False, False, True]
    assert sent == [0, 5]


async def test_the_newest_caller_sees_the_error() -> None:
    updates = UpdateCoalescer(asyncio.get_running_loop().time, interval=0.01)

    async def fail() -> None:
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        await updates.send("C1", "1.0", fail)


async def test_an_urgent_state_does_not_wait() -> None:
    loop = asyncio.get_running_loop()
    updates = UpdateCoalescer(loop.time, interval=60)

    async def nothing() -> None:
        return None

    await updates.send("C1", "1.0", nothing)
    async with asyncio.timeout(1):
        assert await updates.send("C1", "1.0", nothing, urgent=True)
