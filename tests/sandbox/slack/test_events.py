import dataclasses

import pytest
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from sandbox.slack import SlackWorkspace, default_seed
from sandbox.slack.apps import oncall_app
from sandbox.slack.state import JSON
from tests.sandbox.slack.conftest import Connect


class Ears:
    """Hears every event of a Bolt app."""

    def __init__(self, app: AsyncApp) -> None:
        self.events: list[JSON] = []

        @app.middleware
        async def listen(body: JSON, next_: object, **_: object) -> None:
            if body.get("type") == "event_callback":
                self.events.append(body["event"])
            await next_()  # type: ignore[operator]

        for kind in ("message", "app_mention", "app_home_opened", "member_joined_channel", "reaction_added"):
            app.event(kind)(_ignore)
        app.event("subteam_members_changed")(_ignore)

    def of(self, kind: str, subtype: str | None = None) -> list[JSON]:
        return [e for e in self.events if e["type"] == kind and e.get("subtype") == subtype]


async def _ignore() -> None:
    """The middleware has heard it already."""


@pytest.fixture
async def ears(workspace: SlackWorkspace, bolt: AsyncApp, connect: Connect) -> Ears:
    heard = Ears(bolt)
    await connect(workspace, bolt)
    return heard


async def test_another_bots_message_arrives_with_its_profile(
    workspace: SlackWorkspace, pagerduty: AsyncWebClient, ears: Ears
) -> None:
    await pagerduty.chat_postMessage(channel=workspace.channel_id("incidents"), text="[#1] Triggered")
    await workspace.wait_for(lambda: ears.of("message"))
    event = ears.of("message")[0]
    assert event["bot_profile"]["app_id"] == "A1FKYAUUX"
    assert event["app_id"] == "A1FKYAUUX"


async def test_edits_and_deletions_carry_what_was_before(
    workspace: SlackWorkspace, pagerduty: AsyncWebClient, ears: Ears
) -> None:
    incidents = workspace.channel_id("incidents")
    ts = (await pagerduty.chat_postMessage(channel=incidents, text="Triggered"))["ts"]
    await pagerduty.chat_update(channel=incidents, ts=ts, text="Resolved")
    await pagerduty.chat_delete(channel=incidents, ts=ts)
    await workspace.wait_for(lambda: ears.of("message", "message_deleted"))
    changed = ears.of("message", "message_changed")[0]
    assert (changed["previous_message"]["text"], changed["message"]["text"]) == ("Triggered", "Resolved")
    assert "edited" in changed["message"]
    assert changed["hidden"] is True
    deleted = ears.of("message", "message_deleted")[0]
    assert (deleted["deleted_ts"], deleted["previous_message"]["text"]) == (ts, "Resolved")


async def test_the_first_reply_changes_the_parent_without_an_edit(workspace: SlackWorkspace, ears: Ears) -> None:
    maya = workspace.act_as("maya")
    parent = await maya.send("incidents", "parent")
    assert parent is not None
    await maya.send("incidents", "reply", thread_ts=parent["ts"])
    await workspace.wait_for(lambda: ears.of("message", "message_changed"))
    changed = ears.of("message", "message_changed")[0]
    assert "edited" not in changed["message"]
    assert changed["message"]["reply_count"] == 1


async def test_only_members_hear_a_channel(workspace: SlackWorkspace, ears: Ears) -> None:
    await workspace.act_as("maya").send("general", "not for bots")
    await workspace.act_as("maya").send("incidents", "for bots")
    await workspace.wait_for(lambda: ears.events)
    assert [e["text"] for e in ears.events] == ["for bots"]


async def test_a_mention_is_delivered_as_message_and_mention(workspace: SlackWorkspace, ears: Ears) -> None:
    await workspace.act_as("maya").send("incidents", "@Oncall Agent are you there?")
    await workspace.wait_for(lambda: ears.of("app_mention") and ears.of("message"))
    bot = workspace.app("oncall").bot_user_id
    assert ears.of("app_mention")[0]["text"] == f"<@{bot}> are you there?"


async def test_joining_reacting_and_group_changes_are_heard(
    workspace: SlackWorkspace, client: AsyncWebClient, ears: Ears
) -> None:
    general = workspace.channel_id("general")
    await client.conversations_join(channel=general)
    sent = await workspace.act_as("maya").send("incidents", "look")
    assert sent is not None
    await workspace.act_as("jonas").react("incidents", sent["ts"], "eyes")
    workspace.set_group("oncall", ["maya", "robin"])
    await workspace.wait_for(lambda: ears.of("subteam_members_changed") and ears.of("reaction_added"))
    joined = ears.of("member_joined_channel")[0]
    assert (joined["channel"], joined["user"]) == (general, workspace.app("oncall").bot_user_id)
    reaction = ears.of("reaction_added")[0]
    assert (reaction["reaction"], reaction["item"]["ts"]) == ("eyes", sent["ts"])
    group = ears.of("subteam_members_changed")[0]
    assert group["added_users"] == [workspace.people["robin"].id]
    assert group["removed_users"] == [workspace.people["jonas"].id]


async def test_a_direct_message_is_an_im(workspace: SlackWorkspace, ears: Ears) -> None:
    maya = workspace.act_as("maya")
    await maya.send(maya.dm(workspace.app("oncall").bot_user_id), "psst")
    await workspace.wait_for(lambda: ears.of("message"))
    event = ears.of("message")[0]
    assert event["channel_type"] == "im"


@pytest.mark.parametrize(
    ("scopes", "events"),
    [(("chat:write",), ("message.channels",)), (("channels:history",), ("message.im",))],
    ids=["without the scope", "without the subscription"],
)
async def test_events_need_scope_and_subscription(
    scopes: tuple[str, ...], events: tuple[str, ...], connect: Connect
) -> None:
    definition = dataclasses.replace(
        oncall_app(), scopes=(*scopes, "app_mentions:read"), bot_events=(*events, "app_mention")
    )
    workspace = SlackWorkspace(seed=default_seed(definition))
    await workspace.start()
    app = AsyncApp(client=AsyncWebClient(token=workspace.app("oncall").bot_token, base_url=workspace.api_url))
    heard = Ears(app)
    await connect(workspace, app)
    await workspace.act_as("maya").send("incidents", "quiet")
    await workspace.act_as("maya").send("incidents", "@oncall-agent loud")
    await workspace.wait_for(lambda: heard.events)
    assert [e["type"] for e in heard.events] == ["app_mention"]
    await workspace.stop()


@pytest.mark.parametrize(("scopes", "visible"), [(("metadata.message:read",), True), ((), False)])
async def test_metadata_needs_its_scope(scopes: tuple[str, ...], visible: bool, connect: Connect) -> None:
    definition = dataclasses.replace(oncall_app(), scopes=("channels:history", *scopes))
    workspace = SlackWorkspace(seed=default_seed(definition))
    await workspace.start()
    app = AsyncApp(client=AsyncWebClient(token=workspace.app("oncall").bot_token, base_url=workspace.api_url))
    heard = Ears(app)
    await connect(workspace, app)
    other = AsyncWebClient(token=workspace.app("pagerduty").bot_token, base_url=workspace.api_url)
    metadata = {"event_type": "incident", "event_payload": {"id": 7}}
    await other.chat_postMessage(channel=workspace.channel_id("incidents"), text="x", metadata=metadata)
    await workspace.wait_for(lambda: heard.events)
    assert heard.events[0].get("metadata") == (metadata if visible else None)
    await workspace.stop()
