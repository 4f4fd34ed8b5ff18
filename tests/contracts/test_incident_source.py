"""What every incident source keeps to: the fake of the core's tests, and PagerDuty over the sandbox."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from pydantic import SecretStr

from bot.ports.incident_source import IncidentSource
from bot.settings import PagerDutySettings
from integrations.pagerduty.client import PagerDuty
from sandbox.pagerduty.server import PagerDutyServer
from tests.fakes import FakeIncidentSource

EMAIL = "maya@example.com"


@dataclass
class Case:
    source: IncidentSource
    incident_id: str


@pytest.fixture(params=["fake", "pagerduty"])
async def case(request: pytest.FixtureRequest) -> AsyncIterator[Case]:
    if request.param == "fake":
        yield Case(FakeIncidentSource(), "P000001")
        return
    server = PagerDutyServer(people=[("Maya Chen", EMAIL)], services={"Checkout": "Sells"})
    await server.start()
    settings = {"PAGERDUTY_API_TOKEN": SecretStr(server.api_token), "PAGERDUTY_API_URL": server.url}
    client = PagerDuty(PagerDutySettings.model_validate({**settings, "PAGERDUTY_FROM_EMAIL": EMAIL}))
    yield Case(client, server.trigger("Checkout", "Checkout is down", details={"namespace": "shop"}).id)
    await client.close()
    await server.stop()


async def test_what_is_fetched_belongs_to_the_same_incident_as_its_webhooks(case: Case) -> None:
    alert = await case.source.fetch(case.incident_id)
    assert alert.external_id == case.incident_id
    assert alert.dedup_key == f"pagerduty:{case.incident_id}"
    assert alert.occurred_at.tzinfo is not None
    assert alert.labels["namespace"] == "shop"


async def test_a_note_is_found_again_by_its_text_and_nothing_else(case: Case) -> None:
    assert await case.source.find_note(case.incident_id, "[P-1]") is None
    note_id = await case.source.add_note(case.incident_id, "[P-1] Maya Chen approved", EMAIL)
    other = await case.source.add_note(case.incident_id, "[P-2] Maya Chen approved")
    assert await case.source.find_note(case.incident_id, "[P-1]") == note_id
    assert await case.source.find_note(case.incident_id, "[P-2]") == other
    assert note_id != other
    assert await case.source.find_note(case.incident_id, "[P-3]") is None


@pytest.mark.parametrize("email", [EMAIL, None])
async def test_acknowledging_and_resolving_twice_does_no_harm(case: Case, email: str | None) -> None:
    for _ in range(2):
        await case.source.acknowledge(case.incident_id, email)
    for _ in range(2):
        await case.source.resolve(case.incident_id, email)


async def test_a_check_answers_with_a_sentence(case: Case) -> None:
    assert await case.source.check()
    assert case.source.name == "PagerDuty"
