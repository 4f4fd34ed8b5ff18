"""Figures 1 and 2: what making a webhook durable costs, under load and alone."""

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from benchmarks.disk import fdatasync_seconds
from benchmarks.figures import Effort, Figure, Goal, middle, percentile
from benchmarks.load import CONNECTIONS, make_requests, send
from benchmarks.postgres import postgres
from benchmarks.processes import cores, on_core, running

SQLITE_GOAL = Goal(0.45, at_least=True)
POSTGRES_GOAL = Goal(0.35, at_least=True)
LATENCY_GOAL = Goal(3.0, at_least=False)


@asynccontextmanager
async def _server(database_url: str) -> AsyncIterator[dict[str, Any]]:
    async with running("benchmarks.servers.intake", database_url) as ready:
        with on_core(cores()[1]):
            for url in (ready["durable"], ready["parse_only"]):
                await send(url, make_requests(url, 400))  # the first requests pay for caches, connections and pages
            yield ready


async def _rates(name: str, database_url: str, goal: Goal, effort: Effort) -> Figure:
    async with _server(database_url) as ready:
        durable, plain = ready["durable"], ready["parse_only"]
        probe = make_requests(plain, 1_000)
        count = max(400, int((await send(plain, probe)).rate * effort.seconds * 0.5))
        ratios, rates, baselines = [], [], []
        for _ in range(effort.repetitions):
            baseline = (await send(plain, make_requests(plain, count))).rate
            rate = (await send(durable, make_requests(durable, count))).rate
            ratios.append(rate / baseline)
            rates.append(rate)
            baselines.append(baseline)
    return Figure(
        name,
        tuple(ratios),
        "x",
        f"{middle(rates):,.0f} durable answers/s at {CONNECTIONS} connections",
        f"{middle(baselines):,.0f}/s verify and parse only, same core",
        goal,
    )


async def measure_sqlite(effort: Effort) -> list[Figure]:
    """Return the rate of durable answers on SQLite against the parse-only handler's."""
    with tempfile.TemporaryDirectory(prefix="oncall-bench-") as folder:
        return [await _rates("intake-sqlite", f"sqlite:///{folder}/bench.sqlite", SQLITE_GOAL, effort)]


async def measure_postgres(effort: Effort) -> list[Figure]:
    """Return the same on a PostgreSQL that shares the server's core."""
    with postgres() as url:
        return [await _rates("intake-postgres", url, POSTGRES_GOAL, effort)]


async def measure_latency(effort: Effort) -> list[Figure]:
    """Return by how many fdatasyncs an unloaded durable answer is slower than a parse-only one."""
    with tempfile.TemporaryDirectory(prefix="oncall-bench-") as folder:
        async with _server(f"sqlite:///{folder}/bench.sqlite") as ready:
            extra, durables, plains, syncs = [], [], [], []
            for _ in range(effort.repetitions):
                sync = percentile(fdatasync_seconds(Path(folder), effort.latencies), 50)
                plain = await _p50(ready["parse_only"], effort.latencies)
                durable = await _p50(ready["durable"], effort.latencies)
                extra.append(max(0.0, durable - plain) / sync)
                durables.append(durable)
                plains.append(plain)
                syncs.append(sync)
    return [
        Figure(
            "intake-latency",
            tuple(extra),
            "x fdatasync",
            f"{middle(durables) * 1e3:.2f} ms p50 durable, one at a time",
            f"{middle(plains) * 1e3:.2f} ms parse only; fdatasync {middle(syncs) * 1e3:.2f} ms",
            LATENCY_GOAL,
        )
    ]


async def _p50(url: str, count: int) -> float:
    return percentile((await send(url, make_requests(url, count), connections=1)).seconds, 50)
