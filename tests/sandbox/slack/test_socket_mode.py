import asyncio
import json
from typing import Any

import aiohttp
import pytest
from slack_bolt.async_app import AsyncApp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from sandbox.slack import SlackError, SlackWorkspace
from sandbox.slack.state import JSON
from tests.sandbox.slack.conftest import Connect


class RawSocket:
    """A Socket Mode client that acknowledges only what it is told to."""

    def __init__(self, session: aiohttp.ClientSession, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.session = session
        self.socket = socket

    @classmethod
    async def open(cls, workspace: SlackWorkspace) -> "RawSocket":
        client = AsyncWebClient(base_url=workspace.api_url)
        address = await client.apps_connections_open(app_token=workspace.app("oncall").app_token)
        session = aiohttp.ClientSession()
        return cls(session, await session.ws_connect(address["url"]))

    async def read(self) -> JSON:
        message = await asyncio.wait_for(self.socket.receive(), 5)
        assert message.type is aiohttp.WSMsgType.TEXT, message
        frame: JSON = json.loads(message.data)
        return frame

    async def ack(self, envelope: JSON, payload: JSON | None = None) -> None:
        answer = {"envelope_id": envelope["envelope_id"], **({"payload": payload} if payload else {})}
        await self.socket.send_json(answer)

    async def close(self) -> None:
        await self.socket.close()
        await self.session.close()


async def test_hello_then_an_event_with_everything_slack_sends(workspace: SlackWorkspace) -> None:
    raw = await RawSocket.open(workspace)
    hello = await raw.read()
    assert (hello["type"], hello["num_connections"]) == ("hello", 1)
    await workspace.act_as("maya").send("incidents", "hi")
    envelope = await raw.read()
    app = workspace.app("oncall")
    assert envelope["type"] == "events_api"
    assert envelope["accepts_response_payload"] is False
    assert (envelope["retry_attempt"], envelope["retry_reason"]) == (0, "")
    body = envelope["payload"]
    assert (body["type"], body["api_app_id"], body["team_id"]) == ("event_callback", app.app_id, "T01ACMECORP")
    assert body["event_id"].startswith("Ev")
    assert body["authorizations"][0]["user_id"] == app.bot_user_id
    event = body["event"]
    assert (event["type"], event["channel_type"], event["text"]) == ("message", "channel", "hi")
    assert event["event_ts"] == event["ts"]
    assert event["blocks"][0]["type"] == "rich_text"
    await raw.close()


async def test_an_unacknowledged_event_comes_again_with_the_same_id(hasty: SlackWorkspace) -> None:
    raw = await RawSocket.open(hasty)
    await raw.read()
    await hasty.act_as("maya").send("incidents", "hi")
    first, second = await raw.read(), await raw.read()
    assert first["envelope_id"] != second["envelope_id"]
    assert first["payload"]["event_id"] == second["payload"]["event_id"]
    assert (second["retry_attempt"], second["retry_reason"]) == (1, "timeout")
    await raw.ack(second)
    await hasty.wait_for(lambda: hasty.acknowledged == 1)
    await raw.close()


async def test_an_event_is_given_up_after_three_more_attempts() -> None:
    workspace = SlackWorkspace(redelivery_seconds=0.01)
    await workspace.start()
    raw = await RawSocket.open(workspace)
    await raw.read()
    await workspace.act_as("maya").send("incidents", "hi")
    assert [(await raw.read())["retry_attempt"] for _ in range(4)] == [0, 1, 2, 3]
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(raw.socket.receive(), 0.3)
    await raw.close()
    await workspace.stop()


async def test_bolt_sees_the_retry_and_a_lost_ack_causes_one(hasty: SlackWorkspace, connect: Connect) -> None:
    client = AsyncWebClient(token=hasty.app("oncall").bot_token, base_url=hasty.api_url)
    app = AsyncApp(client=client)
    seen: list[tuple[str, str]] = []

    @app.event("message")
    async def on_message(body: JSON, request: Any) -> None:
        seen.append((body["event_id"], request.headers["x-slack-retry-num"][0]))

    await connect(hasty, app)
    hasty.faults.add("lost_ack", "message")
    await hasty.act_as("maya").send("incidents", "hi")
    await hasty.wait_for(lambda: hasty.acknowledged == 1)
    assert [number for _, number in seen] == ["0", "1"]
    assert len({event_id for event_id, _ in seen}) == 1


async def test_an_event_waits_for_a_connection(hasty: SlackWorkspace) -> None:
    await hasty.act_as("maya").send("incidents", "anybody there?")
    raw = await RawSocket.open(hasty)
    await raw.read()
    late = await raw.read()
    assert (late["retry_attempt"], late["retry_reason"]) == (1, "connection_failed")
    await raw.close()


async def test_a_client_renews_its_connection_when_asked(
    workspace: SlackWorkspace, bolt: AsyncApp, connect: Connect
) -> None:
    heard: list[str] = []

    @bolt.event("message")
    async def on_message(event: JSON) -> None:
        heard.append(event["text"])

    await connect(workspace, bolt)
    assert workspace.refresh_connections("oncall") == 1
    await workspace.wait_for(lambda: workspace.connections("oncall") == 1)
    hellos = [r for r in workspace.traffic.since(0) if r["path"] == "/link hello"]
    assert len(hellos) == 2
    await workspace.act_as("maya").send("incidents", "still there?")
    await workspace.wait_for(lambda: heard == ["still there?"])


async def test_connections_ask_for_renewal_on_their_own() -> None:
    workspace = SlackWorkspace(refresh_seconds=0.1)
    await workspace.start()
    raw = await RawSocket.open(workspace)
    frames = [await raw.read(), await raw.read()]
    assert [(f["type"], f.get("reason")) for f in frames] == [("hello", None), ("disconnect", "refresh_requested")]
    await raw.close()
    await workspace.stop()


async def test_payloads_are_spread_over_connections(workspace: SlackWorkspace) -> None:
    raws = [await RawSocket.open(workspace) for _ in range(3)]
    assert [(await raw.read())["num_connections"] for raw in raws] == [1, 2, 3]
    for number in range(60):
        await workspace.act_as("maya").send("incidents", str(number))
    received: list[str] = []

    async def drain(raw: RawSocket) -> int:
        mine = 0
        while len(received) < 60:
            try:
                message = await asyncio.wait_for(raw.socket.receive(), 0.3)
            except TimeoutError:
                break
            received.append(json.loads(message.data)["payload"]["event"]["text"])
            mine += 1
        return mine

    counts = await asyncio.gather(*(drain(raw) for raw in raws))
    assert sorted(received, key=int) == [str(n) for n in range(60)]
    assert all(counts)
    for raw in raws:
        await raw.close()


async def test_an_app_has_at_most_ten_connections_and_tickets_work_once(workspace: SlackWorkspace) -> None:
    client = AsyncWebClient(base_url=workspace.api_url)
    token = workspace.app("oncall").app_token
    raws = [await RawSocket.open(workspace) for _ in range(10)]
    with pytest.raises(SlackApiError) as refused:
        await client.apps_connections_open(app_token=token)
    assert refused.value.response["error"] == "too_many_websockets"
    for raw in raws:
        await raw.close()
    await workspace.wait_for(lambda: workspace.connections("oncall") == 0)
    url = (await client.apps_connections_open(app_token=token))["url"]
    async with aiohttp.ClientSession() as session:
        await (await session.ws_connect(url)).close()
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await session.ws_connect(url)


async def test_a_dropped_socket_is_replaced_and_the_event_comes_again(hasty: SlackWorkspace, connect: Connect) -> None:
    client = AsyncWebClient(token=hasty.app("oncall").bot_token, base_url=hasty.api_url)
    app = AsyncApp(client=client)
    heard: list[str] = []

    @app.event("message")
    async def on_message(event: JSON) -> None:
        heard.append(event["text"])

    await connect(hasty, app, ping=0.2)
    hasty.faults.add("drop_socket", "message")
    await hasty.act_as("maya").send("incidents", "one")
    await hasty.wait_for(lambda: heard == ["one"], timeout=20)


async def test_an_interaction_is_not_repeated_but_reported(hasty: SlackWorkspace) -> None:
    maya = hasty.act_as("maya")
    with pytest.raises(SlackError) as refused:
        await maya.command("/oncall status")
    assert refused.value.code == "dispatch_failed"
    raw = await RawSocket.open(hasty)
    await raw.read()
    with pytest.raises(SlackError) as refused:
        await maya.command("/oncall status")
    assert refused.value.code == "operation_timeout"
    assert (await raw.read())["type"] == "slash_commands"
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(raw.socket.receive(), 0.8)
    await raw.close()


async def test_an_acknowledgement_may_carry_the_answer(workspace: SlackWorkspace) -> None:
    raw = await RawSocket.open(workspace)
    await raw.read()
    asked = asyncio.create_task(workspace.act_as("maya").command("/oncall status"))
    envelope = await raw.read()
    assert envelope["accepts_response_payload"] is True
    await raw.ack(envelope, {"text": "all quiet", "response_type": "in_channel"})
    await asked
    assert [m["text"] for m in workspace.act_as("jonas").messages("incidents")] == ["all quiet"]
    await raw.close()
