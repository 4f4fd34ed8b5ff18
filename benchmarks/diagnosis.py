"""Figure 8: how long a snapshot takes to be judged, and that ten times as much takes ten times as long."""

import asyncio
import gc
import json
import time
from collections.abc import Callable

from benchmarks.clusters import build
from benchmarks.figures import Effort, Figure, Goal, middle
from integrations.kubernetes.diagnosis import diagnose

SMALL = Goal(0.3, at_least=False)
LARGE = Goal(3.0, at_least=False)
LINEAR = Goal(13.0, at_least=False)
_EVENTS_A_POD = 5


def _seconds(work: Callable[[], object]) -> float:
    gc.collect()
    started = time.process_time()
    work()
    return time.process_time() - started


def _measure(effort: Effort) -> list[Figure]:
    sizes = (1_000, 10_000) if effort.repetitions > 1 else (200, 2_000)
    taken = {size: build(size, size * _EVENTS_A_POD) for size in sizes}
    texts = {size: taken[size].to_json() for size in sizes}
    judged: dict[int, list[float]] = {size: [] for size in sizes}
    read: dict[int, list[float]] = {size: [] for size in sizes}
    for _ in range(max(1, effort.repetitions // 2)):
        for size in sizes:
            judged[size].append(_seconds(lambda size=size: diagnose(taken[size])))  # type: ignore[misc]
            read[size].append(_seconds(lambda size=size: json.loads(texts[size])))  # type: ignore[misc]
    figures = [
        Figure(
            f"judge-{size}",
            tuple(judged[size]),
            "s",
            f"judging {size:,} pods and {size * _EVENTS_A_POD:,} events on one core",
            f"{middle(read[size]):.3f} s for json.loads of the same snapshot",
            goal,
        )
        for size, goal in zip(sizes, (SMALL, LARGE), strict=True)
    ]
    ratios = tuple(large / small for large, small in zip(judged[sizes[1]], judged[sizes[0]], strict=True))
    return [
        *figures,
        Figure(
            "judge-growth",
            ratios,
            "x",
            "judging ten times as much",
            f"judging {sizes[0]:,} pods: linear is 10 x",
            LINEAR,
        ),
    ]


async def measure(effort: Effort) -> list[Figure]:
    """Return the CPU seconds of judging two clusters, and how they grow."""
    return await asyncio.to_thread(_measure, effort)
