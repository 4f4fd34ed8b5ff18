"""The logs of containers, kept for the current and the previous run of each, with the time of every line."""

import asyncio
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime

_LINES_KEPT = 5_000


@dataclass(frozen=True, slots=True)
class Line:
    at: datetime
    text: str

    def shown(self, timestamps: bool) -> str:
        stamp = self.at.strftime("%Y-%m-%dT%H:%M:%S.%f000Z ") if timestamps else ""
        return f"{stamp}{self.text}\n"


@dataclass(slots=True)
class ContainerLog:
    """One run of a container. `changed` is set whenever a line arrives or the run ends."""

    lines: deque[Line] = field(default_factory=lambda: deque(maxlen=_LINES_KEPT))
    written: int = 0
    ended: bool = False
    _waiters: list[asyncio.Event] = field(default_factory=list)

    def write(self, text: str, at: datetime | None = None) -> None:
        for part in text.splitlines() or [""]:
            self.lines.append(Line(at or datetime.now(UTC), part))
            self.written += 1
        self._wake()

    def end(self) -> None:
        self.ended = True
        self._wake()

    async def wait(self) -> None:
        """Return when there is more to read or the run has ended."""
        if self.ended:
            return
        event = asyncio.Event()
        self._waiters.append(event)
        try:
            await event.wait()
        finally:
            self._waiters.remove(event)

    def _wake(self) -> None:
        for event in self._waiters:
            event.set()


@dataclass(slots=True)
class PodLogs:
    """Logs by pod uid and container name."""

    _runs: dict[tuple[str, str], list[ContainerLog]] = field(default_factory=dict)

    def begin(self, uid: str, container: str) -> ContainerLog:
        """Open the log of a new run; of the earlier ones the last is kept."""
        log = ContainerLog()
        self._runs[uid, container] = [*self._runs.get((uid, container), ())[-1:], log]
        return log

    def current(self, uid: str, container: str) -> ContainerLog | None:
        runs = self._runs.get((uid, container))
        return runs[-1] if runs else None

    def previous(self, uid: str, container: str) -> ContainerLog | None:
        runs = self._runs.get((uid, container), [])
        return runs[-2] if len(runs) > 1 else None

    def forget(self, uid: str) -> None:
        for key in [key for key in self._runs if key[0] == uid]:
            for log in self._runs.pop(key):
                log.end()
