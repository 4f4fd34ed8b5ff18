"""Figure 8: the audit trail. Its goals are shown and fail nobody: the trail is not a path on which anybody waits."""

import asyncio
import hashlib
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.disk import fdatasync_seconds
from benchmarks.figures import Effort, Figure, Goal, middle, percentile
from bot.domain.base import canonical_json
from bot.store.audit import AuditTrail
from bot.store.database import Database
from bot.store.migrate import migrate

PRODUCERS = 64
GROUP_GOAL = Goal(12, at_least=True, binding=False)
APPEND_GOAL = Goal(1.6, at_least=False, binding=False)
_BODY: dict[str, object] = {"detail": "pod payment-service-7d9f8b6c5-x2x4q restarted; " * 20, "run": 1}


@asynccontextmanager
async def _trail(folder: str) -> AsyncIterator[tuple[Database, AuditTrail]]:
    database = Database(f"sqlite:///{folder}/audit.sqlite")
    try:
        await migrate(database)
        yield database, AuditTrail(database, b"benchmark")
    finally:
        await database.close()


async def _append(database: Database, trail: AuditTrail) -> float:
    """Commit one event in a transaction of its own and return its seconds."""
    started = time.perf_counter()
    async with database.transaction() as session:
        await trail.append(session, at=datetime.now(UTC), actor="bot", action="bot:benchmark:append", body=_BODY)
    return time.perf_counter() - started


def _hashes_per_second(count: int) -> float:
    text = canonical_json(_BODY).encode()
    started = time.perf_counter()
    previous = ""
    for _ in range(count):
        previous = hashlib.sha256(text + previous.encode()).hexdigest()
    return count / (time.perf_counter() - started)


async def measure(effort: Effort) -> list[Figure]:
    """Return one append against fdatasync, 64 producers against one, and verification against plain hashing."""
    count = effort.latencies
    singles, syncs, together, alone, checks, hashes = [], [], [], [], [], []
    with tempfile.TemporaryDirectory(prefix="oncall-bench-") as folder:
        async with _trail(folder) as (database, trail):
            await _append(database, trail)
            for _ in range(effort.repetitions):
                syncs.append(percentile(fdatasync_seconds(Path(folder), count), 50))
                times = [await _append(database, trail) for _ in range(count)]
                singles.append(percentile(times, 50))
                alone.append(count / sum(times))
                together.append(await _producers(database, trail, max(1, count // PRODUCERS)))
                started = time.perf_counter()
                report = await trail.verify()
                checks.append(report.events / (time.perf_counter() - started))
                if report.first_break is not None:
                    raise RuntimeError(f"the chain is broken: {report.first_break.reason}")
                hashes.append(_hashes_per_second(20_000))
    return [
        _ratio("audit-append", singles, syncs, "x fdatasync", "ms one event and its commit, p50", "ms fdatasync",
               1e3, APPEND_GOAL),
        _ratio("audit-producers", together, alone, "x", f"/s by {PRODUCERS} producers, a commit each",
               "/s by one producer", 1, GROUP_GOAL),
        _ratio("audit-verify", checks, hashes, "x", "events/s read and verified", "/s SHA-256 of the text",
               1, None),
    ]  # fmt: skip


async def _producers(database: Database, trail: AuditTrail, each: int) -> float:
    """Return events a second when 64 tasks append, each event in a transaction of its own."""

    async def produce() -> None:
        for _ in range(each):
            await _append(database, trail)

    started = time.perf_counter()
    await asyncio.gather(*(produce() for _ in range(PRODUCERS)))
    return PRODUCERS * each / (time.perf_counter() - started)


def _ratio(
    name: str,
    ours: list[float],
    theirs: list[float],
    unit: str,
    what: str,
    beside: str,
    scale: float,
    goal: Goal | None,
) -> Figure:
    return Figure(
        name,
        tuple(mine / plain for mine, plain in zip(ours, theirs, strict=True)),
        unit,
        f"{middle(ours) * scale:,.{2 if scale > 1 else 0}f} {what}",
        f"{middle(theirs) * scale:,.{2 if scale > 1 else 0}f} {beside}",
        goal,
    )
