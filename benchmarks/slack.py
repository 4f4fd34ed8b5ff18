"""Figure 3: Slack's events, acknowledged once they are durable, against a Bolt app that acknowledges at once."""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from benchmarks.figures import Effort, Figure, Goal, middle, percentile
from benchmarks.processes import cores, on_core, running
from benchmarks.socket_server import SocketServer

IN_FLIGHT = 64
PER_SECOND = 100.0
RATE_GOAL = Goal(0.65, at_least=True)
P99_GOAL = Goal(3.5, at_least=False)


@asynccontextmanager
async def _app(module: str, *arguments: str) -> AsyncIterator[SocketServer]:
    server = await SocketServer.start()
    try:
        async with running(module, server.url, *arguments):
            await server.connected()
            await server.rate(300, IN_FLIGHT)  # the first events pay for caches and pages
            yield server
            await server.stop()
    finally:
        await server.stop()


async def measure(effort: Effort) -> list[Figure]:
    """Return the rate at 64 in flight and the slowest percent at 100 a second, both as ratios."""
    rates: list[tuple[float, float]] = []
    slowest: list[tuple[float, float]] = []
    with tempfile.TemporaryDirectory(prefix="oncall-bench-") as folder, on_core(cores()[1]):
        database_url = f"sqlite:///{folder}/bench.sqlite"
        async with (
            _app("benchmarks.servers.slack", database_url) as gateway,
            _app("benchmarks.servers.bolt") as no_op,
        ):
            count = max(200, int(await no_op.rate(500, IN_FLIGHT) * effort.seconds * 0.5))
            for _ in range(effort.repetitions):
                baseline = await no_op.rate(count, IN_FLIGHT)
                rates.append((await gateway.rate(count, IN_FLIGHT), baseline))
            for _ in range(effort.repetitions):
                # Side by side, so that whatever else the machine does meets both: a p99 is made of just that.
                theirs, ours = await asyncio.gather(
                    no_op.latencies(effort.latencies, PER_SECOND),
                    gateway.latencies(effort.latencies, PER_SECOND, delay=0.5 / PER_SECOND),
                )
                slowest.append((percentile(ours, 99), percentile(theirs, 99)))
    return [
        Figure(
            "slack-rate",
            tuple(ours / theirs for ours, theirs in rates),
            "x",
            f"{middle([ours for ours, _ in rates]):,.0f} durable acknowledgements/s, {IN_FLIGHT} in flight",
            f"{middle([theirs for _, theirs in rates]):,.0f}/s Bolt app without work, same core",
            RATE_GOAL,
        ),
        Figure(
            "slack-p99",
            tuple(ours / theirs for ours, theirs in slowest),
            "x",
            f"{middle([ours for ours, _ in slowest]) * 1e3:.2f} ms p99 at {PER_SECOND:g}/s",
            f"{middle([theirs for _, theirs in slowest]) * 1e3:.2f} ms Bolt app without work",
            P99_GOAL,
        ),
    ]
