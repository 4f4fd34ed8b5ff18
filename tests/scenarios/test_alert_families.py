"""What no cluster shows: the runbooks answer with the alert's own numbers. And a storm."""

import pytest

from bot.domain.interaction import ActionId
from sandbox.scenarios.catalogue import SCENARIOS
from tests.scenarios.conftest import CHANNEL, Stage

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.xdist_group("alert_families"),
    pytest.mark.slow,
    pytest.mark.timeout(180),
]

ALERTS = [s.name for s in SCENARIOS.values() if s.family in {"database", "server", "security", "network"}]


@pytest.mark.parametrize("name", ALERTS)
async def test_an_alert_family_gets_its_runbook_with_its_numbers(stage: Stage, name: str) -> None:
    thread = await stage.break_something(name)
    await thread.analysed()
    events = await stage.audit_events(thread.incident_id())
    [written] = [e for e in events if e["action"] == "bot:analysis:write"]
    assert written["body"]["provenance"]["method"] == "runbook"
    assert written["body"]["provenance"]["runbook"] == name
    assert not thread.with_button(ActionId.APPROVE)
    assert "an unknown number of" not in thread.text()


async def test_a_storm_stays_a_few_threads_and_loses_nothing(stage: Stage) -> None:
    before = {m["ts"] for m in stage.person().messages(CHANNEL)}
    await stage.world.runner.start("node-storm", stage.person().id)
    await stage.world.runner.settle()
    await stage.world.pagerduty.settle()
    incidents = [i for i in stage.world.pagerduty.incidents() if "node" in i.title.lower()]
    assert incidents

    def all_answered() -> bool:
        cards = [m for m in stage.person().messages(CHANNEL) if m["ts"] not in before]
        return bool(cards) and all(m.get("reply_count") for m in cards if m.get("bot_id"))

    await stage.wait(all_answered, 60, "an answer to every incident of the storm")
    code, output = await stage.run("audit", "verify")
    assert code == 0, output
