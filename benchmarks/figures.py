"""What a benchmark reports: ratios against a baseline that ran beside it, and the goal they are held to."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class Verdict(StrEnum):
    """How a figure relates to its goal; SHOWN has a goal that fails nobody, or none."""

    PASS = "PASS"
    FAIL = "FAIL"
    SHOWN = "shown"


@dataclass(frozen=True, slots=True)
class Goal:
    """A bound on a figure's median. `at_least` says from which side; `binding` whether missing it fails the run."""

    bound: float
    at_least: bool
    binding: bool = True

    def met(self, value: float) -> bool:
        """Say whether a value reaches the goal; what could not be measured (NaN) does not."""
        return value >= self.bound if self.at_least else value <= self.bound

    def __str__(self) -> str:
        return f"{'>=' if self.at_least else '<='} {self.bound:g}"


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table.

    `samples` are one value for each repetition, in `unit` ("x" is a ratio to `baseline`); `measured` and `baseline`
    say in words and absolute numbers what was compared.
    """

    name: str
    samples: tuple[float, ...]
    unit: str
    measured: str
    baseline: str
    goal: Goal | None = None

    @property
    def median(self) -> float:
        return statistics.median(self.samples) if self.samples else math.nan

    @property
    def verdict(self) -> Verdict:
        if self.goal is None or not self.goal.binding:
            return Verdict.SHOWN
        return Verdict.PASS if self.goal.met(self.median) else Verdict.FAIL

    def as_json(self) -> dict[str, Any]:
        """Return everything as JSON types."""
        return {**asdict(self), "median": self.median, "verdict": self.verdict.value}


@dataclass(frozen=True, slots=True)
class Effort:
    """How long to measure. `repetitions` are interleaved pairs; `seconds` is the length of one run of a rate."""

    repetitions: int
    seconds: float
    latencies: int
    plays: int

    @classmethod
    def full(cls) -> "Effort":
        return cls(repetitions=7, seconds=1.5, latencies=400, plays=5)

    @classmethod
    def quick(cls) -> "Effort":
        return cls(repetitions=2, seconds=0.3, latencies=100, plays=1)

    @classmethod
    def tiny(cls) -> "Effort":
        """Return the least that measures anything: for tests of the benchmarks themselves."""
        return cls(repetitions=1, seconds=0.2, latencies=20, plays=1)


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the value below which `percent` % of `values` lie (nearest rank). Raise ValueError when there are none."""
    if not values:
        raise ValueError("there is nothing to take a percentile of")
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, math.ceil(len(ordered) * percent / 100) - 1))]


def middle(values: Sequence[float]) -> float:
    """Return the median."""
    return statistics.median(values)
