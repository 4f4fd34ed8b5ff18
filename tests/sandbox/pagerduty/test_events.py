"""The Events API, through aiohttp."""

from typing import Any

import aiohttp
import pytest

from sandbox.pagerduty import PagerDutyServer


def event(server: PagerDutyServer, action: str = "trigger", **fields: Any) -> dict[str, Any]:
    payload = {"summary": "Payments fail", "source": "prober", "severity": "critical", "custom_details": {"n": 3}}
    return {
        "routing_key": server.routing_key("payment-service"),
        "event_action": action,
        "payload": payload,
        **fields,
    }


async def send(server: PagerDutyServer, body: Any) -> tuple[int, Any]:
    async with aiohttp.ClientSession() as session, session.post(server.events_url, json=body) as response:
        return response.status, await response.json()


async def test_a_life_of_an_alert(pagerduty: PagerDutyServer) -> None:
    status, answer = await send(pagerduty, event(pagerduty))
    assert (status, answer["status"], answer["message"]) == (202, "success", "Event processed")
    key = answer["dedup_key"]
    (incident,) = pagerduty.incidents()
    assert (incident.title, incident.alerts[0].dedup_key) == ("Payments fail", key)
    await send(pagerduty, event(pagerduty, dedup_key=key))
    assert len(pagerduty.incidents()) == 1
    assert len(incident.alerts) == 1
    statuses = []
    for action in ("acknowledge", "resolve"):
        await send(pagerduty, event(pagerduty, action, dedup_key=key))
        statuses.append(incident.status)
    assert statuses == ["acknowledged", "resolved"]
    await send(pagerduty, event(pagerduty, dedup_key=key))
    assert len(pagerduty.incidents()) == 2


async def test_a_resolve_of_nothing_is_taken(pagerduty: PagerDutyServer) -> None:
    assert (await send(pagerduty, event(pagerduty, "resolve", dedup_key="unknown")))[0] == 202
    assert pagerduty.incidents() == []


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"routing_key": "0" * 32}, "'routing_key' is invalid"),
        ({"routing_key": ""}, "'routing_key' is missing or blank"),
        ({"event_action": "explode"}, "'event_action' must be one of"),
        ({"payload": None}, "'payload' is missing or blank"),
        ({"payload": {"source": "x", "severity": "info"}}, "'payload.summary' is missing or blank"),
        ({"payload": {"summary": "x", "source": "x", "severity": "bad"}}, "'payload.severity' is invalid"),
        ({"dedup_key": "k" * 256}, "'dedup_key' must be"),
        ({"event_action": "resolve"}, "'dedup_key' is missing or blank"),
    ],
)
async def test_an_invalid_event_is_explained(pagerduty: PagerDutyServer, fields: dict[str, Any], error: str) -> None:
    status, answer = await send(pagerduty, event(pagerduty) | fields)
    assert (status, answer["status"]) == (400, "invalid event")
    assert answer["errors"][0].startswith(error)
    assert pagerduty.incidents() == []


async def test_an_event_above_512_kb_is_refused(pagerduty: PagerDutyServer) -> None:
    big = event(pagerduty)
    big["payload"]["custom_details"] = {"log": "x" * 512 * 1024}
    assert (await send(pagerduty, big))[0] == 413


async def test_a_long_summary_is_cut(pagerduty: PagerDutyServer) -> None:
    long = event(pagerduty)
    long["payload"]["summary"] = "x" * 2_000
    await send(pagerduty, long)
    assert len(pagerduty.incidents()[0].title) == 1_024


async def test_a_flood_of_one_key_is_throttled() -> None:
    server = PagerDutyServer(events_a_minute=2)
    await server.start()
    statuses = [(await send(server, event(server, dedup_key="k")))[0] for _ in range(3)]
    assert statuses == [202, 202, 429]
    await server.stop()


async def test_urgency_is_decided_by_the_account(pagerduty: PagerDutyServer) -> None:
    pagerduty.set_urgency("k", "low")
    await send(pagerduty, event(pagerduty, dedup_key="k"))
    assert pagerduty.incidents()[0].urgency == "low"
