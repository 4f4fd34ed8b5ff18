"""An HTTP load generator lean enough to be faster than the servers it measures."""

import asyncio
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from urllib.parse import urlsplit

from benchmarks.payloads import webhook_request

CONNECTIONS = 16


@dataclass(frozen=True, slots=True)
class Load:
    """What came back: answers a second, and the seconds of each answer."""

    rate: float
    seconds: tuple[float, ...]


class _Connection(asyncio.Protocol):
    """One keep-alive connection: the next request goes out when the answer to the last one is complete."""

    def __init__(self, requests: Iterator[bytes], done: "asyncio.Future[None]", seconds: list[float]) -> None:
        self._requests = requests
        self._done = done
        self._seconds = seconds
        self._started = 0.0
        self._answer = b""
        self._transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport
        self._next()

    def _next(self) -> None:
        assert self._transport is not None
        request = next(self._requests, None)
        if request is None:
            self._finish()
            return
        self._started = time.perf_counter()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._answer += data
        head, found, body = self._answer.partition(b"\r\n\r\n")
        if not found:
            return
        if not head.startswith(b"HTTP/1.1 202"):
            self._fail(RuntimeError(f"the server answered {self._answer[:300]!r}"))
            return
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0])
        if len(body) < length:
            return
        self._seconds.append(time.perf_counter() - self._started)
        self._answer = b""
        self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail(exc or ConnectionError("the server closed the connection"))

    def _finish(self) -> None:
        if not self._done.done():
            self._done.set_result(None)

    def _fail(self, error: Exception) -> None:
        if not self._done.done():
            self._done.set_exception(error)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


async def send(url: str, requests: Sequence[bytes], connections: int = CONNECTIONS) -> Load:
    """Send the requests over this many connections, one at a time on each. Raise RuntimeError on another answer."""
    target = urlsplit(url)
    loop = asyncio.get_running_loop()
    seconds: list[float] = []
    queue = iter(requests)
    opened: list[_Connection] = []
    finished = [loop.create_future() for _ in range(connections)]
    started = time.perf_counter()
    try:
        for done in finished:
            open_one = partial(_Connection, queue, done, seconds)
            _, connection = await loop.create_connection(open_one, target.hostname or "", target.port or 80)
            opened.append(connection)
        await asyncio.gather(*finished)
        elapsed = time.perf_counter() - started
    finally:
        for connection in opened:
            connection.close()
        for done in finished:
            done.cancel()
    return Load(rate=len(seconds) / elapsed, seconds=tuple(seconds))


def make_requests(url: str, count: int) -> list[bytes]:
    """Return signed webhooks for `url`, made before the clock starts."""
    target = urlsplit(url)
    return [webhook_request(target.netloc, target.path) for _ in range(count)]
