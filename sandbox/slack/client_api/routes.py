"""The page's requests."""

import base64
import binascii
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from sandbox.slack.api_server import file_response
from sandbox.slack.client_api.bootstrap import bootstrap
from sandbox.slack.client_api.guard import refuse_foreign
from sandbox.slack.core import Core
from sandbox.slack.errors import SlackError
from sandbox.slack.state import JSON

SENTENCES = {
    "channel_not_found": "There is no such conversation.",
    "message_not_found": "That message is gone.",
    "view_not_found": "That dialog is no longer open.",
    "unknown_command": "No app here has that command.",
    "command_in_thread": "Slash commands do not work in threads.",
    "is_archived": "This channel is archived.",
    "not_in_channel": "Join the channel first.",
    "no_text": "There is nothing to send.",
    "app_not_found": "Nobody listens to that button.",
    "user_not_found": "There is no such person.",
}

Handler = Callable[["Act"], Awaitable[JSON]]


class Act:
    """One request of the page: who acts, and the body or query."""

    def __init__(self, user_id: str, body: JSON) -> None:
        self.user_id = user_id
        self.body = body

    def text(self, name: str) -> str:
        """Return a required value as text. Raise SlackError invalid_arguments."""
        value = self.body.get(name)
        if value in (None, ""):
            raise SlackError("invalid_arguments", message=f"{name} is missing.")
        return str(value)

    def optional(self, name: str) -> str | None:
        value = self.body.get(name)
        return None if value in (None, "") else str(value)

    def mapping(self, name: str) -> JSON:
        value = self.body.get(name)
        if not isinstance(value, dict):
            raise SlackError("invalid_arguments", message=f"{name} must be an object.")
        return value


class ClientAPI:
    def __init__(self, core: Core) -> None:
        self._core = core

    def routes(self) -> list[web.RouteDef]:
        get: dict[str, Handler] = {
            "bootstrap": self.bootstrap,
            "history": self.history,
            "replies": self.replies,
            "traffic": self.traffic,
            "faults": self.faults,
        }
        post: dict[str, Handler] = {
            "send": self.send,
            "open_dm": self.open_dm,
            "join": self.join,
            "mark": self.mark,
            "action": self.action,
            "options": self.options,
            "view_submit": self.view_submit,
            "view_close": self.view_close,
            "home": self.home,
            "shortcut": self.shortcut,
            "react": self.react,
            "upload": self.upload,
            "faults": self.set_faults,
            "scenarios/{name}": self.scenario,
        }
        routes = [web.get(f"/client/{path}", self._route(handler)) for path, handler in get.items()]
        routes += [web.post(f"/client/{path}", self._route(handler)) for path, handler in post.items()]
        routes.append(web.get("/client/files/{id}", self.file))
        routes.append(web.get("/client/ws", self.live))
        return routes

    def _route(self, handler: Handler) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def answer(request: web.Request) -> web.StreamResponse:
            refuse_foreign(self._core, request)
            try:
                body = await _body(request)
                body.update(request.match_info)
                user_id = self._person(str(body.get("as") or ""))
                return web.json_response({"ok": True, **await handler(Act(user_id, body))})
            except SlackError as refused:
                fields = refused.body()
                fields.setdefault("message", SENTENCES.get(refused.code, refused.code.replace("_", " ") + "."))
                return web.json_response(fields)

        return answer

    def _person(self, wanted: str) -> str:
        people = self._core.state.people
        if not wanted:
            return next(iter(people))
        if wanted not in people:
            raise SlackError("user_not_found")
        return wanted

    # Reading

    async def bootstrap(self, act: Act) -> JSON:
        return bootstrap(self._core, act.user_id)

    async def history(self, act: Act) -> JSON:
        limit = act.optional("limit") or "50"
        if not limit.isdigit() or int(limit) == 0:
            raise SlackError("invalid_limit")
        messages, has_more = self._core.people.timeline(
            act.user_id, act.text("channel"), act.optional("before") or "", min(int(limit), 500)
        )
        return {"messages": messages, "has_more": has_more}

    async def replies(self, act: Act) -> JSON:
        return {"messages": self._core.people.thread(act.user_id, act.text("channel"), act.text("ts"))}

    async def traffic(self, act: Act) -> JSON:
        after = act.optional("after") or "0"
        if not after.isdigit():
            raise SlackError("invalid_arguments", message="after must be a number.")
        return {"exchanges": self._core.traffic.since(int(after), act.optional("server"))}

    async def file(self, request: web.Request) -> web.StreamResponse:
        refuse_foreign(self._core, request)
        return file_response(self._core, request.match_info["id"])

    async def live(self, request: web.Request) -> web.StreamResponse:
        refuse_foreign(self._core, request)
        try:
            user_id = self._person(request.query.get("as", ""))
        except SlackError as refused:
            raise web.HTTPNotFound(text=refused.code) from refused
        return await self._core.pages.serve(request, user_id)

    # Acting

    async def send(self, act: Act) -> JSON:
        message = await self._core.people.send(
            act.user_id, act.text("channel"), act.text("text"), act.optional("thread_ts")
        )
        return {"command": True} if message is None else {"message": message}

    async def open_dm(self, act: Act) -> JSON:
        channel = self._core.people.open_dm(act.user_id, act.text("user"))
        return {"conversation": self._core.membership.seen_by(channel, act.user_id)}

    async def join(self, act: Act) -> JSON:
        channel = self._core.people.join(act.user_id, act.text("channel"))
        return {"conversation": self._core.membership.seen_by(channel, act.user_id)}

    async def mark(self, act: Act) -> JSON:
        self._core.people.mark(act.user_id, act.text("channel"), act.text("ts"))
        return {}

    async def action(self, act: Act) -> JSON:
        state = act.body.get("state")
        await self._core.interactions.act(
            act.user_id,
            act.mapping("container"),
            act.text("block_id"),
            act.mapping("action"),
            state if isinstance(state, dict) else None,
        )
        return {}

    async def options(self, act: Act) -> JSON:
        answer = await self._core.interactions.suggest(
            act.user_id,
            act.mapping("container"),
            act.text("block_id"),
            act.text("action_id"),
            act.optional("value") or "",
        )
        return {name: answer[name] for name in ("options", "option_groups") if name in answer}

    async def view_submit(self, act: Act) -> JSON:
        return await self._core.interactions.submit(act.user_id, act.text("view_id"), act.mapping("state"))

    async def view_close(self, act: Act) -> JSON:
        await self._core.interactions.close(act.user_id, act.text("view_id"), clear=bool(act.body.get("clear")))
        return {}

    async def home(self, act: Act) -> JSON:
        app = self._core.state.apps_by_id.get(act.text("app_id"))
        if app is None or not app.definition.has_home:
            raise SlackError("app_not_found", message="That app has no Home tab.")
        return {"view": self._core.interactions.open_home(act.user_id, app)}

    async def shortcut(self, act: Act) -> JSON:
        channel_id = act.optional("channel")
        channel = self._core.people.channel(act.user_id, channel_id) if channel_id else None
        await self._core.interactions.shortcut(act.user_id, act.text("callback_id"), channel, act.optional("ts"))
        return {}

    async def upload(self, act: Act) -> JSON:
        try:
            content = base64.b64decode(act.text("content_base64"), validate=True)
        except binascii.Error as malformed:
            raise SlackError("invalid_arguments", message="The file could not be read.") from malformed
        return {"file": self._core.people.upload(act.user_id, act.text("filename"), content)}

    async def react(self, act: Act) -> JSON:
        channel = self._core.people.channel(act.user_id, act.text("channel"))
        name = act.text("name").strip(":")
        remove = bool(act.body.get("remove"))
        self._core.messages.react(channel, act.text("ts"), act.user_id, name, remove=remove)
        return {}

    # The sandbox itself

    async def faults(self, _act: Act) -> JSON:
        return {"faults": self._core.faults.as_json()}

    async def set_faults(self, act: Act) -> JSON:
        try:
            self._core.faults.apply(act.body)
        except (TypeError, ValueError) as malformed:
            raise SlackError("invalid_fault", message=f"That is not a fault: {malformed}.") from malformed
        return {"faults": self._core.faults.as_json()}

    async def scenario(self, act: Act) -> JSON:
        if self._core.scenarios is None:
            raise SlackError("scenario_not_found", message="This workspace has no scenarios.")
        try:
            return {"title": await self._core.scenarios.start(act.text("name"), act.user_id)}
        except KeyError as unknown:
            raise SlackError("scenario_not_found", message="There is no such scenario.") from unknown


async def _body(request: web.Request) -> dict[str, Any]:
    if request.method == "GET":
        return dict(request.query)
    # A form can be posted across sites without asking; JSON cannot.
    if request.content_type != "application/json":
        raise SlackError("invalid_arguments", message="Send JSON.")
    try:
        body = await request.json()
    except ValueError as malformed:
        raise SlackError("invalid_json", message="The body is not JSON.") from malformed
    if not isinstance(body, dict):
        raise SlackError("invalid_json", message="The body must be an object.")
    return body
