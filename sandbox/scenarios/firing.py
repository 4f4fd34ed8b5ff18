"""Sending many signed webhooks at a bot, and measuring how it takes them."""

import asyncio
import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp

from sandbox.scenarios.alerts import sign_body


@dataclass(frozen=True, slots=True)
class Shot:
    """One webhook to send; `due` is in seconds after the start."""

    due: float
    body: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one webhook. `status` is None when there was no answer, and `error` says why."""

    status: int | None
    milliseconds: float
    error: str = ""

    @property
    def is_taken(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


@dataclass(frozen=True, slots=True)
class Summary:
    """All outcomes in figures: latencies in milliseconds over everything that was answered, rate per second."""

    count: int
    taken: int
    refused: int
    unanswered: int
    p50: float
    p95: float
    p99: float
    longest: float
    rate: float


async def fire(
    url: str,
    secret: str,
    shots: Iterable[Shot],
    *,
    concurrency: int = 32,
    timeout: float = 10.0,  # noqa: ASYNC109 - a bound for each request, not for the call
    on_outcome: Callable[[Outcome], None] = lambda _outcome: None,
) -> list[Outcome]:
    """Send every shot when it is due, at most `concurrency` at a time, each signed with `secret`."""
    outcomes: list[Outcome] = []
    waiting, started = iter(shots), time.perf_counter()
    connector = aiohttp.TCPConnector(limit=concurrency)
    limits = aiohttp.ClientTimeout(total=timeout)
    async with aiohttp.ClientSession(connector=connector, timeout=limits) as session, asyncio.TaskGroup() as group:

        async def work() -> None:
            for shot in waiting:  # the workers share one iterator: each takes the next shot
                await asyncio.sleep(max(0.0, started + shot.due - time.perf_counter()))
                outcome = await _send(session, url, secret, shot.body)
                outcomes.append(outcome)
                on_outcome(outcome)

        for _ in range(concurrency):
            group.create_task(work())
    return outcomes


async def _send(session: aiohttp.ClientSession, url: str, secret: str, body: dict[str, Any]) -> Outcome:
    raw, headers = sign_body(body, secret)
    started, status, error = time.perf_counter(), None, ""
    try:
        async with session.post(url, data=raw, headers=headers, allow_redirects=False) as response:
            await response.read()
            status = response.status
    except TimeoutError:
        error = "no answer in time"
    except aiohttp.ClientError as failure:
        error = str(failure) or type(failure).__name__
    return Outcome(status, (time.perf_counter() - started) * 1000, error)


def pace(bodies: Iterator[dict[str, Any]], *, seconds: float, rate: float) -> Iterator[Shot]:
    """Spread bodies evenly: `rate` a second for `seconds`."""
    for number in range(max(1, round(seconds * rate))):
        yield Shot(number / rate, next(bodies))


def summarise(outcomes: Sequence[Outcome], seconds: float) -> Summary:
    """Put outcomes into figures; `seconds` is how long it all took."""
    latencies = sorted(outcome.milliseconds for outcome in outcomes if outcome.status is not None)
    taken = sum(outcome.is_taken for outcome in outcomes)
    return Summary(
        count=len(outcomes),
        taken=taken,
        refused=len(latencies) - taken,
        unanswered=len(outcomes) - len(latencies),
        p50=find_percentile(latencies, 50),
        p95=find_percentile(latencies, 95),
        p99=find_percentile(latencies, 99),
        longest=latencies[-1] if latencies else 0.0,
        rate=len(outcomes) / seconds if seconds > 0 else 0.0,
    )


def find_percentile(ordered: Sequence[float], percent: float) -> float:
    """Return the nearest-rank percentile of ascending values; 0 when there are none."""
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)] if ordered else 0.0
