import json
from pathlib import Path

import pytest

from benchmarks import report
from benchmarks.figures import Effort, Figure, Goal, Verdict, percentile
from benchmarks.servers.cluster import count_waves
from benchmarks.start import VENDORS, measure


def figure(*samples: float, goal: Goal | None = None) -> Figure:
    return Figure("name", samples, "x", "measured", "baseline", goal)


@pytest.mark.parametrize(
    ("samples", "goal", "verdict"),
    [
        ((0.5, 0.6, 0.1), Goal(0.5, at_least=True), Verdict.PASS),
        ((0.5, 0.6, 0.1), Goal(0.51, at_least=True), Verdict.FAIL),
        ((1.0, 9.0, 1.2), Goal(1.5, at_least=False), Verdict.PASS),
        ((1.6,), Goal(1.5, at_least=False), Verdict.FAIL),
        ((1.6,), Goal(1.5, at_least=False, binding=False), Verdict.SHOWN),
        ((1.6,), None, Verdict.SHOWN),
        ((), Goal(1.5, at_least=False), Verdict.FAIL),
    ],
)
def test_a_figure_is_judged_by_its_median(samples: tuple[float, ...], goal: Goal | None, verdict: Verdict) -> None:
    assert figure(*samples, goal=goal).verdict is verdict


def test_percentiles_are_of_the_nearest_rank() -> None:
    assert percentile(range(1, 101), 99) == 99
    assert percentile([3.0, 1.0, 2.0], 50) == 2.0
    assert percentile([7.0], 99) == 7.0
    with pytest.raises(ValueError, match="nothing"):
        percentile([], 50)


def test_requests_that_overlap_are_one_wave() -> None:
    assert count_waves([(0.0, 1.0), (0.1, 1.1), (0.9, 2.0)]) == 1
    assert count_waves([(0.0, 1.0), (0.1, 1.1), (1.2, 2.0), (1.3, 2.2), (2.3, 3.0)]) == 3
    assert count_waves([]) == 0


def test_the_file_holds_everything(tmp_path: Path) -> None:
    report.write(tmp_path / "figures.json", [figure(0.4, 0.6, goal=Goal(0.45, at_least=True))], 1.0)
    document = json.loads((tmp_path / "figures.json").read_text())
    [entry] = document["figures"]
    assert entry["samples"] == [0.4, 0.6]
    assert entry["median"] == 0.5
    assert entry["verdict"] == "PASS"


async def test_help_loads_no_vendor() -> None:
    seconds, loaded = await measure(Effort.tiny())
    assert 0 < seconds.median < 30
    assert 0 <= loaded.median < len(VENDORS)
    assert loaded.verdict is Verdict.PASS
