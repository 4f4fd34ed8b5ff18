"""Watching a target until it is well and stays well."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from time import monotonic

from bot.domain.action import Check, Verification
from bot.errors import NotFound, Unavailable


@dataclass(frozen=True, slots=True)
class Timing:
    """How long to watch, in seconds: `timeout` until giving up, `hold` that all must stay well, `poll` between looks.

    `patience` is how long a rollout may look stuck before it is given up. `retries` is how often a write is
    repeated when only the resourceVersion moved.
    """

    timeout: float
    hold: float
    poll: float = 1.0
    patience: float = 10.0
    retries: int = 8
    retry_pause: float = 0.05


@dataclass(frozen=True, slots=True)
class Look:
    """One look at the target. `restarts` counts per container; `hopeless` says why waiting longer makes no sense.

    `stuck` says why it probably makes none: it ends the watch when it stays, for a status can lag behind a change.
    """

    checks: tuple[Check, ...]
    restarts: Mapping[str, int] = field(default_factory=dict)
    hopeless: str = ""
    stuck: str = ""

    @property
    def well(self) -> bool:
        return all(check.passed for check in self.checks)


async def watch(
    look: Callable[[], Awaitable[Look]], timing: Timing, report: Callable[[str], None], *, subject: str
) -> Verification:
    """Look every `timing.poll` seconds until all checks passed for `timing.hold` seconds, or `timing.timeout` is over.

    A restart starts the hold anew. A cluster that is away for a while is waited for. AuthenticationFailed is raised.
    """
    watcher = _Watcher(timing, report, subject)
    while True:
        try:
            seen = await look()
        except Unavailable as error:
            watcher.say(f"waiting for the cluster: {error.message}")
            seen = Look((Check(name="reachable", passed=False, detail=error.message),))
        except NotFound as error:
            seen = Look((Check(name="exists", passed=False, detail=error.message),), hopeless="it does not exist")
        if verdict := watcher.judge(seen):
            return verdict
        await asyncio.sleep(timing.poll)


class _Watcher:
    def __init__(self, timing: Timing, report: Callable[[str], None], subject: str) -> None:
        self._timing = timing
        self._report = report
        self._subject = subject
        self._started = monotonic()
        self._well_since: float | None = None
        self._baseline: Mapping[str, int] = {}
        self._stuck_since: float | None = None
        self._last = ""

    def say(self, line: str) -> None:
        """Report a line of progress, once."""
        if line != self._last:
            self._last = line
            self._report(line)

    def judge(self, seen: Look) -> Verification | None:
        now = monotonic()
        if not seen.well:
            self._well_since = None
            failing = next(check for check in seen.checks if not check.passed)
            self.say(f"{failing.name}: {failing.detail}")
            if why := seen.hopeless or self._stuck(seen, now):
                return self._verdict(seen, now, passed=False, summary=f"{self._subject} is not well: {why}.")
        else:
            self._hold(seen, now)
            if self._well_since is not None and now - self._well_since >= self._timing.hold:
                return self._verdict(seen, now, passed=True, summary=self._praise())
        if now - self._started < self._timing.timeout:
            return None
        if seen.well:
            why = f"it was well for less than {self._timing.hold:g} s"
        else:
            why = "; ".join(f"{check.name}: {check.detail}" for check in seen.checks if not check.passed)
        return self._verdict(
            seen, now, passed=False, summary=f"{self._subject} is not well after {self._timing.timeout:g} s: {why}."
        )

    def _stuck(self, seen: Look, now: float) -> str:
        """Return why waiting makes no sense, once that has been so for `timing.patience` seconds."""
        if not seen.stuck:
            self._stuck_since = None
            return ""
        self._stuck_since = now if self._stuck_since is None else self._stuck_since
        return seen.stuck if now - self._stuck_since >= self._timing.patience else ""

    def _hold(self, seen: Look, now: float) -> None:
        grown = [name for name, count in seen.restarts.items() if count > self._baseline.get(name, count)]
        if self._well_since is None or grown:
            self._well_since, self._baseline = now, dict(seen.restarts)
            held = f", it has to stay so for {self._timing.hold:g} s" if self._timing.hold else ""
            self.say(f"restarted again: {', '.join(grown)}" if grown else f"well{held}")
        else:
            self._baseline = {**seen.restarts, **self._baseline}

    def _praise(self) -> str:
        held = f" and stayed so for {self._timing.hold:g} s" if self._timing.hold else ""
        return f"{self._subject} is well{held}."

    def _verdict(self, seen: Look, now: float, *, passed: bool, summary: str) -> Verification:
        checks = seen.checks
        if seen.restarts or passed:
            held = now - self._well_since if self._well_since is not None else 0.0
            if self._timing.hold:
                checks = (
                    *checks,
                    Check(
                        name="held",
                        passed=passed,
                        detail=f"well for {held:.1f} s of {self._timing.hold:g} s without a restart",
                    ),
                )
        return Verification(
            passed=passed, summary=summary, checks=checks, duration_ms=round((now - self._started) * 1000, 1)
        )
