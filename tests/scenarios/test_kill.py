"""kill -9 after each step of both workflows: the bot resumes, nothing is lost, nothing takes effect twice."""

import asyncio
import json
from collections import Counter

import pytest
import sqlalchemy as sa

from bot.domain.interaction import ActionId
from bot.store.database import create_sync_engine
from sandbox.scenarios.applications import is_healthy
from sandbox.slack.errors import SlackError
from tests.scenarios.conftest import Stage, Thread, elements
from tests.waiting import wait_until

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.xdist_group("kill"),
    pytest.mark.slow,
    pytest.mark.timeout(240),
]

TRIAGE = [
    ("open", "payment-service"),
    ("gather", "analytics-service"),
    ("analyse", "memory-hog"),
    ("publish", "cpu-intensive"),
]
ACT = [
    ("apply", "payment-service"),
    ("verify", "broken-database"),
    ("settle", "frontend-app"),
    ("announce", "orphan-service"),
    ("note", "analytics-service"),
]


def steps_done(url: str, step: str) -> int:
    table = "operation_outputs" if url.startswith("sqlite") else "dbos.operation_outputs"
    engine = create_sync_engine(url)
    try:
        with engine.connect() as connection:
            query = sa.text(f"SELECT count(*) FROM {table} WHERE function_name = :step AND output IS NOT NULL")
            return int(connection.execute(query, {"step": step}).scalar_one())
    finally:
        engine.dispose()


async def kill_after(stage: Stage, step: str, before: int) -> None:
    """Kill the bot as soon as the engine has recorded one more `step`."""

    async def recorded() -> bool:
        return await asyncio.to_thread(steps_done, stage.database_url, step) > before

    await wait_until(recorded, 60, f"the step {step}", pause=0.002)
    await stage.kill_bot()


async def assert_said_once(thread: Thread) -> None:
    assert len(thread.with_button(ActionId.EVIDENCE_DETAILS)) == 1, "one analysis"
    keys = [json.dumps(m.get("metadata", {}).get("event_payload", {}).get("key")) for m in thread.replies()]
    repeated = [key for key, count in Counter(keys).items() if count > 1]
    assert not repeated, f"posted twice: {repeated}"


async def assert_audit_intact(stage: Stage) -> None:
    code, output = await stage.run("audit", "verify")
    assert code == 0, output


@pytest.mark.parametrize(("step", "application"), TRIAGE)
async def test_triage_survives_a_kill_after(stage: Stage, step: str, application: str) -> None:
    before = await asyncio.to_thread(steps_done, stage.database_url, step)
    maya = stage.person()
    known = {m["ts"] for m in maya.messages("incidents")}
    await stage.world.runner.start(application, maya.id)
    await kill_after(stage, step, before)
    await stage.start_bot()
    card = await stage.wait(
        lambda: next((m for m in maya.messages("incidents") if m["ts"] not in known and m.get("reply_count")), None),
        30,
        "the thread",
    )
    thread = Thread(stage, card["ts"])
    await thread.analysed(60)
    await thread.proposed()
    await stage.wait(lambda: len(thread.with_button(ActionId.APPROVE)) >= 1, 10)
    await asyncio.sleep(1.0)
    await assert_said_once(thread)
    offered = [
        e["value"]
        for m in thread.with_button(ActionId.APPROVE)
        for e in elements(m)
        if e.get("action_id") == ActionId.APPROVE
    ]
    assert len(offered) == len(set(offered)), "no proposal is shown twice"
    events = await stage.audit_events(thread.incident_id())
    counts = Counter(event["action"] for event in events)
    assert counts["bot:investigation:start"] == 1
    assert counts["bot:proposal:create"] == len(offered)
    await assert_audit_intact(stage)


@pytest.mark.parametrize(("step", "application"), ACT)
async def test_act_survives_a_kill_after(stage: Stage, step: str, application: str) -> None:
    thread = await stage.break_something(application)
    await thread.analysed()
    await thread.proposed()
    seq = max((e.seq for e in stage.world.traffic.exchanges), default=0)
    before = await asyncio.to_thread(steps_done, stage.database_url, step)
    await thread.click(ActionId.APPROVE)
    await kill_after(stage, step, before)
    await stage.start_bot()
    await thread.fixed()
    async with stage.world.open_cluster() as cluster:
        assert await is_healthy(cluster, application)
    incident = stage.world.pagerduty.incidents()[-1]
    await stage.wait(lambda: stage.world.pagerduty.notes(incident.id), 30, "a note in PagerDuty")
    await asyncio.sleep(1.0)
    assert len(stage.world.pagerduty.notes(incident.id)) == 1, "one note"
    writes = [
        e
        for e in stage.world.traffic.exchanges
        if e.seq > seq and e.server == "kubernetes" and e.method in {"PATCH", "DELETE", "PUT"}
        and "dryRun" not in e.path and e.status is not None and e.status < 300
    ]  # fmt: skip
    assert len(writes) == 1, [f"{e.method} {e.path}" for e in writes]
    await assert_said_once(thread)
    events = await stage.audit_events(thread.incident_id())
    counts = Counter(event["action"] for event in events)
    for action in ("slack:proposal:approve", "bot:action:start", "bot:action:apply", "bot:action:succeed"):
        assert counts[action] == 1, counts
    await assert_audit_intact(stage)


async def test_clicks_while_the_bot_is_dead_are_refused_and_nothing_is_lost(stage: Stage) -> None:
    thread = await stage.break_something("memory-hog")
    await thread.analysed()
    await thread.proposed()
    await stage.kill_bot()
    with pytest.raises(SlackError, match="dispatch_failed"):
        await thread.click(ActionId.APPROVE)
    await stage.start_bot()
    await thread.click(ActionId.APPROVE)
    await thread.fixed()
    await assert_audit_intact(stage)


async def test_an_alert_that_was_answered_survives_a_kill(stage: Stage) -> None:
    maya = stage.person()
    known = {m["ts"] for m in maya.messages("incidents")}
    await stage.kill_bot()
    await stage.world.runner.start("frontend-app", maya.id)
    await stage.wait(lambda: [m for m in maya.messages("incidents") if m["ts"] not in known], 20, "PagerDuty's card")
    await stage.start_bot()

    def answered() -> object:
        return next((m for m in maya.messages("incidents") if m["ts"] not in known and m.get("reply_count")), None)

    assert await stage.wait(answered, 60, "an answer once the bot is back")
