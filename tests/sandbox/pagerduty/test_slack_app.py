"""The Slack app, against a receiver that speaks as much of the Web API as it needs."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web

from sandbox.pagerduty import PagerDutyServer
from sandbox.pagerduty.account import user_agent
from sandbox.pagerduty.slack_app import SlackModes
from sandbox.serving import Serving

LINK = re.compile(r"https?://[\w.-]*pagerduty\.com/incidents/([A-Za-z0-9]+)")


@dataclass
class Workspace:
    url: str = ""
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    failures: list[web.Response] = field(default_factory=list)

    async def take(self, request: web.Request) -> web.Response:
        if self.failures:
            return self.failures.pop(0)
        assert request.headers["Authorization"] == "Bearer xoxb-pagerduty"
        arguments = await request.json()
        self.calls.append((request.match_info["method"], arguments))
        ts = arguments.get("ts") or f"1760000000.{len(self.calls):06}"
        return web.json_response({"ok": True, "channel": arguments["channel"], "ts": ts})


@pytest.fixture
async def workspace() -> AsyncIterator[Workspace]:
    one = Workspace()
    app = web.Application()
    app.router.add_post("/api/{method}", one.take)
    serving = await Serving.start(app)
    one.url = serving.url + "/api/"
    yield one
    await serving.stop()


async def start(workspace: Workspace, **modes: Any) -> PagerDutyServer:
    server = PagerDutyServer(slack_api_url=workspace.url, slack_token="xoxb-pagerduty", **modes)
    assert server.slack_app is not None
    server.slack_app.modes.retry_delay = 0.01
    await server.start()
    return server


async def test_a_card_is_posted_updated_and_answered_in_its_thread(workspace: Workspace) -> None:
    server = await start(workspace, channels={"payment-service": "C1"})
    incident = server.trigger("payment-service", "a | <b> & c", details={"pod": "payment-1", "log": "x" * 100})
    server.account.acknowledge(incident, user_agent(server.directory.users[0]), server.directory.users[0])
    server.account.add_note(incident, server.directory.users[0], "Looking")
    server.account.resolve(incident, user_agent(server.directory.users[0]))
    await server.settle()
    methods = [(method, arguments.get("thread_ts")) for method, arguments in workspace.calls]
    card_ts = "1760000000.000001"
    assert methods == [
        ("chat.postMessage", None),
        ("chat.update", None),
        ("chat.postMessage", card_ts),
        ("chat.postMessage", card_ts),
        ("chat.update", None),
        ("chat.postMessage", card_ts),
    ]
    texts = [arguments["text"] for _, arguments in workspace.calls]
    assert texts[0].startswith("*Triggered* <https://acme.pagerduty.com/incidents/")
    assert "a / &lt;b&gt; &amp; c>" in texts[0]
    assert texts[4].startswith("*Resolved* ")
    assert all((found := LINK.search(text)) and found[1] == incident.id for text in texts)
    assert "payment-1" in str(workspace.calls[0][1]["attachments"])
    assert "> Looking" in texts[3]
    await server.stop()


async def test_without_thread_mode_updates_are_messages(workspace: Workspace) -> None:
    server = await start(workspace, default_channel="C9", threads=False)
    incident = server.trigger("edge-network", "Loss")
    server.account.resolve(incident, user_agent(server.directory.users[0]))
    await server.settle()
    assert [method for method, _ in workspace.calls] == ["chat.postMessage", "chat.update", "chat.postMessage"]
    assert all("thread_ts" not in arguments for _, arguments in workspace.calls)
    await server.stop()


async def test_service_and_team_both_connected_post_twice(workspace: Workspace) -> None:
    server = await start(workspace, channels={"edge-network": "C1"}, team_channel="C1")
    incident = server.trigger("edge-network", "Loss")
    server.trigger("identity", "Only the team")
    await server.settle()
    assert [arguments["channel"] for _, arguments in workspace.calls] == ["C1", "C1", "C1"]
    assert server.slack_app is not None
    assert len(server.slack_app.cards[incident.id]) == 2
    await server.stop()


async def test_a_busy_slack_is_tried_again_and_a_refusal_is_not(
    workspace: Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    server = await start(workspace, default_channel="C1")
    workspace.failures = [
        web.Response(status=429, headers={"Retry-After": "0"}),
        web.Response(status=500),
    ]
    server.trigger("edge-network", "Loss")
    await server.settle()
    assert len(workspace.calls) == 1
    workspace.failures = [web.json_response({"ok": False, "error": "channel_not_found"})]
    server.trigger("edge-network", "Lost")
    server.trigger("edge-network", "Found")
    await server.settle()
    assert len(workspace.calls) == 2
    assert "could not post" in caplog.text
    await server.stop()


def test_modes_default_to_threads() -> None:
    assert SlackModes({}).threads
