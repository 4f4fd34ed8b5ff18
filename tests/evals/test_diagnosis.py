"""The bar: what the diagnosis has to reach on the project's own cases, and the page that shows it."""

from pathlib import Path

import pytest

from integrations.kubernetes.diagnosis import KEYS
from tests.evals.diagnosis.cases import failing, healthy
from tests.evals.diagnosis.report import Score, count, misses, render
from tests.evals.diagnosis.runner import Result, judge_all

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def results() -> list[Result]:
    return judge_all([*failing(), *healthy()])


@pytest.fixture(scope="module")
def score(results: list[Result]) -> Score:
    return count(results)


def test_there_are_enough_cases_and_each_is_its_own() -> None:
    names = [case.name for case in (*failing(), *healthy())]
    assert len(names) == len(set(names))
    assert len(failing()) >= 120
    assert len(healthy()) >= 40
    assert {case.cause for case in failing()} <= set(KEYS)


def test_nearly_all_answers_are_right_and_hardly_any_is_wrong(score: Score, results: list[Result]) -> None:
    assert score.accuracy >= 0.97, misses(results)
    assert score.wrong_share <= 0.02, misses(results)


def test_no_healthy_cluster_raises_an_alarm(score: Score, results: list[Result]) -> None:
    assert score.alarmed == 0, misses(results)


def test_every_citation_holds_and_no_order_matters(score: Score) -> None:
    assert score.resolved == score.citations > 0
    assert score.unstable == 0


def test_the_page_shows_these_results(results: list[Result]) -> None:
    assert (ROOT / "docs" / "evals.md").read_text() == render(results)
