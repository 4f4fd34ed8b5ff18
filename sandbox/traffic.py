"""What went over the wire between the bot and the sandbox, kept for the inspector pane and for tests."""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

Direction = Literal["in", "out"]

_LIMIT_CHARACTERS = 20_000


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request with its answer, or one socket frame.

    `direction` is seen from the sandbox: "in" is what a client sent us, "out" is what we sent on our own account.
    `request` and `response` are text, cut at 20,000 characters; credentials are masked by the server that records.
    """

    seq: int
    at: str
    server: str
    direction: Direction
    method: str
    path: str
    status: int | None
    duration_ms: float | None
    request: str
    response: str


@dataclass(slots=True)
class TrafficLog:
    """A bounded record of exchanges, newest last, with listeners for live views."""

    limit: int = 5_000
    exchanges: deque[Exchange] = field(init=False)
    _seq: int = field(init=False, default=0)
    _listeners: list[Callable[[Exchange], None]] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        self.exchanges = deque(maxlen=self.limit)

    def record(
        self,
        server: str,
        direction: Direction,
        method: str,
        path: str,
        *,
        status: int | None = None,
        started: float | None = None,
        request: str = "",
        response: str = "",
    ) -> Exchange:
        """Append one exchange; `started` is a `time.perf_counter()` reading taken when it began."""
        self._seq += 1
        exchange = Exchange(
            seq=self._seq,
            at=datetime.now(UTC).isoformat(timespec="milliseconds"),
            server=server,
            direction=direction,
            method=method,
            path=path,
            status=status,
            duration_ms=None if started is None else round((time.perf_counter() - started) * 1000, 2),
            request=request[:_LIMIT_CHARACTERS],
            response=response[:_LIMIT_CHARACTERS],
        )
        self.exchanges.append(exchange)
        for listener in list(self._listeners):
            listener(exchange)
        return exchange

    def listen(self, listener: Callable[[Exchange], None]) -> Callable[[], None]:
        """Call `listener` for every new exchange until the returned function is called."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def since(self, seq: int, server: str | None = None) -> list[dict[str, Any]]:
        """Return exchanges after `seq` as plain dictionaries, optionally of one server."""
        return [asdict(e) for e in self.exchanges if e.seq > seq and (server is None or e.server == server)]
