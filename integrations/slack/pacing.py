"""Keeping Slack's pace: one post a second in a channel, about one update a second of a message."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

Clock = Callable[[], float]
"""Returns seconds that only ever grow."""

MOST_REMEMBERED = 500


class PostPacer:
    """Lets `burst` posts into a channel at once and then one every `interval` seconds, in order of arrival."""

    def __init__(self, clock: Clock, *, interval: float = 1.0, burst: int = 4) -> None:
        self._clock = clock
        self._interval = interval
        self._burst = burst
        self._next_free: dict[str, float] = {}

    async def wait(self, channel: str) -> None:
        """Return when the next post into `channel` is due."""
        now = self._clock()
        # The time at which a channel's whole allowance is back; every post moves it one interval on.
        full_at = max(self._next_free.get(channel, now), now) + self._interval
        self._next_free[channel] = full_at
        self._forget(now)
        delay = full_at - now - self._burst * self._interval
        if delay > 0:
            await asyncio.sleep(delay)

    def _forget(self, now: float) -> None:
        if len(self._next_free) > MOST_REMEMBERED:
            self._next_free = {channel: at for channel, at in self._next_free.items() if at > now}


@dataclass(slots=True)
class _Slot:
    """One message: the number of its newest state, when it may be sent, and who is waiting."""

    newest: int = 0
    not_before: float = 0.0
    waiting: int = 0
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    sending: asyncio.Lock = field(default_factory=asyncio.Lock)


class UpdateCoalescer:
    """Sends the newest state of each message only.

    Every caller waits until its own state was sent, or returns at once when a newer one took over: the newest state
    always has a caller who sends it and who sees the error if that fails.
    """

    def __init__(self, clock: Clock, *, interval: float = 1.0) -> None:
        self._clock = clock
        self._interval = interval
        self._slots: dict[tuple[str, str], _Slot] = {}

    async def send(self, channel: str, ts: str, call: Callable[[], Awaitable[None]], *, urgent: bool = False) -> bool:
        """Send a state with `call`; return False when a newer one was sent instead.

        An `urgent` state, one that a person waits for, does not wait for the interval.
        """
        slot = self._slots.setdefault((channel, ts), _Slot())
        slot.newest += 1
        mine = slot.newest
        slot.changed.set()
        slot.changed = asyncio.Event()
        slot.waiting += 1
        try:
            if not urgent and not await self._due(slot, mine):
                return False
            async with slot.sending:
                if slot.newest != mine:
                    return False
                slot.not_before = self._clock() + self._interval
                await call()
                return True
        finally:
            slot.waiting -= 1
            self._forget()

    async def _due(self, slot: _Slot, mine: int) -> bool:
        """Wait for the slot's turn. Return False as soon as a newer state has come."""
        while slot.newest == mine:
            delay = slot.not_before - self._clock()
            if delay <= 0:
                return True
            try:
                async with asyncio.timeout(delay):
                    await slot.changed.wait()
            except TimeoutError:
                continue
        return False

    def _forget(self) -> None:
        if len(self._slots) > MOST_REMEMBERED:
            now = self._clock()
            self._slots = {key: s for key, s in self._slots.items() if s.waiting or s.not_before > now}
