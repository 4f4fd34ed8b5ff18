"""The demo applications, each from the alert to the audit trail."""

import pytest

from bot.domain.interaction import ActionId
from sandbox.scenarios.applications import APPLICATIONS, is_healthy
from tests.scenarios.conftest import Stage

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.xdist_group("applications"),
    pytest.mark.slow,
    pytest.mark.timeout(240),
]

BROKEN = [name for name, application in APPLICATIONS.items() if application.expected.key]


@pytest.mark.parametrize("name", BROKEN)
async def test_a_broken_application_is_diagnosed_fixed_verified_and_accounted_for(stage: Stage, name: str) -> None:
    expected = APPLICATIONS[name].expected
    thread = await stage.break_something(name)
    await thread.analysed()
    await thread.proposed()
    proposal_id = thread.proposal_id()

    await thread.click(ActionId.APPROVE, "robin")
    assert thread.with_button(ActionId.APPROVE), "a click without the right changes nothing"

    await thread.click(ActionId.APPROVE)
    await thread.fixed()
    async with stage.world.open_cluster() as cluster:
        assert await is_healthy(cluster, name)

    incident = stage.world.pagerduty.incidents()[-1]
    await stage.wait(lambda: stage.world.pagerduty.notes(incident.id), 15, "a note in PagerDuty")
    [note] = stage.world.pagerduty.notes(incident.id)
    assert proposal_id in note.content
    assert "Maya Chen approved" in note.content
    await thread.click(ActionId.RESOLVE)
    await stage.wait(lambda: stage.world.pagerduty.incident(incident.id).status == "resolved", 15, "resolved")

    events = await stage.audit_events(thread.incident_id())
    actions = [event["action"] for event in events]
    assert any(f"{expected.key} " in finding for e in events for finding in e["body"].get("findings", ())), events
    for action in (
        "bot:investigation:start", "bot:evidence:gather", "bot:analysis:write", "bot:proposal:create",
        "slack:proposal:refuse", "slack:proposal:approve", "bot:action:start", "bot:action:apply",
        "bot:action:verify", "bot:action:succeed", "slack:incident:resolve",
    ):  # fmt: skip
        assert action in actions, f"{action} is not in the trail"
    code, output = await stage.run("audit", "verify")
    assert code == 0, output
    assert "intact" in output


async def test_a_false_alarm_is_called_one(stage: Stage) -> None:
    thread = await stage.break_something("healthy-app")
    message = await thread.analysed()
    assert "Nothing is wrong" in message["text"] or "othing is wrong" in thread.text()
    assert not thread.with_button(ActionId.APPROVE)
