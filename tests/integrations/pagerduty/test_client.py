import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from pydantic import SecretStr

from bot.domain.alert import AlertState
from bot.errors import AuthenticationFailed, InvalidInput, NotFound, Unavailable
from bot.settings import PagerDutySettings
from integrations.pagerduty.client import PagerDuty
from sandbox.pagerduty.faults import Fault
from sandbox.pagerduty.server import PagerDutyServer
from sandbox.serving import Serving


@pytest.fixture
async def server() -> AsyncIterator[PagerDutyServer]:
    pagerduty = PagerDutyServer(people=[("Maya Chen", "maya@example.com")], services={"Checkout": "Sells"})
    await pagerduty.start()
    yield pagerduty
    await pagerduty.stop()


def connect(url: str, token: str, **changes: Any) -> PagerDuty:
    values: dict[str, Any] = {
        "PAGERDUTY_API_TOKEN": SecretStr(token),
        "PAGERDUTY_API_URL": url,
        "PAGERDUTY_FROM_EMAIL": "maya@example.com",
    }
    return PagerDuty(PagerDutySettings(_env_file=None, **(values | changes)))


@pytest.fixture
async def client(server: PagerDutyServer) -> AsyncIterator[PagerDuty]:
    pagerduty = connect(server.url, server.api_token)
    yield pagerduty
    await pagerduty.close()


def trigger(server: PagerDutyServer, **details: Any) -> str:
    return server.trigger("Checkout", "Checkout is down", details=details).id


async def test_its_ids_find_the_way_back_to_it(server: PagerDutyServer, client: PagerDuty) -> None:
    external_id = trigger(server)
    alert = await client.fetch(external_id)
    assert alert.source.traits.pager == client.name


async def test_fetch_merges_the_alerts_details_and_redacts_them(server: PagerDutyServer, client: PagerDuty) -> None:
    incident_id = trigger(server, namespace="shop", deployment="checkout", error="password=canary-1", n=7)
    alert = await client.fetch(incident_id)
    assert alert.dedup_key == f"pagerduty:{incident_id}"
    assert alert.state is AlertState.TRIGGERED
    assert alert.service == "Checkout"
    assert alert.labels["namespace"] == "shop"
    assert alert.details["n"] == 7
    assert "canary-1" not in alert.model_dump_json()


async def test_only_a_triggered_incident_is_acknowledged(server: PagerDutyServer, client: PagerDuty) -> None:
    incident_id = trigger(server)
    await client.acknowledge(incident_id, "maya@example.com")
    assert server.incident(incident_id).status == "acknowledged"
    await client.resolve(incident_id, "maya@example.com")
    await client.acknowledge(incident_id, "maya@example.com")
    assert server.incident(incident_id).status == "resolved"


async def test_a_person_without_an_account_writes_in_the_bots_name(server: PagerDutyServer, client: PagerDuty) -> None:
    incident_id = trigger(server)
    note_id = await client.add_note(incident_id, "looked at it, token=canary-2", "nobody@example.com")
    assert [note.id for note in server.notes(incident_id)] == [note_id]
    assert "canary-2" not in str(server.notes(incident_id))
    assert await client.find_note(incident_id, "looked at it") == note_id


async def test_without_any_known_name_it_says_what_to_set(server: PagerDutyServer) -> None:
    incident_id = trigger(server)
    pagerduty = connect(server.url, server.api_token, PAGERDUTY_FROM_EMAIL="nobody@example.com")
    try:
        with pytest.raises(InvalidInput, match="no user") as caught:
            await pagerduty.add_note(incident_id, "x")
        assert "PAGERDUTY_FROM_EMAIL" in caught.value.next_step
    finally:
        await pagerduty.close()


async def test_a_wrong_token_and_an_unknown_incident(server: PagerDutyServer, client: PagerDuty) -> None:
    with pytest.raises(NotFound):
        await client.fetch("PNOTTHERE")
    wrong = connect(server.url, "canary-3")
    try:
        with pytest.raises(AuthenticationFailed) as caught:
            await wrong.check()
        assert "canary-3" not in str(caught.value)
    finally:
        await wrong.close()


async def test_passing_failures_are_repeated_and_lasting_ones_are_unavailable(
    server: PagerDutyServer, client: PagerDuty
) -> None:
    incident_id = trigger(server)
    server.faults.inject(Fault("error", times=1))
    assert (await client.fetch(incident_id)).external_id == incident_id
    server.faults.inject(Fault("rate_limited", times=1, retry_after=60))
    with pytest.raises(Unavailable) as caught:
        await client.check()
    assert caught.value.retry_after is not None
    await server.go_down()
    with pytest.raises(Unavailable, match="reached"):
        await client.check()


async def test_a_note_is_never_sent_twice(server: PagerDutyServer, client: PagerDuty) -> None:
    incident_id = trigger(server)
    server.faults.inject(Fault("error", times=1, path=f"/incidents/{incident_id}/notes"))
    with pytest.raises(Unavailable):
        await client.add_note(incident_id, "once")
    assert server.notes(incident_id) == []


async def test_an_answer_that_arrives_in_pieces_is_read_to_its_end() -> None:
    async def abilities(request: web.Request) -> web.StreamResponse:
        body = json.dumps({"abilities": ["teams"] * 50}).encode()
        response = web.StreamResponse()
        await response.prepare(request)
        for piece in (body[:10], body[10:]):
            await response.write(piece)
            await asyncio.sleep(0.05)
        return response

    app = web.Application()
    app.router.add_get("/abilities", abilities)
    serving = await Serving.start(app)
    client = connect(serving.url, "token")
    try:
        assert "50 abilities" in await client.check()
    finally:
        await client.close()
        await serving.stop()


async def test_a_person_without_an_address_acts_in_the_bots_name(server: PagerDutyServer, client: PagerDuty) -> None:
    incident_id = trigger(server)
    await client.acknowledge(incident_id, None)
    assert server.incident(incident_id).status == "acknowledged"


async def test_of_many_alerts_the_newest_are_read() -> None:
    asked: list[dict[str, str]] = []

    async def incident(_request: web.Request) -> web.Response:
        return web.json_response({"incident": {"id": "P1", "status": "triggered", "title": "Down"}})

    async def alerts(request: web.Request) -> web.Response:
        asked.append(dict(request.query))
        found = [
            {"created_at": f"2026-11-23T03:{n:02}:00Z", "severity": "warning", "body": {"details": {"n": n}}}
            for n in range(25)
        ]
        return web.json_response({"alerts": found, "more": True})

    app = web.Application()
    app.router.add_get("/incidents/P1", incident)
    app.router.add_get("/incidents/P1/alerts", alerts)
    serving = await Serving.start(app)
    client = connect(serving.url, "token")
    try:
        assert (await client.fetch("P1")).details == {"n": 24}
        assert asked == [{"limit": "25", "sort_by": "created_at:desc"}]
    finally:
        await client.close()
        await serving.stop()
