"""Those who wait in vain: a program that hangs, a restart that is over, a network, and who is in the middle."""

from datetime import timedelta

import pytest

from integrations.kubernetes.diagnosis.log_times import is_old, silent_since, time_of
from tests.integrations.kubernetes.builders import NOW, NS, Object, ago, node
from tests.integrations.kubernetes.diagnosis.checks import judge, only_root, roots
from tests.integrations.kubernetes.diagnosis.test_dialogue import app, says

STOCK = f"Deployment/{NS}/stock"


def at(seconds: float) -> str:
    """A time that is that long ago, as programs write it that know no zone."""
    return (NOW - timedelta(seconds=seconds)).strftime("%Y-%m-%d %H:%M:%S")


def steady(name: str, *, until: float, every: float = 10.0) -> dict[tuple[str, bool], str]:
    lines = [f"{at(until + every * number)} INFO served" for number in range(12, -1, -1)]
    return {(f"{name}-r1-x1", False): "\n".join(lines)}


def waiting_for_stock(seconds: float) -> dict[tuple[str, bool], str]:
    return says("front", f"{at(seconds)} ERROR GET http://stock:80/ timed out")


@pytest.mark.parametrize(("silence", "key"), [(300.0, "app.dependency_timeout"), (15.0, "net.delay")])
def test_a_program_that_stopped_writing_hangs(silence: float, key: str) -> None:
    logs = {**waiting_for_stock(10), **steady("stock", until=silence)}
    found = only_root(judge(*app("front"), *app("stock"), logs=logs))
    assert (found.key, found.entity) == (key, STOCK)
    assert ("has written nothing since" in found.summary) == (key == "app.dependency_timeout")


@pytest.mark.parametrize(("ready_since", "healthy"), [(120.0, True), (600.0, False)])
def test_what_was_said_during_a_restart_is_over_after_it(ready_since: float, healthy: bool) -> None:
    objects = [*app("front"), *app("stock")]
    started: Object = next(item for item in objects if item["metadata"]["name"] == "stock-r1-x1")
    started["status"]["conditions"][0]["lastTransitionTime"] = ago(ready_since)
    line = f"{at(180)} ERROR connect to http://stock:80 failed: connection refused"
    served = "\n".join(["served"] * 12)
    assert judge(*objects, logs=says("front", f"{line}\n{served}")).healthy is healthy


def test_all_slow_calls_that_share_one_end_are_reported_there() -> None:
    logs = {
        **says("front", "error calling http://stock:80/: request timed out"),
        **says("web", "error calling http://stock:80/: request timed out"),
        **says("stock", "query of http://store:80 timed out"),
        **says("store", "served"),
    }
    found = only_root(judge(*app("front"), *app("web"), *app("stock"), *app("store"), logs=logs))
    assert (found.key, found.entity) == ("net.delay", STOCK)
    assert "front, web wait in vain for stock, and stock for store" in found.summary


@pytest.mark.parametrize(
    "line", ["Started Application in 21.7 seconds (process running for 23)", "100 changes in 300 seconds. Saving..."]
)
def test_a_long_start_and_a_habit_are_not_slowness(line: str) -> None:
    logs = {**says("front", "error calling http://stock:80/: request timed out"), **says("stock", line)}
    assert only_root(judge(*app("front"), *app("stock"), logs=logs)).key == "net.delay"


def test_slowness_of_long_ago_says_nothing_of_now() -> None:
    call = "error calling http://stock:80/: request timed out"
    old = f"{at(7200)} slow query: took 8123 ms\n{at(5)} served"
    logs = {**says("front", call), ("stock-r1-x1", False): old}
    assert only_root(judge(*app("front"), *app("stock"), logs=logs)).key == "net.delay"


@pytest.mark.parametrize(("said", "blamed"), [("no such host", False), ("timed out", True)])
def test_names_that_do_not_exist_are_not_a_node_that_loses_answers(said: str, blamed: bool) -> None:
    objects: list[Object] = [node("node-1"), node("node-2")]
    logs: dict[tuple[str, bool], str] = {}
    for number in range(6):
        name = f"app-{number}"
        made = app(name)
        if number >= 3:
            made[2]["spec"]["nodeName"] = "node-2"
            logs |= says(name, "served")
        else:
            logs |= says(name, f"lookup partner-{number}.example.com on 10.0.0.10:53: {said}")
        objects += made
    assert ("Node/node-1" in {about for _, about in roots(judge(*objects, logs=logs))}) is blamed


def test_times_of_lines() -> None:
    assert time_of("[2026-Jul-22 07:34:42.805718] <error>: x") == time_of("2026/07/22 07:34:42.805718 x")
    assert time_of("[2026-Foo-22 07:34:42] x") is None
    assert time_of("no time") is None
    assert is_old(f"{ago(2000)} x", NOW, None)
    assert not is_old(f"{at(2000)} x", NOW, NOW - timedelta(seconds=1990)), "another zone's clock"
    assert silent_since([f"{at(500)} x"] * 3, NOW) is None, "too few lines to know its habits"
