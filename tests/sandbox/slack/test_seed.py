import dataclasses
from pathlib import Path
from typing import Any

import pytest
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from sandbox.slack import AppDefinition, Shortcut, SlackError, SlackWorkspace, SlashCommand, default_seed
from sandbox.slack.apps import oncall_app
from sandbox.slack.state import JSON
from tests.sandbox.slack.conftest import Connect

MANIFEST = """
display_information: {name: Oncall Agent}
features:
  app_home: {home_tab_enabled: true}
  bot_user: {display_name: Oncall}
  slash_commands: [{command: /oncall, description: Everything, usage_hint: help}]
  shortcuts: [{name: Investigate, type: message, callback_id: investigate}]
oauth_config: {scopes: {bot: [chat:write, channels:history]}}
settings:
  event_subscriptions: {bot_events: [message.channels]}
  socket_mode_enabled: true
"""


def test_the_app_is_read_from_its_manifest(tmp_path: Path) -> None:
    path = tmp_path / "manifest.yml"
    path.write_text(MANIFEST, encoding="utf-8")
    workspace = SlackWorkspace(seed=default_seed(path))
    app = workspace.app("oncall")
    assert (app.name, app.scopes, app.events) == (
        "Oncall",
        frozenset({"chat:write", "channels:history"}),
        frozenset({"message.channels"}),
    )
    assert [c.command for c in app.definition.commands] == ["/oncall"]
    assert app.definition.shortcuts == (Shortcut("investigate", "Investigate", "message"),)
    assert app.definition.has_home


def test_the_products_own_manifest_is_understood() -> None:
    app = SlackWorkspace(seed=default_seed(Path(__file__).parents[3] / "manifest.yml")).app("oncall")
    assert {"chat:write", "commands"} <= app.scopes
    assert {"message.channels", "app_home_opened"} <= app.events
    assert "/oncall" in {command.command for command in app.definition.commands}
    assert app.definition.has_home


async def test_a_command_may_want_its_names_resolved(connect: Connect) -> None:
    command = SlashCommand("/page", should_escape=True)
    workspace = SlackWorkspace(seed=default_seed(dataclasses.replace(oncall_app(), commands=(command,))))
    await workspace.start()
    app = AsyncApp(client=AsyncWebClient(token=workspace.app("oncall").bot_token, base_url=workspace.api_url))
    seen: list[str] = []

    @app.command("/page")
    async def page(ack: Any, command: JSON) -> None:
        await ack()
        seen.append(command["text"])

    await connect(workspace, app)
    await workspace.act_as("maya").command("/page @Jonas now")
    assert seen == [f"<@{workspace.people['jonas'].id}|jonas.weber> now"]
    await workspace.stop()


def test_something_else_is_no_manifest(tmp_path: Path) -> None:
    path = tmp_path / "manifest.yml"
    path.write_text("- a list", encoding="utf-8")
    with pytest.raises(TypeError, match="must be a mapping"):
        AppDefinition.from_manifest(path)


def test_the_team_is_acme() -> None:
    workspace = SlackWorkspace()
    emails = [person.email for person in workspace.people.values()]
    assert emails == ["maya.chen@acme.example", "jonas.weber@acme.example", "robin.okafor@acme.example"]
    assert workspace.group_id("oncall") == "S0ONCALL"
    for key in ("oncall", "pagerduty"):
        app = workspace.app(key)
        assert app.bot_token.startswith("xoxb-")
        assert app.app_token.startswith(f"xapp-1-{app.app_id}-")
        members = workspace.core.state.channel(workspace.channel_id("incidents")).members
        assert app.bot_user_id in members
    with pytest.raises(KeyError):
        workspace.channel_id("nowhere")
    with pytest.raises(KeyError):
        workspace.act_as("nobody")


async def test_global_shortcuts_and_external_selects(connect: Connect) -> None:
    definition = dataclasses.replace(oncall_app(), shortcuts=(Shortcut("declare", "Declare an incident"),))
    workspace = SlackWorkspace(seed=default_seed(definition))
    await workspace.start()
    oncall = workspace.app("oncall")
    client = AsyncWebClient(token=oncall.bot_token, base_url=workspace.api_url)
    app = AsyncApp(client=client)
    seen: list[str] = []

    @app.shortcut("declare")
    async def declare(ack: Any, body: JSON) -> None:
        await ack()
        seen.append(body["type"])

    @app.options("workload")
    async def workloads(ack: Any, payload: JSON) -> None:
        text = {"type": "plain_text", "text": payload["value"] + "-service"}
        await ack(options=[{"text": text, "value": "1"}])

    await connect(workspace, app)
    maya = workspace.act_as("maya")
    await maya.shortcut("declare")
    assert seen == ["shortcut"]
    with pytest.raises(SlackError, match="shortcut_not_found"):
        await maya.shortcut("investigate_message")
    select: JSON = {"type": "external_select", "action_id": "workload"}
    posted = await client.chat_postMessage(
        channel="#incidents", text="Which?", blocks=[{"type": "actions", "block_id": "b", "elements": [select]}]
    )
    container = {"type": "message", "channel": posted["channel"], "ts": posted["ts"]}
    answer = await workspace.core.interactions.suggest(maya.id, container, "b", "workload", "payment")
    assert answer["options"][0]["text"]["text"] == "payment-service"
    await workspace.stop()


async def test_a_message_of_an_app_without_the_wire(workspace: SlackWorkspace) -> None:
    message = workspace.post_as("pagerduty", "incidents", "Triggered")
    assert workspace.act_as("maya").messages("incidents") == [message]
    workspace.post_as("pagerduty", workspace.channel_id("incidents"), "Acknowledged", thread_ts=message["ts"])
    assert len(workspace.act_as("maya").replies("incidents", message["ts"])) == 2


async def test_a_workspace_is_a_context_and_stops_twice() -> None:
    async with SlackWorkspace() as workspace:
        assert workspace.api_url == f"{workspace.url}/api/"
    await workspace.stop()
