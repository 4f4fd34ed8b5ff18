import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any, cast

import aiohttp
import pytest

from bot import settings as product_settings
from bot.domain.alert import Alert, AlertState
from bot.errors import Unavailable
from bot.services import Services
from bot.services.status import ComponentStatus
from handlers.http.app import HttpGateway

SECRET = "whsec-canary"


class Intake:
    """Keeps what was accepted; `error` is raised instead."""

    def __init__(self) -> None:
        self.alerts: list[Alert] = []
        self.error: Exception | None = None

    async def accept(self, alert: Alert) -> bool:
        if self.error is not None:
            raise self.error
        new = alert.delivery_id not in {known.delivery_id for known in self.alerts}
        self.alerts += [alert] if new else []
        return new

    async def backlog(self) -> int:
        return len(self.alerts)


class Status:
    def __init__(self) -> None:
        self.components = [ComponentStatus(name="database", ok=True, detail="SQLite")]

    async def report(self) -> list[ComponentStatus]:
        return self.components


class Door:
    def __init__(self, url: str, intake: Intake, status: Status, session: aiohttp.ClientSession) -> None:
        self.url, self.intake, self.status, self.session = url, intake, status, session

    async def get(self, path: str) -> tuple[int, Any]:
        async with self.session.get(self.url + path) as response:
            assert "Server" not in response.headers or "aiohttp" not in response.headers["Server"]
            return response.status, await response.json()

    async def post(self, body: bytes, *, secret: str = SECRET, path: str = "", **headers: str) -> tuple[int, Any, Any]:
        signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
        given = {"X-PagerDuty-Signature": f"v1=00, v1={signature}", "X-Webhook-Id": "delivery-1", **headers}
        url = self.url + "/webhook/pagerduty" + path
        async with self.session.post(url, data=body, headers=given) as response:
            return response.status, await response.json(), response.headers


async def open_door(monkeypatch: pytest.MonkeyPatch, secret: str | None = SECRET) -> tuple[HttpGateway, Intake, Status]:
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-1")
    monkeypatch.setenv("SLACK_APP_TOKEN", "xapp-1")
    monkeypatch.setenv("API_PORT", "0")
    if secret:
        monkeypatch.setenv("PAGERDUTY_WEBHOOK_SECRET", secret)
    else:
        monkeypatch.delenv("PAGERDUTY_WEBHOOK_SECRET", raising=False)
    intake, status = Intake(), Status()
    services = cast("Services", SimpleNamespace(intake=intake, status=status))
    gateway = HttpGateway(services, product_settings.load())
    await gateway.start()
    return gateway, intake, status


@pytest.fixture
async def door(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Door]:
    gateway, intake, status = await open_door(monkeypatch)
    async with aiohttp.ClientSession() as session:
        yield Door(gateway.url, intake, status, session)
    await gateway.stop()


def event(event_type: str = "incident.triggered", **data: Any) -> bytes:
    incident = {
        "id": "P0EF57N",
        "type": "incident",
        "title": "Checkout is down, password=canary-1",
        "urgency": "high",
        "service": {"id": "PS", "summary": "Checkout"},
        "priority": {"summary": "P1"},
        "html_url": "https://acme.pagerduty.com/incidents/P0EF57N",
    }
    body = {
        "id": "01EVENT",
        "event_type": event_type,
        "resource_type": "incident",
        "occurred_at": "2026-11-23T03:00:00.000Z",
        "agent": {"summary": "Maya Chen"},
        "data": incident | data,
    }
    return json.dumps({"event": body}).encode()


async def test_an_event_is_accepted_once_and_redacted(door: Door) -> None:
    first = await door.post(event())
    again = await door.post(event())
    assert (first[0], first[1]["status"]) == (202, "accepted")
    assert (again[0], again[1]["status"]) == (202, "duplicate")
    (alert,) = door.intake.alerts
    assert alert.dedup_key == "pagerduty:P0EF57N"
    assert alert.delivery_id == "delivery-1"
    assert alert.service == "Checkout"
    assert alert.severity.value == "critical"
    assert alert.actor == "Maya Chen"
    assert "canary-1" not in alert.model_dump_json()


@pytest.mark.parametrize(
    ("event_type", "state"),
    [
        ("incident.triggered", AlertState.TRIGGERED),
        ("incident.unacknowledged", AlertState.TRIGGERED),
        ("incident.reopened", AlertState.TRIGGERED),
        ("incident.acknowledged", AlertState.ACKNOWLEDGED),
        ("incident.resolved", AlertState.RESOLVED),
        ("incident.escalated", AlertState.UPDATED),
        ("incident.reassigned", AlertState.UPDATED),
        ("incident.delegated", AlertState.UPDATED),
        ("incident.priority_updated", AlertState.UPDATED),
        ("incident.something_new", AlertState.UPDATED),
    ],
)
async def test_states(door: Door, event_type: str, state: AlertState) -> None:
    assert (await door.post(event(event_type)))[0] == 202
    assert [alert.state for alert in door.intake.alerts] == [state]


async def test_a_note_carries_its_incidents_id(door: Door) -> None:
    note = {"id": "PNOTE", "type": "incident_note", "content": "hello", "incident": {"id": "P0EF57N", "summary": "x"}}
    assert (await door.post(event("incident.annotated", **note)))[0] == 202
    (alert,) = door.intake.alerts
    assert (alert.external_id, alert.note, alert.note_id) == ("P0EF57N", "hello", "PNOTE")


async def test_what_concerns_nobody_is_taken_and_counted(door: Door) -> None:
    assert (await door.post(event("service.updated", type="service")))[1]["status"] == "ignored"
    assert (await door.post(event("pagey.ping", type="ping")))[1]["status"] == "pong"
    assert door.intake.alerts == []
    status, body = await door.get("/webhook/pagerduty/status")
    assert status == 200
    assert body["secret_configured"] is True
    assert body["deliveries_by_type"] == {"service.updated": 1, "pagey.ping": 1}
    assert SECRET not in json.dumps(body)


async def test_a_bad_signature_is_refused_before_anything_is_read(door: Door) -> None:
    status, body, _ = await door.post(b"not json", secret="wrong")
    assert status == 401
    assert set(body["error"]) == {"message", "next_step", "id"}
    for header in ("", "v1=", "v2=abc", "v1=\u00e9"):
        assert (await door.post(event(), **{"X-PagerDuty-Signature": header}))[0] == 401
    assert door.intake.alerts == []


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"{", "not JSON"),
        (b"\xff\xfe\xfa", "not JSON"),
        (b"[]", '"event"'),
        (b'{"event": {}}', '"id"'),
        (event().replace(b"2026-11-23T03:00:00.000Z", b"yesterday"), "occurred_at"),
    ],
)
async def test_what_is_no_event_gets_a_precise_sentence(door: Door, body: bytes, words: str) -> None:
    status, answer, _ = await door.post(body)
    assert status == 400
    assert words in answer["error"]["message"]


async def test_a_body_over_256_kb_is_refused(door: Door) -> None:
    assert (await door.post(b"x" * (256 * 1024 + 1)))[0] == 413
    assert door.intake.alerts == []


async def test_a_full_inbox_asks_to_come_back(door: Door) -> None:
    door.intake.error = Unavailable("full", vendor="inbox")
    status, body, headers = await door.post(event())
    assert status == 503
    assert int(headers["Retry-After"]) >= 1
    assert body["error"]["message"]


async def test_a_defect_is_an_id_and_no_traceback(door: Door) -> None:
    door.intake.error = RuntimeError("canary-2")
    status, body, _ = await door.post(event())
    assert status == 500
    assert body["error"]["id"].startswith("E-")
    assert "canary-2" not in json.dumps(body)


async def test_the_test_route_takes_signed_or_local_requests_only(door: Door) -> None:
    assert (await door.post(b"", path="/test"))[0] == 202
    assert (await door.post(b"", path="/test", secret="wrong"))[0] == 202  # from this machine
    assert (await door.post(b"", path="/test", secret="wrong", **{"X-Forwarded-For": "203.0.113.9"}))[0] == 401
    assert len(door.intake.alerts) == 2


async def test_health_and_readiness(door: Door) -> None:
    assert (await door.get("/healthz"))[0] == 200
    assert (await door.get("/readyz"))[0] == 200
    door.status.components.append(ComponentStatus(name="Claude", ok=False, detail="away", required=False))
    assert (await door.get("/readyz"))[0] == 200
    door.status.components.append(ComponentStatus(name="Slack", ok=False, detail="away"))
    status, body = await door.get("/readyz")
    assert status == 503
    assert [component["name"] for component in body["components"]] == ["database", "Claude", "Slack"]
    assert (await door.get("/absent"))[0] == 404


async def test_many_at_once(door: Door) -> None:
    answers = await asyncio.gather(*(door.post(event(), **{"X-Webhook-Id": f"d{n}"}) for n in range(200)))
    assert {answer[0] for answer in answers} == {202}
    assert len(door.intake.alerts) == 200


async def test_without_a_secret_every_webhook_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    gateway, intake, status = await open_door(monkeypatch, secret=None)
    async with aiohttp.ClientSession() as session:
        answer = await Door(gateway.url, intake, status, session).post(event())
    await gateway.stop()
    assert answer[0] == 503
    assert "PAGERDUTY_WEBHOOK_SECRET" in answer[1]["error"]["message"]


async def test_two_secrets_allow_a_rotation(monkeypatch: pytest.MonkeyPatch) -> None:
    gateway, intake, status = await open_door(monkeypatch, f"{SECRET}, whsec-next")
    try:
        async with aiohttp.ClientSession() as session:
            door = Door(gateway.url, intake, status, session)
            for number, (secret, expected) in enumerate([(SECRET, 202), ("whsec-next", 202), ("whsec-old", 401)]):
                code, _, _ = await door.post(event(), secret=secret, **{"X-Webhook-Id": f"d-{number}"})
                assert code == expected
            assert (await door.post(event(), secret=f"{SECRET}, whsec-next"))[0] == 401
    finally:
        await gateway.stop()


async def test_text_that_no_database_takes_is_mended(door: Door) -> None:
    body = event(title="PLACE").replace(b"PLACE", b"half \\ud83d and \\u0000 nul")
    assert (await door.post(body))[0] == 202
    [alert] = door.intake.alerts
    assert alert.title == "half ? and \ufffd nul"
    assert alert.model_dump_json()


async def test_a_merge_says_where_the_work_goes_on(door: Door) -> None:
    merged = {"type": "merge_resolve_reason", "incident": {"id": "P2", "summary": "[#12] Checkout is down"}}
    assert (await door.post(event("incident.resolved", resolve_reason=merged)))[0] == 202
    [alert] = door.intake.alerts
    assert alert.state is AlertState.RESOLVED
    assert alert.details["merged_into"] == "[#12] Checkout is down"
