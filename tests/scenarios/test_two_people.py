"""Scaling to 0 over the sandbox: two people type the name, and only then does it happen."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from bot.domain.interaction import CONFIRM_BLOCK, ActionId
from tests.scenarios.conftest import CHANNEL, JSON, Stage, Thread, database_url, elements, open_stage
from tests.waiting import wait_until

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.xdist_group("two_people"),
    pytest.mark.slow,
    pytest.mark.timeout(240),
]

NAME = "frontend-app"
PATH = f"/apis/apps/v1/namespaces/demo/deployments/{NAME}"


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["sqlite", "postgres"])
async def stage(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """A sandbox with a bot on which destructive actions are armed."""
    folder = tmp_path_factory.mktemp("stage")
    async with open_stage(folder, database_url(request, folder), K8S_ALLOW_DESTRUCTIVE_ACTIONS="true") as stage:
        yield stage


async def replicas(stage: Stage) -> int:
    async with stage.world.open_cluster() as cluster:
        return int((await cluster.get(PATH))["spec"]["replicas"])


def card(thread: Thread, ts: str) -> str:
    """Return what the message shows now."""
    return next(str(m["blocks"]) for m in thread.replies() if m["ts"] == ts)


async def confirm(thread: Thread, person: str, typed: str) -> Any:
    """Click Approve, type into the modal that opens and return the answer to the submission."""
    somebody = thread.stage.person(person)
    await thread.click(ActionId.APPROVE, person)
    view = await thread.stage.wait(lambda: next(iter(somebody.views()), None), 10, "the modal")
    answer = await somebody.submit_view(view["id"], {CONFIRM_BLOCK: typed})
    if "errors" in answer:
        await somebody.close_view(view["id"])
    return answer


async def test_scaling_to_zero_takes_two_people(stage: Stage) -> None:
    thread = await stage.break_something(NAME)
    await thread.analysed()
    await thread.proposed()
    await thread.click(ActionId.APPROVE)
    await thread.fixed()
    assert await replicas(stage) > 0

    # What undoes the fix is to scale back to 0, and that is destructive although the fix was not.
    await thread.click(ActionId.UNDO)
    message = await thread.proposed()
    proposal_id = next(str(e["value"]) for e in elements(message) if e.get("action_id") == ActionId.APPROVE)
    assert "needs 2 approvals by different people" in str(message["blocks"])

    assert "not the name" in (await confirm(thread, "maya", "frontend"))["errors"][CONFIRM_BLOCK]
    assert (await confirm(thread, "maya", NAME))["closed"]
    await stage.wait(lambda: "1 of 2 approvals: <@U01MAYACHEN>" in card(thread, message["ts"]), 10, "the first")
    await thread.click(ActionId.APPROVE, "maya")
    await stage.wait(lambda: "needs a second person" in str(whispers(stage, "maya")), 10, "a refusal")
    assert await replicas(stage) > 0

    assert (await confirm(thread, "jonas", NAME))["closed"]
    by_both = "approved by <@U01MAYACHEN> and <@U01JONASWEB>"
    await stage.wait(lambda: "finished" in card(thread, message["ts"]), 60, "the outcome")
    assert by_both in card(thread, message["ts"])
    assert await replicas(stage) == 0

    events = [e for e in await stage.audit_events(thread.incident_id()) if e["body"].get("proposal") == proposal_id]
    told = [(e["actor"], e["action"], e["body"].get("refusal")) for e in events if e["actor"] != "bot"]
    assert told[1:] == [
        ("U01MAYACHEN", "slack:proposal:refuse", "mismatch"),
        ("U01MAYACHEN", "slack:proposal:approve", None),
        ("U01MAYACHEN", "slack:proposal:refuse", "same_person"),
        ("U01JONASWEB", "slack:proposal:approve", None),
    ]
    assert [e["action"] for e in events].count("bot:action:apply") == 1

    # Scaling up again is not destructive: one click of one person.
    await thread.click(ActionId.UNDO)
    await thread.proposed()
    await thread.click(ActionId.APPROVE)

    async def back() -> bool:
        return await replicas(stage) > 0

    await wait_until(back, 30, "replicas again")
    code, output = await stage.run("audit", "verify")
    assert code == 0, output


def whispers(stage: Stage, person: str) -> list[JSON]:
    """Return what was said to one person alone."""
    channel = stage.world.slack.core.state.channel_named(CHANNEL)
    assert channel is not None
    return list(channel.ephemerals.get(stage.person(person).id, ()))
