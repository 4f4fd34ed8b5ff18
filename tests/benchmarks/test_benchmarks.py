"""Every benchmark runs in a tiny size and says something sane; how fast is not judged here."""

import math

import pytest

from benchmarks.catalogue import BENCHMARKS
from benchmarks.figures import Effort

FIGURES = {
    "intake-sqlite": {"intake-sqlite"},
    "intake-postgres": {"intake-postgres"},
    "intake-latency": {"intake-latency"},
    "slack": {"slack-rate", "slack-p99"},
    "evidence": {"evidence-six", "evidence", "evidence-nine"},
    "thread": {"first-reply", "analysis"},
    "memory": {"memory"},
    "help": {"help", "help-vendors"},
    "diagnosis": {"judge-200", "judge-2000", "judge-growth"},
    "audit": {"audit-append", "audit-producers", "audit-verify"},
}


def test_every_benchmark_is_here() -> None:
    assert set(FIGURES) == set(BENCHMARKS)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in FIGURES if name != "help"])
async def test_a_benchmark_measures(name: str) -> None:
    figures = await BENCHMARKS[name](Effort.tiny())
    assert {figure.name for figure in figures} == FIGURES[name]
    for figure in figures:
        assert figure.samples
        assert all(math.isfinite(sample) and sample >= 0 for sample in figure.samples)
        assert figure.measured
        assert figure.baseline
    if name in {"intake-sqlite", "intake-postgres", "slack"}:
        # Durability is not free: a rate far above the baseline's would mean that the baseline is broken.
        assert 0 < figures[0].median < 3
    if name == "evidence":
        six, whole, _ = figures
        assert min(six.median, whole.median) >= 1, "nothing is faster than the latency that was injected"
        assert six.baseline.startswith("one wave")
        assert whole.baseline.startswith("2 dependent waves")
    if name == "memory":
        assert 30 < figures[0].median < 1_000
