"""Playing scenarios against a PagerDuty on loopback; applications are broken in test_world."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from sandbox.kubernetes.client import ClusterClient
from sandbox.pagerduty import Fault, PagerDutyServer
from sandbox.scenarios.catalogue import SCENARIOS
from sandbox.scenarios.runner import AlertNotTaken, SandboxRunner


def open_nowhere() -> ClusterClient:
    return ClusterClient("http://127.0.0.1:9", "none")


@pytest.fixture
async def pagerduty() -> AsyncIterator[PagerDutyServer]:
    server = PagerDutyServer()
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
def told() -> list[dict[str, Any]]:
    return []


@pytest.fixture
async def runner(pagerduty: PagerDutyServer, told: list[dict[str, Any]]) -> AsyncIterator[SandboxRunner]:
    one = SandboxRunner(pagerduty, open_nowhere, announce=told.append, storm_seconds=0.1, seed=5)
    yield one
    await one.stop()


def test_the_menu_lists_every_scenario(pagerduty: PagerDutyServer) -> None:
    listed = SandboxRunner(pagerduty, open_nowhere).list()
    assert [item["name"] for item in listed] == list(SCENARIOS)
    assert all(set(item) == {"name", "title", "family", "description"} for item in listed)


async def test_starting_answers_at_once_and_tells_the_rest(
    pagerduty: PagerDutyServer, runner: SandboxRunner, told: list[dict[str, Any]]
) -> None:
    assert await runner.start("database-slow-queries", "U1") == "Slow queries"
    await runner.settle()
    (incident,) = pagerduty.incidents()
    assert incident.service.name == "orders-database"
    assert incident.alerts[0].payload["custom_details"]["plan"] == "Seq Scan"
    assert [(event["name"], event["state"]) for event in told] == [
        ("database-slow-queries", "started"),
        ("database-slow-queries", "done"),
    ]


async def test_playing_again_is_a_new_incident(pagerduty: PagerDutyServer, runner: SandboxRunner) -> None:
    await runner.play("security-brute-force")
    await runner.play("security-brute-force")
    assert len(pagerduty.incidents()) == 2


async def test_a_storm_is_few_incidents(pagerduty: PagerDutyServer, runner: SandboxRunner) -> None:
    await runner.play("node-storm")
    assert len(pagerduty.incidents()) == 5
    repeats = sum(
        entry.type == "trigger_log_entry" for incident in pagerduty.incidents() for entry in incident.log_entries
    )
    assert repeats == runner.storm_size


async def test_an_unknown_scenario_is_a_key_error(runner: SandboxRunner) -> None:
    with pytest.raises(KeyError):
        await runner.start("meteor", "U1")


async def test_a_busy_pagerduty_is_tried_again(pagerduty: PagerDutyServer, runner: SandboxRunner) -> None:
    pagerduty.faults.inject(Fault("error", times=2, path="/v2/enqueue"))
    await runner.play("network-packet-loss")
    assert len(pagerduty.incidents()) == 1


async def test_what_cannot_be_played_is_told(
    pagerduty: PagerDutyServer, runner: SandboxRunner, told: list[dict[str, Any]], caplog: pytest.LogCaptureFixture
) -> None:
    await runner.start("payment-service", "U1")  # there is no cluster to break it in
    await runner.settle()
    assert (told[-1]["type"], told[-1]["level"]) == ("toast", "error")
    assert "Payments crash at start" in told[-1]["text"]
    assert "payment-service could not be played" in caplog.text
    pagerduty.faults.inject(Fault("error", times=9, path="/v2/enqueue", status=400))
    with pytest.raises(AlertNotTaken, match="400"):
        await runner.play("network-packet-loss")
    assert pagerduty.incidents() == []


async def test_stopping_ends_what_plays(runner: SandboxRunner, told: list[dict[str, Any]]) -> None:
    runner.storm_seconds = 60
    await runner.start("node-storm", "U1")
    await asyncio.sleep(0.05)
    await runner.stop()
    assert [event["state"] for event in told] == ["started"]
