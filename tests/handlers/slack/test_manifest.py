"""manifest.yml: Slack's limits, and one handler for everything it declares."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from slack_bolt.async_app import AsyncApp
from slack_bolt.request.async_request import AsyncBoltRequest

from bot.domain.interaction import CallbackId
from handlers.slack import commands, slash_command
from tests.handlers.slack.conftest import Dispatch
from tests.handlers.slack.fakes import event
from tests.handlers.slack.manifest import MANIFEST

# Which scope each Web API method and each event needs; what is called is searched for in the source.
METHOD_SCOPES = {
    "chat_postMessage": {"chat:write"},
    "chat_update": {"chat:write"},
    "chat_postEphemeral": {"chat:write"},
    "conversations_replies": {"channels:history", "groups:history", "im:history"},
    "conversations_history": {"channels:history", "groups:history"},
    "conversations_list": {"channels:read", "groups:read"},
    "conversations_join": {"channels:join"},
    "users_info": {"users:read", "users:read.email"},
    "usergroups_list": {"usergroups:read"},
    "files_upload_v2": {"files:write"},
    "views_open": set(),
    "views_push": set(),
    "views_publish": set(),
    "auth_test": set(),
    "apps_connections_open": set(),
}


@pytest.fixture(scope="module")
def manifest() -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(MANIFEST.read_text(encoding="utf-8"))
    return content


def test_limits(manifest: dict[str, Any]) -> None:
    shown, features = manifest["display_information"], manifest["features"]
    assert len(shown["name"]) <= 35
    assert len(shown["description"]) <= 140
    assert 175 <= len(shown["long_description"]) <= 4000
    assert re.fullmatch("#[0-9a-f]{6}", shown["background_color"])
    assert len(features["bot_user"]["display_name"]) <= 80
    assert len(features["slash_commands"]) <= 50
    for command in features["slash_commands"]:
        assert re.fullmatch("/[a-z]{1,31}", command["command"])
        assert len(command["description"]) <= 2000
        assert len(command["usage_hint"]) <= 1000
    assert len(features["shortcuts"]) <= 10
    for shortcut in features["shortcuts"]:
        assert len(shortcut["name"]) <= 24
        assert len(shortcut["description"]) <= 150
        assert shortcut["type"] in {"message", "global"}
    assert len(manifest["settings"]["event_subscriptions"]["bot_events"]) <= 100


def test_switches(manifest: dict[str, Any]) -> None:
    settings = manifest["settings"]
    assert settings["interactivity"]["is_enabled"] is True
    assert settings["socket_mode_enabled"] is True
    assert settings["token_rotation_enabled"] is False
    assert settings["org_deploy_enabled"] is False
    assert manifest["features"]["app_home"]["home_tab_enabled"] is True


def test_scopes_are_sorted_and_cover_what_is_called(manifest: dict[str, Any]) -> None:
    scopes = manifest["oauth_config"]["scopes"]["bot"]
    assert scopes == sorted(set(scopes))
    root = MANIFEST.parent
    source = "".join(
        path.read_text(encoding="utf-8")
        for folder in ("handlers/slack", "integrations/slack")
        for path in Path(root / folder).rglob("*.py")
    )
    called = set(re.findall(r"client\.((?:[a-z]+_)+[a-zA-Z_0-9]+)\(", source)) - {"apps_connections"}
    assert called <= set(METHOD_SCOPES), "say in this test which scopes the new call needs"
    needed = set().union(*(METHOD_SCOPES[method] for method in called))
    assert needed | {"commands", "metadata.message:read", "app_mentions:read"} <= set(scopes)


def test_the_usage_hint_names_every_subcommand(manifest: dict[str, Any]) -> None:
    (command,) = manifest["features"]["slash_commands"]
    assert command["command"] == slash_command.NAME
    hint = {part.split()[0] for part in command["usage_hint"].split("|")}
    assert hint == set(commands.load())


async def test_every_event_has_a_handler(manifest: dict[str, Any], dispatch: Dispatch) -> None:
    user = {"user": "U01MAYACHEN", "channel": "C01INCIDENT", "text": "", "ts": "1.0", "tab": "home"}
    for name in manifest["settings"]["event_subscriptions"]["bot_events"]:
        kind = name.partition(".")[0]
        assert (await dispatch(event({"type": kind, **user}))).status == 200, name


async def test_every_shortcut_has_a_handler_and_the_other_way_round(manifest: dict[str, Any], app: AsyncApp) -> None:
    declared = {shortcut["callback_id"]: shortcut["type"] for shortcut in manifest["features"]["shortcuts"]}
    assert declared == {CallbackId.INVESTIGATE_MESSAGE: "message", CallbackId.INVESTIGATE: "global"}
    for callback_id, kind in declared.items():
        body = {
            "type": "shortcut" if kind == "global" else "message_action",
            "callback_id": callback_id,
            "user": {"id": "U01MAYACHEN"},
            "team": {"id": "T01ACMECORP"},
            "trigger_id": "1.2.3",
            "channel": {"id": "C01INCIDENT"},
            "message": {"ts": "1.0", "text": "x"},
        }
        response = await app.async_dispatch(AsyncBoltRequest(mode="socket_mode", body=body))
        assert response.status == 200, callback_id
