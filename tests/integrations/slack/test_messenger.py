"""The messenger against a workspace that speaks Slack's protocol."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.action import ProposalState
from bot.domain.alert import MessageRef
from bot.domain.evidence import Progress, ProgressItem, ProgressState
from bot.domain.incident import Incident, IncidentStatus
from bot.errors import AuthenticationFailed, NotFound, Unavailable
from bot.ports.messenger import Messenger
from bot.settings import SlackSettings
from integrations.slack import blocks
from integrations.slack.client import make_client
from integrations.slack.messenger import SlackMessenger
from sandbox.slack.workspace import SlackWorkspace
from tests.integrations.slack import samples as s


def posts(workspace: SlackWorkspace, method: str = "chat.postMessage") -> int:
    return sum(exchange.path.endswith(method) for exchange in workspace.traffic.exchanges)


def messages(workspace: SlackWorkspace, channel: str = "incidents") -> list[dict[str, Any]]:
    return workspace.act_as("maya").messages(channel)


async def opened(messenger: SlackMessenger) -> Incident:
    incident = s.incident(thread=None)
    root = await messenger.open_thread(incident, "incidents", "root:1")
    return s.incident(thread=root, channel=root.channel, thread_is_ours=True)


def step(number: int) -> Progress:
    return Progress(
        headline=f"Step {number}", items=(ProgressItem(key="pods", label="Pods", state=ProgressState.RUNNING),)
    )


def test_it_is_a_messenger(messenger: SlackMessenger) -> None:
    implemented: Messenger = messenger
    assert implemented is messenger


async def test_a_whole_thread(messenger: SlackMessenger, workspace: SlackWorkspace) -> None:
    incident = await opened(messenger)
    assert incident.thread is not None
    place = await messenger.post_progress(incident, s.progress(), "progress:1")
    await messenger.update_progress(incident, place, s.progress())
    await messenger.show_analysis(incident, place, s.analysis(), 1, s.progress())
    posted = await messenger.post_proposal(incident, s.proposal(), "proposal:P-4TX9KQ")
    await messenger.update_proposal(incident, s.succeeded(message=posted))
    await messenger.offer_resolve(incident, s.succeeded(), "resolve:1")
    await messenger.post_notice(incident, "Noted.", "notice:1")
    await messenger.update_root(s.incident(status=IncidentStatus.RESOLVED), incident.thread)
    thread = workspace.act_as("maya").replies("incidents", incident.thread.ts)
    assert [m["text"].split(".")[0].split(":")[0] for m in thread] == [
        "🔴 Critical · ✅ Resolved",
        "payment-service cannot start",
        "Roll back deployment payment-service to revision 6",
        "Roll back deployment payment-service to revision 6",
        "Noted",
    ]
    assert all("unfurl" not in m for m in thread)


async def test_a_post_is_found_by_its_key_only_when_it_is_ours(
    messenger: SlackMessenger, workspace: SlackWorkspace
) -> None:
    incident = await opened(messenger)
    assert incident.thread is not None
    posted = await messenger.post_notice(incident, "One", "key:one")
    pagerduty = AsyncWebClient(token=workspace.app("pagerduty").bot_token, base_url=workspace.api_url)
    await pagerduty.chat_postMessage(
        channel=posted.channel,
        thread_ts=incident.thread.ts,
        text="forged",
        metadata={"event_type": "oncall_agent", "event_payload": {"key": "key:two", "incident": incident.id}},
    )
    assert await messenger.find_posted(incident, "key:one") == posted
    assert await messenger.find_posted(incident, "key:two") is None
    without_thread = incident.model_copy(update={"thread": None, "opened_at": datetime.now(UTC) - timedelta(minutes=1)})
    assert await messenger.find_posted(without_thread, "root:1") == incident.thread


async def test_a_post_whose_answer_was_lost_is_not_repeated(
    messenger: SlackMessenger, workspace: SlackWorkspace
) -> None:
    incident = await opened(messenger)
    workspace.faults.add("lost_answer", "chat.postMessage")
    place = await messenger.post_notice(incident, "Only once", "notice:once")
    assert [m["ts"] for m in workspace.act_as("maya").replies("incidents", incident.thread.ts)[1:]] == [place.ts]  # type: ignore[union-attr]


async def test_a_post_that_never_arrived_is_repeated(messenger: SlackMessenger, workspace: SlackWorkspace) -> None:
    incident = await opened(messenger)
    workspace.faults.add("reset", "chat.postMessage")
    place = await messenger.post_notice(incident, "Second try", "notice:again")
    assert (await messenger.find_posted(incident, "notice:again")) == place


async def test_updates_are_coalesced_and_the_last_one_arrives(
    messenger: SlackMessenger, workspace: SlackWorkspace
) -> None:
    incident = await opened(messenger)
    place = await messenger.post_progress(incident, step(0), "progress:1")
    before = posts(workspace, "chat.update")
    await asyncio.gather(*(messenger.update_progress(incident, place, step(n)) for n in range(1, 30)))
    assert posts(workspace, "chat.update") - before <= 2
    shown = next(m for m in workspace.act_as("maya").replies("incidents", place.thread_ts or "") if m["ts"] == place.ts)
    assert shown["text"].startswith("Step 29")


async def test_an_old_state_never_overwrites_the_analysis(messenger: SlackMessenger, workspace: SlackWorkspace) -> None:
    incident = await opened(messenger)
    place = await messenger.post_progress(incident, step(0), "progress:1")
    await messenger.update_progress(incident, place, step(1))
    late = asyncio.create_task(messenger.update_progress(incident, place, step(2)))
    await asyncio.sleep(0.01)
    await messenger.show_analysis(incident, place, s.analysis(), 0, step(2))
    await late
    shown = next(m for m in workspace.act_as("maya").replies("incidents", place.thread_ts or "") if m["ts"] == place.ts)
    assert "DATABASE_URL" in shown["text"]


async def test_a_rate_limit_is_waited_for(messenger: SlackMessenger, workspace: SlackWorkspace) -> None:
    incident = await opened(messenger)
    workspace.faults.add("rate_limited", "chat.postMessage", retry_after=1)
    await messenger.post_notice(incident, "Patient", "notice:1")
    assert messages(workspace)[-1]["reply_count"] == 1


async def test_a_rate_limit_without_end_says_how_long(workspace: SlackWorkspace, slack_settings: SlackSettings) -> None:
    impatient = make_client(slack_settings)
    impatient.retry_handlers = []
    messenger = SlackMessenger(impatient, slack_settings)
    incident = await opened(messenger)
    workspace.faults.add("rate_limited", "chat.postMessage", retry_after=7, count=None)
    with pytest.raises(Unavailable) as refused:
        await messenger.post_notice(incident, "Too much", "notice:1")
    assert refused.value.retry_after == 7


async def test_refusals_are_ours(
    messenger: SlackMessenger, workspace: SlackWorkspace, slack_settings: SlackSettings
) -> None:
    with pytest.raises(NotFound, match="#nowhere"):
        await messenger.open_thread(s.incident(), "nowhere", "k")
    with pytest.raises(NotFound) as gone:
        await messenger.update_root(s.incident(), MessageRef(channel="C0NOTTHERE1", ts="1.2"))
    assert "/invite" in gone.value.next_step
    stranger = make_client(slack_settings)
    stranger.token = "xoxb-not-one"
    with pytest.raises(AuthenticationFailed, match="token"):
        await SlackMessenger(stranger, slack_settings).check()


async def test_slack_away_is_unavailable(slack_settings: SlackSettings) -> None:
    away = make_client(slack_settings.model_copy(update={"api_url": "http://127.0.0.1:9/api/"}))
    away.retry_handlers = []
    with pytest.raises(Unavailable, match="reached"):
        await SlackMessenger(away, slack_settings).check()


async def test_a_refused_layout_becomes_plain_text(
    messenger: SlackMessenger, workspace: SlackWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    incident = await opened(messenger)
    monkeypatch.setattr(blocks, "notice", lambda text: {"text": text, "blocks": [{"type": "hologram"}]})
    place = await messenger.post_notice(incident, "Something is wrong", "notice:1")
    shown = workspace.act_as("maya").replies("incidents", place.thread_ts or "")[-1]
    assert shown["text"] == "Something is wrong"
    assert not shown.get("blocks")


async def test_a_public_channel_is_joined(messenger: SlackMessenger, workspace: SlackWorkspace) -> None:
    await messenger.open_thread(s.incident(), "#general", "root:general")
    assert messages(workspace, "general")[-1]["bot_profile"]["name"] == "Oncall Agent"


async def test_people_and_their_groups(messenger: SlackMessenger, workspace: SlackWorkspace) -> None:
    maya, robin = workspace.people["maya"], workspace.people["robin"]
    person = await messenger.person(maya.id)
    assert (person.name, person.email) == (maya.real_name, maya.email)
    assert person.groups == {workspace.group_id("oncall")}
    assert (await messenger.person(robin.id)).groups == frozenset()
    workspace.set_group("oncall", ["robin"])
    assert (await messenger.person(robin.id)).groups == frozenset()
    messenger.forget_groups()
    assert (await messenger.person(robin.id)).groups == {workspace.group_id("oncall")}
    assert posts(workspace, "users.info") == 2
    with pytest.raises(NotFound):
        await messenger.person(workspace.app("oncall").bot_user_id)


async def test_what_is_remembered_is_forgotten_after_five_minutes(
    client: AsyncWebClient, workspace: SlackWorkspace, slack_settings: SlackSettings
) -> None:
    time = [s.NOW]
    messenger = SlackMessenger(client, slack_settings, now=lambda: time[0])
    robin = workspace.people["robin"].id
    await messenger.person(robin)
    workspace.set_group("oncall", ["robin"])
    time[0] += timedelta(minutes=4, seconds=59)
    assert not (await messenger.person(robin)).groups
    time[0] += timedelta(seconds=2)
    assert (await messenger.person(robin)).groups


async def test_evidence_is_attached_once(messenger: SlackMessenger, workspace: SlackWorkspace) -> None:
    incident = await opened(messenger)
    await messenger.post_evidence_file(incident, s.evidence(), "evidence:1")
    await messenger.post_evidence_file(incident, s.evidence(), "evidence:1")
    thread = workspace.act_as("maya").replies("incidents", incident.thread.ts)  # type: ignore[union-attr]
    assert sum(bool(m.get("files")) for m in thread) == 1


async def test_check_and_scopes_for_the_doctor(messenger: SlackMessenger, workspace: SlackWorkspace) -> None:
    assert await messenger.check() == "Connected to Acme as U01ONCALLAG; incidents go to channel C01INCIDENT."
    assert {"chat:write", "usergroups:read"} <= await messenger.granted_scopes()


async def test_a_proposal_without_a_message_updates_nothing(
    messenger: SlackMessenger, workspace: SlackWorkspace
) -> None:
    await messenger.update_proposal(s.incident(), s.proposal(ProposalState.EXPIRED, message=None))
    assert posts(workspace, "chat.update") == 0


async def test_links_to_threads(messenger: SlackMessenger) -> None:
    link = await messenger.thread_linker()
    assert (link(s.incident()) or "").endswith("/archives/C01INCIDENT/p1795403565000100")
    assert link(s.incident(thread=None)) is None
