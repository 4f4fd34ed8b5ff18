"""Which app hears of what: the Events API, filtered by membership, subscription and scope."""

import itertools
import json
import time
from collections.abc import Iterable
from typing import Any

from sandbox.slack.apps import InstalledApp
from sandbox.slack.socket_mode import SocketMode
from sandbox.slack.state import JSON, Channel, State

# The scope an app needs besides its subscription.
_SCOPES = {
    "message.channels": "channels:history",
    "message.groups": "groups:history",
    "message.im": "im:history",
    "message.mpim": "mpim:history",
    "app_mention": "app_mentions:read",
    "reaction_added": "reactions:read",
    "reaction_removed": "reactions:read",
    "pin_added": "pins:read",
    "pin_removed": "pins:read",
    "subteam_members_changed": "usergroups:read",
    "subteam_updated": "usergroups:read",
}
_MESSAGE_EVENTS = {
    "channel": "message.channels",
    "group": "message.groups",
    "im": "message.im",
    "mpim": "message.mpim",
}
_MEMBERSHIP_SCOPES = {"channel": "channels:read", "group": "groups:read", "im": "im:read", "mpim": "mpim:read"}


class Deliveries:
    """Turns what happened into event_callback payloads for the apps that may know."""

    def __init__(self, state: State, sockets: SocketMode) -> None:
        self._state = state
        self._sockets = sockets
        # Unique over restarts too: a durable client remembers the event ids it has seen.
        self._numbers = itertools.count(time.time_ns() // 1000)

    def message(self, channel: Channel, message: JSON) -> None:
        event = {**message, **self._where(channel, message["ts"])}
        event["type"] = "message"
        self._to_members(channel, _MESSAGE_EVENTS[channel.kind], event)
        if channel.kind != "im" and "<@" in message.get("text", ""):
            self._mentions(channel, message)

    def message_changed(self, channel: Channel, message: JSON, previous: JSON) -> None:
        self._hidden(channel, "message_changed", message=message, previous_message=previous)

    def message_deleted(self, channel: Channel, previous: JSON) -> None:
        self._hidden(channel, "message_deleted", deleted_ts=previous["ts"], previous_message=previous)

    def reaction(self, channel: Channel, message: JSON, user_id: str, name: str, *, added: bool) -> None:
        kind = "reaction_added" if added else "reaction_removed"
        event = {
            "type": kind,
            "user": user_id,
            "reaction": name,
            "item": {"type": "message", "channel": channel.id, "ts": message["ts"]},
            "item_user": message.get("user"),
            "event_ts": self._state.timestamps.next(),
        }
        self._to_members(channel, kind, event)

    def membership(self, channel: Channel, user_id: str, inviter: str | None, *, joined: bool) -> None:
        kind = "member_joined_channel" if joined else "member_left_channel"
        event: JSON = {
            "type": kind,
            "user": user_id,
            "channel": channel.id,
            "channel_type": "G" if channel.is_private else "C",
            "team": self._state.team_id,
            "event_ts": self._state.timestamps.next(),
        }
        if inviter and inviter != user_id:
            event["inviter"] = inviter
        self._to_members(channel, kind, event, scope=_MEMBERSHIP_SCOPES[channel.kind])

    def pin(self, channel: Channel, user_id: str, item: JSON, *, added: bool) -> None:
        kind = "pin_added" if added else "pin_removed"
        event = {
            "type": kind,
            "user": user_id,
            "channel_id": channel.id,
            "item": item,
            "event_ts": self._state.timestamps.next(),
        }
        self._to_members(channel, kind, event)

    def home_opened(self, app: InstalledApp, user_id: str, channel: Channel, view: JSON | None) -> None:
        event: JSON = {
            "type": "app_home_opened",
            "user": user_id,
            "channel": channel.id,
            "tab": "home",
            "event_ts": self._state.timestamps.next(),
        }
        if view is not None:
            event["view"] = view
        self._emit((app,), "app_home_opened", event)

    def group_members_changed(self, group_id: str, added: list[str], removed: list[str]) -> None:
        event = {
            "type": "subteam_members_changed",
            "subteam_id": group_id,
            "team_id": self._state.team_id,
            "date_previous_update": int(time.time()) - 1,
            "date_update": int(time.time()),
            "added_users": added,
            "added_users_count": len(added),
            "removed_users": removed,
            "removed_users_count": len(removed),
            "event_ts": self._state.timestamps.next(),
        }
        self._emit(self._state.apps.values(), "subteam_members_changed", event)

    def _where(self, channel: Channel, event_ts: str) -> JSON:
        return {"channel": channel.id, "event_ts": event_ts, "channel_type": channel.kind}

    def _hidden(self, channel: Channel, subtype: str, **fields: Any) -> None:
        ts = self._state.timestamps.next()
        event = {"type": "message", "subtype": subtype, "hidden": True, "ts": ts, **fields, **self._where(channel, ts)}
        self._to_members(channel, _MESSAGE_EVENTS[channel.kind], event)

    def _mentions(self, channel: Channel, message: JSON) -> None:
        text = message["text"]
        for app in self._state.apps.values():
            if f"<@{app.bot_user_id}" in text and message.get("bot_id") != app.bot_id:
                event = {**message, "type": "app_mention", "channel": channel.id, "event_ts": message["ts"]}
                if app.bot_user_id in channel.members:
                    self._emit((app,), "app_mention", event)

    def _to_members(self, channel: Channel, subscription: str, event: JSON, scope: str | None = None) -> None:
        members = channel.members
        self._emit((a for a in self._state.apps.values() if a.bot_user_id in members), subscription, event, scope)

    def _emit(self, apps: Iterable[InstalledApp], subscription: str, event: JSON, scope: str | None = None) -> None:
        needed = scope or _SCOPES.get(subscription)
        encoded: str | None = None
        for app in apps:
            if subscription not in app.events or (needed is not None and needed not in app.scopes):
                continue
            if "metadata" in event and "metadata.message:read" not in app.scopes:
                body = json.dumps({k: v for k, v in event.items() if k != "metadata"})
            else:
                body = encoded = encoded or json.dumps(event)
            self._sockets.send_event(app, event["type"], self._callback(app, body, event.get("channel")))

    def _callback(self, app: InstalledApp, event: str, channel: Any) -> str:
        team = self._state.team_id
        where = channel if isinstance(channel, str) else ""
        return (
            f'{{"team_id":"{team}","context_team_id":"{team}","context_enterprise_id":null,'
            f'"api_app_id":"{app.app_id}","event":{event},"type":"event_callback",'
            f'"event_id":"Ev{next(self._numbers):X}","event_time":{int(time.time())},'
            f'"authorizations":[{{"enterprise_id":null,"team_id":"{team}","user_id":"{app.bot_user_id}",'
            f'"is_bot":true,"is_enterprise_install":false}}],"is_ext_shared_channel":false,'
            f'"event_context":"4-{app.app_id}-{where}"}}'
        )
