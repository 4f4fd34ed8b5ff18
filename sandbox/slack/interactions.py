"""What people do with an app's buttons, modals, commands and shortcuts, told to the app as Slack tells it."""

from typing import TYPE_CHECKING, Any

from sandbox.slack.apps import InstalledApp, SlashCommand
from sandbox.slack.composer import escape_command
from sandbox.slack.errors import SlackError
from sandbox.slack.socket_mode import EnvelopeType, NoAckError, NotConnectedError
from sandbox.slack.state import JSON, Channel

if TYPE_CHECKING:
    from sandbox.slack.core import Core


class Interactions:
    """Every method raises SlackError operation_timeout when the app did not answer, and leaves a toast."""

    def __init__(self, core: "Core") -> None:
        self._core = core

    # Buttons, menus and pickers

    async def act(self, user_id: str, container: JSON, block_id: str, action: JSON, state: JSON | None) -> None:
        """Send block_actions and carry out what the acknowledgement may say."""
        app, place = self._locate(user_id, container)
        element = {**action, "block_id": block_id, "action_ts": self._core.state.timestamps.next()}
        payload: JSON = {"type": "block_actions", **self._who(app, user_id), **place}
        payload.update(state={"values": state or {}}, actions=[element])
        if view := place.get("view"):
            view["state"] = {"values": {**view["state"]["values"], **(state or {})}}
            payload["trigger_id"] = self._core.triggers.issue(app, user_id, view["id"])
            await self._ask(app, user_id, "interactive", payload)
            return
        payload["trigger_id"] = self._core.triggers.issue(app, user_id)
        where = place["container"]
        path = self._core.response_urls.issue(
            app,
            user_id,
            where["channel_id"],
            message_ts=where["message_ts"],
            is_ephemeral=where["is_ephemeral"],
            thread_ts=where.get("thread_ts"),
        )
        payload["response_url"] = self._core.base_url + path
        self._answer(path, await self._ask(app, user_id, "interactive", payload))

    async def suggest(self, user_id: str, container: JSON, block_id: str, action_id: str, value: str) -> JSON:
        """Ask the app for the options of an external select: `{options}` or `{option_groups}`."""
        app, place = self._locate(user_id, container)
        payload = {"type": "block_suggestion", **self._who(app, user_id), **place}
        payload.update(action_id=action_id, block_id=block_id, value=value)
        return await self._ask(app, user_id, "interactive", payload)

    def _locate(self, user_id: str, container: JSON) -> tuple[InstalledApp, JSON]:
        """Return the app that owns a message or a view, and the fields of a payload that say where it is."""
        if container.get("type") == "view":
            view = self._core.state.views.get(str(container.get("view_id")))
            if view is None:
                raise SlackError("view_not_found")
            place = {"container": {"type": "view", "view_id": view["id"]}, "view": view}
            return self._core.state.apps_by_id[view["app_id"]], place
        return self._locate_message(user_id, container)

    def _locate_message(self, user_id: str, container: JSON) -> tuple[InstalledApp, JSON]:
        state = self._core.state
        channel = self._core.people.channel(user_id, str(container.get("channel")))
        ts = str(container.get("ts"))
        ephemeral = bool(container.get("is_ephemeral"))
        find = self._core.messages.find_ephemeral
        message = find(channel, user_id, ts) if ephemeral else channel.message(ts)
        owner = state.apps_by_id.get(message.get("app_id", ""))
        if owner is None:
            raise SlackError("app_not_found")
        where: JSON = {"type": "message", "message_ts": ts, "channel_id": channel.id, "is_ephemeral": ephemeral}
        if "thread_ts" in message:
            where["thread_ts"] = message["thread_ts"]
        place: JSON = {"container": where, "channel": {"id": channel.id, "name": _shown_name(channel)}}
        if not ephemeral:
            place["message"] = message
        return owner, place

    # Modals

    async def submit(self, user_id: str, view_id: str, values: JSON) -> JSON:
        """Submit a modal. Return `{errors}` when refused, else `{closed}` and the `view` now on top, if any."""
        view, app = self._view(user_id, view_id)
        view["state"] = {"values": {**view["state"]["values"], **values}}
        payload = {
            "type": "view_submission",
            **self._who(app, user_id),
            "trigger_id": self._core.triggers.issue(app, user_id, view_id),
            "view": view,
            "response_urls": [],
        }
        answer = await self._ask(app, user_id, "interactive", payload)
        return self._after_submission(app, user_id, view_id, answer)

    def _after_submission(self, app: InstalledApp, user_id: str, view_id: str, answer: JSON) -> JSON:
        views, kind = self._core.views, answer.get("response_action")
        if kind == "errors":
            return {"errors": answer.get("errors") or {}, "closed": False}
        if kind == "update":
            return {"closed": False, "view": views.update(app, view_id, answer.get("view") or {})}
        if kind == "push":
            return {"closed": False, "view": views.push(app, user_id, answer.get("view") or {})}
        stack = views.stack(user_id)
        for closing in list(reversed(stack)) if kind == "clear" else [view_id]:
            views.close(user_id, closing)
        below = self._core.state.views.get(stack[-1]) if stack else None
        return {"closed": True, **({"view": below} if below else {})}

    async def close(self, user_id: str, view_id: str, *, clear: bool = False) -> None:
        """Close a modal, or with `clear` all of them, and tell the apps that asked to know."""
        view, _ = self._view(user_id, view_id)
        everything = clear or view.get("clear_on_close")
        closing = list(reversed(self._core.views.stack(user_id))) if everything else [view_id]
        for closed_id in closing:
            closed = self._core.state.views[closed_id]
            app = self._core.state.apps_by_id[closed["app_id"]]
            self._core.views.close(user_id, closed_id)
            if closed["notify_on_close"]:
                payload = {
                    "type": "view_closed",
                    **self._who(app, user_id),
                    "view": closed,
                    "is_cleared": bool(everything),
                }
                await self._ask(app, user_id, "interactive", payload)

    def _view(self, user_id: str, view_id: str) -> tuple[JSON, InstalledApp]:
        if view_id not in self._core.views.stack(user_id):
            raise SlackError("view_not_found")
        view = self._core.state.views[view_id]
        return view, self._core.state.apps_by_id[view["app_id"]]

    # Commands, shortcuts and the Home tab

    async def command(self, user_id: str, channel: Channel, line: str, thread_ts: str | None = None) -> None:
        """Run a slash command typed in a channel. Raise unknown_command when no app has it."""
        name, _, text = line.strip().partition(" ")
        app, declared = self._app_with_command(name)
        if thread_ts:
            raise SlackError("command_in_thread")
        user = self._core.state.user(user_id)
        path = self._core.response_urls.issue(app, user_id, channel.id)
        payload = {
            "team_id": self._core.state.team_id,
            "team_domain": self._core.state.team["domain"],
            "channel_id": channel.id,
            "channel_name": _shown_name(channel),
            "user_id": user_id,
            "user_name": user["name"],
            "command": name,
            "text": escape_command(self._core.state, text.strip()) if declared.should_escape else text.strip(),
            "api_app_id": app.app_id,
            "is_enterprise_install": "false",
            "response_url": self._core.base_url + path,
            "trigger_id": self._core.triggers.issue(app, user_id),
        }
        self._answer(path, await self._ask(app, user_id, "slash_commands", payload, what=name))

    def _app_with_command(self, name: str) -> tuple[InstalledApp, SlashCommand]:
        for app in self._core.state.apps.values():
            declared = next((c for c in app.definition.commands if c.command == name), None)
            if declared and "commands" in app.scopes:
                return app, declared
        raise SlackError("unknown_command")

    async def shortcut(self, user_id: str, callback_id: str, channel: Channel | None, ts: str | None) -> None:
        app = self._app_with_shortcut(callback_id)
        kind = next(s.type for s in app.definition.shortcuts if s.callback_id == callback_id)
        payload: JSON = {
            "type": "shortcut" if kind == "global" else "message_action",
            **self._who(app, user_id),
            "callback_id": callback_id,
            "trigger_id": self._core.triggers.issue(app, user_id),
            "action_ts": self._core.state.timestamps.next(),
        }
        path = None
        if kind == "message":
            if channel is None or ts is None:
                raise SlackError("invalid_arguments", messages=["[ERROR] a message shortcut needs channel and ts"])
            path = self._core.response_urls.issue(app, user_id, channel.id)
            payload.update(
                channel={"id": channel.id, "name": _shown_name(channel)},
                message=channel.message(ts),
                message_ts=ts,
                response_url=self._core.base_url + path,
            )
        answer = await self._ask(app, user_id, "interactive", payload)
        if path:
            self._answer(path, answer)

    def _app_with_shortcut(self, callback_id: str) -> InstalledApp:
        for app in self._core.state.apps.values():
            if any(s.callback_id == callback_id for s in app.definition.shortcuts):
                return app
        raise SlackError("shortcut_not_found")

    def open_home(self, user_id: str, app: InstalledApp) -> JSON | None:
        """Tell the app that its Home tab was opened; return what it published last."""
        state = self._core.state
        channel, _ = self._core.membership.direct((user_id, app.bot_user_id))
        home = state.homes.get((app.app_id, user_id))
        self._core.deliveries.home_opened(app, user_id, channel, home)
        return home

    # Delivery

    def _who(self, app: InstalledApp, user_id: str) -> JSON:
        state = self._core.state
        user = state.user(user_id)
        return {
            "user": {"id": user_id, "username": user["name"], "name": user["name"], "team_id": state.team_id},
            "api_app_id": app.app_id,
            "team": {"id": state.team_id, "domain": state.team["domain"]},
            "enterprise": None,
            "is_enterprise_install": False,
        }

    async def _ask(self, app: InstalledApp, user_id: str, kind: EnvelopeType, payload: JSON, what: str = "") -> JSON:
        try:
            return await self._core.sockets.ask(app, kind, payload)
        except NoAckError:
            text = f"{what or app.name} did not respond in time (operation_timeout)."
            self._core.pages.toast(user_id, text)
            raise SlackError("operation_timeout", message=text) from None
        except NotConnectedError:
            text = f"{what or app.name} failed: {app.name} is not connected (dispatch_failed)."
            self._core.pages.toast(user_id, text)
            raise SlackError("dispatch_failed", message=text) from None

    def _answer(self, path: str, answer: Any) -> None:
        """Show the message an acknowledgement may carry, as an answer to the response_url would be."""
        if any(answer.get(name) for name in ("text", "blocks", "attachments")):
            target = self._core.response_urls.target(path)
            # Unlike a response_url's answer, an acknowledgement replaces nothing unless it says so.
            self._core.response_urls.answer(target, {"replace_original": False, **answer})


def _shown_name(channel: Channel) -> str:
    return {"im": "directmessage", "mpim": "mpdm", "group": "privategroup"}.get(channel.kind) or channel.name
