"""A person in the workspace, driven from Python: for tests and for the demo without a browser."""

from collections.abc import Iterator
from typing import Any

from sandbox.slack.core import Core
from sandbox.slack.errors import SlackError
from sandbox.slack.seed import Person
from sandbox.slack.state import JSON


class Driver:
    """Acts as one person. Channels may be given by id or by name; refusals are raised as SlackError."""

    def __init__(self, core: Core, person: Person) -> None:
        self._core = core
        self.person = person

    @property
    def id(self) -> str:
        return self.person.id

    async def send(self, channel: str, text: str, thread_ts: str | None = None) -> JSON | None:
        """Type a message and return it; a slash command returns None once acknowledged."""
        return await self._core.people.send(self.id, self._channel_id(channel), text, thread_ts)

    async def command(self, line: str, channel: str = "incidents") -> None:
        """Run a slash command such as "/oncall status" and wait for its acknowledgement."""
        channel_id = self._channel_id(channel)
        await self._core.interactions.command(self.id, self._core.people.channel(self.id, channel_id), line)

    async def click(
        self, channel: str, ts: str, button: str, value: str | None = None, state: JSON | None = None
    ) -> None:
        """Use a button or menu of a message, found by its action_id or its label; `value` picks an option.

        `state` is what the message's other inputs hold, {block_id: {action_id: value}} as Slack sends it.
        Wait for the acknowledgement. Raise LookupError when the message has no such element.
        """
        channel_id = self._channel_id(channel)
        message = self._message(channel_id, ts)
        block_id, element = _find(message, button)
        container: JSON = {"type": "message", "channel": channel_id, "ts": ts}
        if message.get("is_ephemeral"):
            container["is_ephemeral"] = True
        action = _action(element, value)
        values = {**(state or {})}
        if element["type"] != "button":
            chosen = {name: part for name, part in action.items() if name != "action_id"}
            values[block_id] = {**values.get(block_id, {}), action["action_id"]: chosen}
        await self._core.interactions.act(self.id, container, block_id, action, values)

    async def click_in_view(self, view_id: str, button: str, value: str | None = None) -> None:
        """Use a button or menu of a modal or of the Home tab."""
        block_id, element = _find(self._view(view_id), button)
        container = {"type": "view", "view_id": view_id}
        await self._core.interactions.act(self.id, container, block_id, _action(element, value), None)

    async def submit_view(self, view_id: str, state: JSON) -> JSON:
        """Submit a modal. `state` is {block_id: {action_id: value}}; plain strings stand for typed text.

        Return `{"errors": ...}` when the app refused it, else `{"closed": bool, "view"?: ...}`.
        """
        return await self._core.interactions.submit(self.id, view_id, _typed(self._view(view_id), state))

    async def close_view(self, view_id: str, *, clear: bool = False) -> None:
        await self._core.interactions.close(self.id, view_id, clear=clear)

    async def shortcut(self, callback_id: str, channel: str | None = None, ts: str | None = None) -> None:
        """Use a global shortcut, or a message's when `channel` and `ts` are given."""
        place = self._core.state.channel(self._channel_id(channel)) if channel else None
        await self._core.interactions.shortcut(self.id, callback_id, place, ts)

    async def react(self, channel: str, ts: str, name: str, *, remove: bool = False) -> None:
        place = self._core.people.channel(self.id, self._channel_id(channel))
        self._core.messages.react(place, ts, self.id, name, remove=remove)

    async def open_home(self, app: str = "oncall") -> JSON | None:
        """Open an app's Home tab and return what it had published before."""
        return self._core.interactions.open_home(self.id, self._core.state.apps[app])

    def home(self, app: str = "oncall") -> JSON | None:
        """Return what the app's Home tab shows this person now."""
        return self._core.state.homes.get((self._core.state.apps[app].app_id, self.id))

    def messages(self, channel: str) -> list[JSON]:
        """Return what the channel shows this person, oldest first, ephemeral messages included."""
        return self._core.people.timeline(self.id, self._channel_id(channel), limit=1_000_000)[0]

    def replies(self, channel: str, ts: str) -> list[JSON]:
        """Return a thread, the parent first."""
        return self._core.people.thread(self.id, self._channel_id(channel), ts)

    def views(self) -> list[JSON]:
        """Return the modals open in front of this person, the topmost last."""
        return [self._core.state.views[view_id] for view_id in self._core.views.stack(self.id)]

    def unread(self, channel: str) -> int:
        return self._core.unread.of(self.id, self._channel_id(channel)).unread

    def dm(self, user_id: str) -> str:
        """Return the id of the direct message with somebody, opening it."""
        return self._core.people.open_dm(self.id, user_id).id

    def _view(self, view_id: str) -> JSON:
        if (view := self._core.state.views.get(view_id)) is None:
            raise SlackError("view_not_found")
        return view

    def _channel_id(self, channel: str) -> str:
        named = None if channel in self._core.state.channels else self._core.state.channel_named(channel)
        return named.id if named else channel

    def _message(self, channel_id: str, ts: str) -> JSON:
        channel = self._core.state.channel(channel_id)
        for message in channel.ephemerals.get(self.id, ()):
            if message["ts"] == ts:
                return message
        return channel.message(ts)


def _find(holder: JSON, wanted: str) -> tuple[str, JSON]:
    """Return the block_id and the element with this action_id or label."""
    for block_id, element in _elements(holder.get("blocks", ())):
        if wanted in (element.get("action_id"), (element.get("text") or {}).get("text")):
            return block_id, element
    for attachment in holder.get("attachments", ()):
        for block_id, element in _elements(attachment.get("blocks", ())):
            if wanted in (element.get("action_id"), (element.get("text") or {}).get("text")):
                return block_id, element
    raise LookupError(f"no button or menu {wanted!r} here")


def _elements(blocks: Any) -> Iterator[tuple[str, JSON]]:
    for block in blocks:
        single = [block[place] for place in ("accessory", "element") if isinstance(block.get(place), dict)]
        several = block.get("elements", ()) if block["type"] in {"actions", "context_actions"} else ()
        for element in (*single, *several, *block.get("actions", ())):
            yield block["block_id"], element
        if block["type"] in {"carousel", "container"}:
            yield from _elements(block.get("elements") or block.get("child_blocks") or ())


def _action(element: JSON, value: str | None) -> JSON:
    kind = element["type"]
    action: JSON = {"type": kind, "action_id": element["action_id"]}
    if kind == "button":
        action["text"] = element["text"]
        if (given := value if value is not None else element.get("value")) is not None:
            action["value"] = given
        return action
    if kind == "feedback_buttons":
        chosen = element["negative_button" if value == element["negative_button"]["value"] else "positive_button"]
        return {**action, "text": chosen["text"], "value": chosen["value"]}
    if kind.endswith("_select") and kind not in {"static_select", "external_select"}:
        return {**action, f"selected_{kind.removesuffix('s_select')}": value}
    if kind in {"datepicker", "timepicker"}:
        return {**action, f"selected_{kind.removesuffix('picker')}": value}
    return {**action, "selected_option": _option(element, value)}


def _option(element: JSON, value: str | None) -> JSON:
    options = [*element.get("options", ()), *(o for g in element.get("option_groups", ()) for o in g["options"])]
    for option in options:
        if value in (option["value"], option["text"]["text"]):
            return dict(option)
    raise LookupError(f"no option {value!r} here")


def _typed(view: JSON, state: JSON) -> JSON:
    """Expand plain strings to the values of the inputs they are typed into."""
    elements = dict(_elements(view["blocks"]))
    values: JSON = {}
    for block_id, actions in state.items():
        given = actions if isinstance(actions, dict) else {elements[block_id]["action_id"]: actions}
        values[block_id] = {
            action_id: _value(elements[block_id], value) if isinstance(value, str) else value
            for action_id, value in given.items()
        }
    return values


def _value(element: JSON, value: str) -> JSON:
    if "input" in element["type"]:
        return {"type": element["type"], "value": value}
    return {name: part for name, part in _action(element, value).items() if name != "action_id"}
