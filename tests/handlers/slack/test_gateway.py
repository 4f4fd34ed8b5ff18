"""End to end: people act in a workspace, the gateway hears it over Socket Mode, the answers appear."""

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.action import Proposal
from bot.domain.interaction import REASON_BLOCK, REASON_INPUT, SUBJECT_BLOCK, SUBJECT_INPUT, ActionId, CallbackId
from bot.errors import AuthenticationFailed, Unavailable
from bot.settings import SlackSettings
from handlers.slack.app import SlackGateway
from handlers.slack.wiring import Wiring
from integrations.slack.messenger import SlackMessenger
from sandbox.slack.workspace import SlackWorkspace
from tests.handlers.slack.fakes import REFUSED, Recorder, card
from tests.integrations.slack import samples as s

JSON = dict[str, Any]
T = TypeVar("T")


async def eventually(predicate: Callable[[], T | None]) -> T:
    """Return the predicate's first truthy answer, asked again and again for five seconds."""
    async with asyncio.timeout(5):
        while not (answer := predicate()):  # noqa: ASYNC110 - services and sockets announce nothing
            await asyncio.sleep(0.01)
    return answer


@pytest.fixture
def pagerduty(workspace: SlackWorkspace) -> AsyncWebClient:
    return AsyncWebClient(token=workspace.app("pagerduty").bot_token, base_url=workspace.api_url)


@pytest.fixture(autouse=True)
def real_people(recorder: Recorder, messenger: SlackMessenger) -> None:
    recorder.find_person = messenger.person


def whispers(workspace: SlackWorkspace, person: str) -> list[JSON]:
    """Return what was said to one person alone in #incidents, threads included."""
    return list(workspace.core.state.channel("C01INCIDENT").ephemerals.get(workspace.people[person].id, ()))


async def offered(messenger: SlackMessenger, offer: Proposal | None = None) -> str:
    """Post a thread with a pending proposal and return the proposal message's ts."""
    root = await messenger.open_thread(s.incident(), "incidents", "root")
    posted = await messenger.post_proposal(s.incident(thread=root), offer or s.proposal(), "proposal")
    return posted.ts


async def test_an_alert_and_its_edit(
    gateway: SlackGateway, workspace: SlackWorkspace, recorder: Recorder, pagerduty: AsyncWebClient
) -> None:
    assert gateway.connected
    new, done = card(), card("Resolved")
    posted = await pagerduty.chat_postMessage(channel="C01INCIDENT", text=new["text"], attachments=new["attachments"])
    await eventually(lambda: len(recorder.alerts) == 1)
    await pagerduty.chat_update(
        channel="C01INCIDENT", ts=posted["ts"], text=done["text"], attachments=done["attachments"]
    )
    await eventually(lambda: len(recorder.alerts) == 2)
    assert [alert.state.value for alert in recorder.alerts] == ["triggered", "resolved"]
    assert {alert.dedup_key for alert in recorder.alerts} == {"pagerduty:Q2E7MG6P1H0D3P"}


async def test_an_alert_that_could_not_be_stored_comes_again(
    gateway: SlackGateway, workspace: SlackWorkspace, recorder: Recorder, pagerduty: AsyncWebClient
) -> None:
    recorder.failures.append(Unavailable("The database is away.", vendor="SQLite"))
    await pagerduty.chat_postMessage(channel="C01INCIDENT", text=card()["text"])
    await eventually(lambda: not recorder.failures)
    assert recorder.alerts == []
    await eventually(lambda: recorder.alerts)
    assert recorder.names() == ["accept"]


async def test_approve_is_for_approvers(
    gateway: SlackGateway, workspace: SlackWorkspace, recorder: Recorder, messenger: SlackMessenger
) -> None:
    ts = await offered(messenger)
    robin = workspace.act_as("robin")
    await robin.click("incidents", ts, ActionId.APPROVE)
    seen = await eventually(lambda: whispers(workspace, "robin"))
    assert REFUSED in seen[0]["text"]
    assert seen[0]["thread_ts"] == next(m["ts"] for m in robin.messages("incidents") if m.get("reply_count"))
    assert whispers(workspace, "jonas") == []
    await workspace.act_as("maya").click("incidents", ts, ActionId.APPROVE)
    await eventually(lambda: "approve" in recorder.names())
    assert recorder.calls == [("approve", "P-4TX9KQ", "U01MAYACHEN")]


async def test_a_group_that_changed_counts_at_once(
    gateway: SlackGateway, workspace: SlackWorkspace, recorder: Recorder, messenger: SlackMessenger
) -> None:
    ts = await offered(messenger)
    maya = workspace.act_as("maya")
    assert (await messenger.person(maya.id)).groups
    workspace.set_group("oncall", ["jonas"])
    await asyncio.sleep(0.1)
    await maya.click("incidents", ts, ActionId.APPROVE)
    assert REFUSED in (await eventually(lambda: whispers(workspace, "maya")))[0]["text"]
    assert recorder.calls == []


async def test_reject_asks_for_a_reason(
    gateway: SlackGateway, workspace: SlackWorkspace, recorder: Recorder, messenger: SlackMessenger
) -> None:
    ts = await offered(messenger)
    maya = workspace.act_as("maya")
    await maya.click("incidents", ts, "Reject")
    (view,) = await eventually(maya.views)
    refused = await maya.submit_view(view["id"], {REASON_BLOCK: {REASON_INPUT: " "}})
    assert refused["errors"] == {REASON_BLOCK: "Write a few words, so that others know why."}
    closed = await maya.submit_view(view["id"], {REASON_BLOCK: {REASON_INPUT: "a deploy is on its way"}})
    assert closed["closed"] is True
    assert recorder.calls == [("reject", "P-4TX9KQ", "U01MAYACHEN", "a deploy is on its way")]


async def test_details_and_evidence_open_modals(
    gateway: SlackGateway, workspace: SlackWorkspace, recorder: Recorder, messenger: SlackMessenger
) -> None:
    ts = await offered(messenger)
    maya = workspace.act_as("maya")
    await maya.click("incidents", ts, "Details")
    (view,) = await eventually(maya.views)
    assert view["callback_id"] == CallbackId.PROPOSAL_DETAILS
    await maya.close_view(view["id"])
    root = await messenger.open_thread(s.incident(), "incidents", "root:2")
    incident = s.incident(thread=root)
    shown = await messenger.post_progress(incident, s.progress(), "progress")
    await messenger.show_analysis(incident, shown, s.analysis(), 0, s.progress())
    await maya.click("incidents", shown.ts, "Evidence")
    (view,) = await eventually(maya.views)
    assert view["callback_id"] == CallbackId.EVIDENCE_DETAILS


async def test_the_question_is_answered_with_a_select(
    gateway: SlackGateway, workspace: SlackWorkspace, recorder: Recorder, messenger: SlackMessenger
) -> None:
    root = await messenger.open_thread(s.incident(), "incidents", "root")
    incident = s.incident(thread=root)
    asked = await messenger.post_progress(incident, s.progress(), "progress")
    await messenger.ask_target(incident, asked, [s.PAYMENT], "Two match.")
    await workspace.act_as("maya").click("incidents", asked.ts, ActionId.CHOOSE_TARGET, f"{incident.id}|{s.PAYMENT}")
    await eventually(lambda: recorder.calls)
    assert recorder.calls == [("choose_target", incident.id, "Deployment/shop/payment-service", "U01MAYACHEN")]


async def test_home_is_published_with_bars_where_charts_are_refused(
    gateway: SlackGateway, workspace: SlackWorkspace, recorder: Recorder
) -> None:
    maya = workspace.act_as("maya")
    await maya.open_home()
    view = await eventually(maya.home)
    assert "opened" in str(view)
    await maya.click_in_view(view["id"], ActionId.HOME_PERIOD, "14")
    await eventually(lambda: (maya.home() or {}).get("private_metadata") == "14")
    assert ("figures", 14) in recorder.calls
    again = maya.home() or {}
    await maya.click_in_view(again["id"], "Approve")
    await eventually(lambda: "approve" in recorder.names())
    await eventually(lambda: recorder.calls.count(("figures", 14)) == 2)


async def test_a_refusal_in_home_is_a_modal(
    gateway: SlackGateway, workspace: SlackWorkspace, recorder: Recorder
) -> None:
    robin = workspace.act_as("robin")
    await robin.open_home()
    view = await eventually(robin.home)
    await robin.click_in_view(view["id"], "Approve")
    (modal,) = await eventually(robin.views)
    assert REFUSED in str(modal["blocks"])


async def test_commands_are_answered_at_the_response_url(
    gateway: SlackGateway, workspace: SlackWorkspace, recorder: Recorder
) -> None:
    maya = workspace.act_as("maya")
    await maya.command("/oncall help", channel="random")  # the bot is no member there
    seen = await eventually(lambda: [m for m in maya.messages("random") if m.get("is_ephemeral")])
    assert "What I can do" in str(seen[0]["blocks"])


async def test_shortcuts(gateway: SlackGateway, workspace: SlackWorkspace, recorder: Recorder) -> None:
    maya = workspace.act_as("maya")
    said = await maya.send("incidents", "checkout is slow for everybody")
    assert said is not None
    await maya.shortcut(CallbackId.INVESTIGATE_MESSAGE, "incidents", said["ts"])
    await eventually(lambda: recorder.calls)
    assert recorder.calls[0][:2] == ("start", "checkout is slow for everybody")
    assert recorder.calls[0][4].ts == said["ts"]
    await maya.shortcut(CallbackId.INVESTIGATE)
    (view,) = await eventually(maya.views)
    await maya.submit_view(view["id"], {SUBJECT_BLOCK: {SUBJECT_INPUT: "pod/payment-1"}})
    assert recorder.calls[1][:2] == ("start", "pod/payment-1")


async def test_a_mention_over_the_wire(gateway: SlackGateway, workspace: SlackWorkspace, recorder: Recorder) -> None:
    await workspace.act_as("maya").send("incidents", "<@U01ONCALLAG> why is payment red?")
    await eventually(lambda: recorder.calls)
    assert recorder.calls[0][:2] == ("start", "why is payment red?")


async def test_the_connection_is_renewed(gateway: SlackGateway, workspace: SlackWorkspace, recorder: Recorder) -> None:
    workspace.drop_connections("oncall")
    await eventually(lambda: workspace.connections("oncall") == 0)
    await eventually(lambda: workspace.connections("oncall") == 1)
    await workspace.act_as("maya").command("/oncall status")
    await eventually(lambda: "report" in recorder.names())
    assert gateway.connected


async def test_a_wrong_app_token_is_said_at_once(wiring: Wiring) -> None:
    gateway = SlackGateway("xapp-1-wrong", wiring)
    with pytest.raises(AuthenticationFailed, match="app-level token") as refused:
        await gateway.start()
    assert "SLACK_APP_TOKEN" in refused.value.next_step
    assert not gateway.connected


async def test_no_event_is_taken_before_the_bot_knows_itself(
    wiring: Wiring, workspace: SlackWorkspace, slack_settings: SlackSettings
) -> None:
    """A failing auth.test would make Bolt let events go."""
    wiring.client.retry_handlers.clear()
    workspace.faults.add("server_error", "auth.test", count=1)
    gateway = SlackGateway(slack_settings.app_token.get_secret_value(), wiring)
    await gateway.start(timeout_seconds=0.2)
    assert not gateway.connected
    await eventually(lambda: gateway.connected)
    await gateway.stop()
    assert not gateway.connected


async def test_slack_away_at_the_start_is_tried_again_in_the_background(
    wiring: Wiring, workspace: SlackWorkspace, slack_settings: SlackSettings
) -> None:
    wiring.client.retry_handlers.clear()
    workspace.faults.add("reset", "apps.connections.open", count=1)
    workspace.faults.add("reset", "auth.test", count=1)
    gateway = SlackGateway(slack_settings.app_token.get_secret_value(), wiring)
    await gateway.start(timeout_seconds=0.1)
    with pytest.raises(Unavailable, match="keeps trying"):
        await gateway.check()
    await eventually(lambda: gateway.connected)
    assert await gateway.check() == "Events arrive over Socket Mode."
    await gateway.stop()
