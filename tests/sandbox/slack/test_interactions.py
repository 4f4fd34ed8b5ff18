import asyncio
from collections.abc import Iterator
from typing import Any

import aiohttp
import pytest
from slack_bolt.async_app import AsyncApp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from sandbox.slack import SlackError, SlackWorkspace
from sandbox.slack.state import JSON
from tests.sandbox.slack.conftest import Connect

BUTTONS: list[JSON] = [
    {
        "type": "actions",
        "block_id": "decide",
        "elements": [
            {
                "type": "button",
                "text": {"type": "plain_text", "text": "Approve"},
                "action_id": "approve",
                "value": "42",
            },
            {
                "type": "static_select",
                "action_id": "pick",
                "options": [
                    {"text": {"type": "plain_text", "text": "First"}, "value": "1"},
                    {"text": {"type": "plain_text", "text": "Second"}, "value": "2"},
                ],
            },
        ],
    }
]


def modal(callback_id: str = "reason", **fields: Any) -> JSON:
    element = {"type": "plain_text_input", "action_id": "text"}
    label = {"type": "plain_text", "text": "Why?"}
    return {
        "type": "modal",
        "callback_id": callback_id,
        "title": {"type": "plain_text", "text": "Reject"},
        "submit": {"type": "plain_text", "text": "Reject"},
        "blocks": [{"type": "input", "block_id": "why", "label": label, "element": element}],
        **fields,
    }


async def test_a_click_reaches_the_app_and_respond_replaces_the_message(
    workspace: SlackWorkspace, client: AsyncWebClient, bolt: AsyncApp, connect: Connect
) -> None:
    clicks: list[JSON] = []

    @bolt.action("approve")
    async def approve(ack: Any, body: JSON, respond: Any) -> None:
        await ack()
        clicks.append(body)
        await respond(text="Approved", replace_original=True, blocks=[])

    await connect(workspace, bolt)
    incidents = workspace.channel_id("incidents")
    ts = (await client.chat_postMessage(channel=incidents, text="Restart?", blocks=BUTTONS))["ts"]
    jonas = workspace.act_as("jonas")
    await jonas.click("incidents", ts, "Approve")
    await workspace.wait_for(lambda: jonas.messages("incidents")[0]["text"] == "Approved")
    assert "blocks" not in jonas.messages("incidents")[0]
    body = clicks[0]
    assert body["user"]["id"] == jonas.id
    assert body["container"] == {
        "type": "message",
        "message_ts": ts,
        "channel_id": incidents,
        "is_ephemeral": False,
    }
    action = body["actions"][0]
    assert (action["block_id"], action["action_id"], action["value"]) == ("decide", "approve", "42")


async def test_a_select_sends_its_option(
    workspace: SlackWorkspace, client: AsyncWebClient, bolt: AsyncApp, connect: Connect
) -> None:
    chosen: list[str] = []

    @bolt.action("pick")
    async def pick(ack: Any, action: JSON, body: JSON) -> None:
        chosen.append(action["selected_option"]["value"])
        assert body["state"]["values"]["decide"]["pick"]["selected_option"]["value"] == chosen[-1]
        await ack()

    await connect(workspace, bolt)
    ts = (await client.chat_postMessage(channel="#incidents", text="?", blocks=BUTTONS))["ts"]
    await workspace.act_as("maya").click("incidents", ts, "pick", "Second")
    assert chosen == ["2"]
    with pytest.raises(LookupError):
        await workspace.act_as("maya").click("incidents", ts, "No such button")


async def test_an_ephemeral_message_is_answered_in_place(
    workspace: SlackWorkspace, client: AsyncWebClient, bolt: AsyncApp, connect: Connect
) -> None:
    @bolt.action("approve")
    async def approve(ack: Any, respond: Any) -> None:
        await ack()
        await respond(delete_original=True)

    await connect(workspace, bolt)
    maya = workspace.act_as("maya")
    await client.chat_postEphemeral(channel="#incidents", user=maya.id, text="Sure?", blocks=BUTTONS)
    await maya.click("incidents", maya.messages("incidents")[0]["ts"], "Approve")
    await workspace.wait_for(lambda: not maya.messages("incidents"))


async def test_a_command_is_answered_to_its_user_or_to_all(
    workspace: SlackWorkspace, bolt: AsyncApp, connect: Connect
) -> None:
    @bolt.command("/oncall")
    async def oncall(ack: Any, respond: Any, command: JSON) -> None:
        await ack()
        kind = "in_channel" if command["text"] == "loud" else "ephemeral"
        await respond(f"{command['user_name']}: {command['text']}", response_type=kind)

    await connect(workspace, bolt)
    maya, robin = workspace.act_as("maya"), workspace.act_as("robin")
    assert await maya.send("incidents", "/oncall quiet") is None
    await maya.command("/oncall loud", "incidents")
    await workspace.wait_for(lambda: len(maya.messages("incidents")) == 2)
    assert {m["text"] for m in maya.messages("incidents")} == {"maya.chen: quiet", "maya.chen: loud"}
    assert [m["text"] for m in robin.messages("incidents")] == ["maya.chen: loud"]
    with pytest.raises(SlackError, match="unknown_command"):
        await maya.command("/nonsense")


async def test_a_response_url_works_five_times_in_half_an_hour(
    workspace: SlackWorkspace, bolt: AsyncApp, connect: Connect
) -> None:
    urls: list[str] = []

    @bolt.command("/oncall")
    async def oncall(ack: Any, command: JSON) -> None:
        await ack()
        urls.append(command["response_url"])

    await connect(workspace, bolt)
    await workspace.act_as("maya").command("/oncall")
    async with aiohttp.ClientSession() as session:
        answers = []
        for number in range(6):
            async with session.post(urls[0], json={"text": str(number)}) as answer:
                answers.append((answer.status, await answer.text()))
        assert [status for status, _ in answers] == [200] * 5 + [404]
        assert "used_url" in answers[-1][1]
        await workspace.act_as("maya").command("/oncall")
        workspace.core.response_urls._clock = lambda: 10**12
        async with session.post(urls[1], json={"text": "late"}) as answer:
            assert (answer.status, "expired_url" in await answer.text()) == (404, True)
        async with session.post(f"{workspace.url}/commands/T0/1/nothing", json={"text": "x"}) as answer:
            assert answer.status == 404


async def test_a_modal_is_refused_then_accepted(workspace: SlackWorkspace, bolt: AsyncApp, connect: Connect) -> None:
    reasons: list[str] = []

    @bolt.command("/oncall")
    async def oncall(ack: Any, body: JSON, client: AsyncWebClient) -> None:
        await ack()
        await client.views_open(trigger_id=body["trigger_id"], view=modal(private_metadata="p-1"))

    @bolt.view("reason")
    async def submitted(ack: Any, view: JSON) -> None:
        reason = view["state"]["values"]["why"]["text"]["value"]
        if len(reason) < 5:
            await ack(response_action="errors", errors={"why": "Say more."})
            return
        reasons.append(reason + view["private_metadata"])
        await ack()

    await connect(workspace, bolt)
    maya = workspace.act_as("maya")
    await maya.command("/oncall reject")
    view = (await workspace.wait_for(maya.views))[0]
    assert await maya.submit_view(view["id"], {"why": "no"}) == {"errors": {"why": "Say more."}, "closed": False}
    assert maya.views()
    assert await maya.submit_view(view["id"], {"why": {"text": "too risky "}}) == {"closed": True}
    assert (reasons, maya.views()) == (["too risky p-1"], [])
    with pytest.raises(SlackError, match="view_not_found"):
        await maya.submit_view(view["id"], {})


async def test_modals_are_updated_pushed_and_cleared(
    workspace: SlackWorkspace, bolt: AsyncApp, connect: Connect
) -> None:
    answers: Iterator[JSON] = iter(
        [
            {"response_action": "update", "view": modal(title={"type": "plain_text", "text": "Step 2"})},
            {"response_action": "push", "view": modal(title={"type": "plain_text", "text": "Step 3"})},
            {},
            {"response_action": "clear"},
        ]
    )

    @bolt.command("/oncall")
    async def oncall(ack: Any, body: JSON, client: AsyncWebClient) -> None:
        await ack()
        await client.views_open(trigger_id=body["trigger_id"], view=modal())

    @bolt.view("reason")
    async def submitted(ack: Any) -> None:
        await ack(**next(answers))

    await connect(workspace, bolt)
    maya = workspace.act_as("maya")
    await maya.command("/oncall")
    first = (await workspace.wait_for(maya.views))[0]
    updated = await maya.submit_view(first["id"], {"why": "a"})
    assert updated["view"]["id"] == first["id"]
    assert updated["view"]["title"]["text"] == "Step 2"
    pushed = await maya.submit_view(first["id"], {"why": "b"})
    assert pushed["view"]["previous_view_id"] == first["id"]
    closed = await maya.submit_view(pushed["view"]["id"], {"why": "c"})
    assert (closed["closed"], closed["view"]["id"]) == (True, first["id"])
    assert await maya.submit_view(first["id"], {"why": "d"}) == {"closed": True}
    assert maya.views() == []


async def test_closing_is_told_to_apps_that_asked(workspace: SlackWorkspace, bolt: AsyncApp, connect: Connect) -> None:
    closed: list[bool] = []

    @bolt.command("/oncall")
    async def oncall(ack: Any, body: JSON, client: AsyncWebClient) -> None:
        await ack()
        await client.views_open(trigger_id=body["trigger_id"], view=modal(notify_on_close=body["text"] == "loud"))

    @bolt.view_closed("reason")
    async def on_closed(ack: Any, body: JSON) -> None:
        await ack()
        closed.append(body["is_cleared"])

    await connect(workspace, bolt)
    maya = workspace.act_as("maya")
    for line in ("/oncall quiet", "/oncall loud"):
        await maya.command(line)
        await maya.close_view((await workspace.wait_for(maya.views))[0]["id"])
    assert closed == [False]


async def test_triggers_expire_and_are_used_once(
    workspace: SlackWorkspace, client: AsyncWebClient, bolt: AsyncApp, connect: Connect
) -> None:
    triggers: list[str] = []

    @bolt.command("/oncall")
    async def oncall(ack: Any, body: JSON) -> None:
        await ack()
        triggers.append(body["trigger_id"])

    await connect(workspace, bolt)
    await workspace.act_as("maya").command("/oncall")
    await client.views_open(trigger_id=triggers[0], view=modal())
    await workspace.act_as("maya").command("/oncall")
    workspace.core.triggers.seconds = 0.0
    await asyncio.sleep(0.01)
    for trigger, code in (
        (triggers[1], "expired_trigger_id"),
        ("1.2.3", "invalid_trigger_id"),
        ("", "invalid_arguments"),
    ):
        with pytest.raises(SlackApiError) as refused:
            await client.views_open(trigger_id=trigger, view=modal())
        assert refused.value.response["error"] == code
    workspace.core.triggers.seconds = 3.0
    with pytest.raises(SlackApiError) as refused:
        await client.views_open(trigger_id=triggers[0], view=modal())
    assert refused.value.response["error"] == "exchanged_trigger_id"


async def test_views_update_checks_the_hash(
    workspace: SlackWorkspace, client: AsyncWebClient, bolt: AsyncApp, connect: Connect
) -> None:
    @bolt.command("/oncall")
    async def oncall(ack: Any, body: JSON, client: AsyncWebClient) -> None:
        await ack()
        await client.views_open(trigger_id=body["trigger_id"], view=modal(external_id="mine"))

    await connect(workspace, bolt)
    maya = workspace.act_as("maya")
    await maya.command("/oncall")
    view = (await workspace.wait_for(maya.views))[0]
    fresh = (await client.views_update(external_id="mine", view=modal(), hash=view["hash"]))["view"]
    assert fresh["id"] == view["id"]
    for arguments, code in (
        ({"view_id": view["id"], "hash": view["hash"]}, "hash_conflict"),
        ({"view_id": "V0NOTHING00"}, "not_found"),
        ({"view_id": view["id"], "view": {**modal(), "title": None}}, "invalid_arguments"),
    ):
        with pytest.raises(SlackApiError) as refused:
            await client.views_update(**{"view": modal(), **arguments})
        assert refused.value.response["error"] == code


async def test_home_is_published_and_its_buttons_work(
    workspace: SlackWorkspace, bolt: AsyncApp, connect: Connect
) -> None:
    clicked: list[JSON] = []

    @bolt.event("app_home_opened")
    async def opened(event: JSON, client: AsyncWebClient) -> None:
        await client.views_publish(user_id=event["user"], view={"type": "home", "blocks": BUTTONS})

    @bolt.action("approve")
    async def approve(ack: Any, body: JSON) -> None:
        await ack()
        clicked.append(body["container"])

    await connect(workspace, bolt)
    maya = workspace.act_as("maya")
    assert await maya.open_home("oncall") is None
    home = await workspace.wait_for(maya.home)
    assert home["type"] == "home"
    assert workspace.act_as("robin").home() is None
    await maya.click_in_view(home["id"], "approve")
    assert clicked == [{"type": "view", "view_id": home["id"]}]


async def test_a_message_shortcut_carries_its_message(
    workspace: SlackWorkspace, bolt: AsyncApp, connect: Connect
) -> None:
    seen: list[JSON] = []

    @bolt.shortcut("investigate_message")
    async def investigate(ack: Any, body: JSON, respond: Any) -> None:
        await ack()
        seen.append(body)
        await respond("Looking")

    await connect(workspace, bolt)
    maya = workspace.act_as("maya")
    message = await maya.send("incidents", "odd latency")
    assert message is not None
    await maya.shortcut("investigate_message", "incidents", message["ts"])
    await workspace.wait_for(lambda: len(maya.messages("incidents")) == 2)
    assert (seen[0]["type"], seen[0]["message"]["text"]) == ("message_action", "odd latency")
