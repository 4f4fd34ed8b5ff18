"""What a person typed, turned into what Slack stores: escaped text with mentions, and a rich_text block."""

import html
import re
from collections.abc import Iterator
from typing import Any

from sandbox.slack import ids
from sandbox.slack.state import JSON, State

_TOKEN = re.compile(r"<([@#!][^<>\s]+|https?://[^<>\s]+)>")
_USER = re.compile(r"<@([A-Z0-9]+)>")
_URL = re.compile(r"https?://[^\s<>|]+[^\s<>|.,;:!?)\]'\"]")
_INLINE = re.compile(
    r"<(?P<token>[@#!][^<>\s]+|https?://[^<>\s]+)>"
    r"|`(?P<code>[^`\n]+)`|\*(?P<bold>[^*\n]+)\*|(?<!\w)_(?P<italic>[^_\n]+)_(?!\w)|:(?P<emoji>[a-z0-9_+\-]+):"
)


def compose(state: State, typed: str) -> str:
    """Escape text and resolve @names, @groups, #channels and bare links, as Slack's own clients do before sending.

    Tokens that are already in Slack's form (<@U...>) stay as they are.
    """
    parts, end = [], 0
    for match in _TOKEN.finditer(typed):
        parts += [_resolve(state, typed[end : match.start()]), match.group(0)]
        end = match.end()
    return "".join([*parts, _resolve(state, typed[end:])])


def escape_command(state: State, typed: str) -> str:
    """Resolve names in a slash command's text; there, Slack adds the person's name to the mention."""
    text = compose(state, typed)
    return _USER.sub(
        lambda m: f"<@{m.group(1)}|{state.users[m.group(1)]['name']}>" if m.group(1) in state.users else m[0], text
    )


def rich_text(text: str) -> list[JSON]:
    """Return the rich_text block Slack stores beside what a person sent."""
    elements = list(_elements(text))
    section = {"type": "rich_text_section", "elements": elements}
    return [{"type": "rich_text", "block_id": ids.new_block_id(), "elements": [section]}]


def _resolve(state: State, plain: str) -> str:
    text = html.escape(plain, quote=False)
    text = _URL.sub(lambda m: f"<{m.group(0)}>", text)
    if "@" in text:
        for name, token in _mentions(state):
            text = re.sub(rf"(?<![\w<@])@{re.escape(name)}(?!\w)", token, text, flags=re.IGNORECASE)
    if "#" in text:
        for channel in state.channels.values():
            if channel.name:
                token = f"<#{channel.id}|{channel.name}>"
                text = re.sub(rf"(?<![\w<#&])#{re.escape(channel.name)}(?![\w-])", token, text)
    return text


def _mentions(state: State) -> list[tuple[str, str]]:
    """Return every name somebody can be called by with its token, longest first."""
    names = [("here", "<!here>"), ("channel", "<!channel>"), ("everyone", "<!everyone>")]
    for user in state.users.values():
        known = {user["real_name"], user["name"], user["profile"]["display_name"]}
        names += [(name, f"<@{user['id']}>") for name in known if name]
    names += [(group.handle, f"<!subteam^{group.id}>") for group in state.groups.values()]
    return sorted(names, key=lambda pair: -len(pair[0]))


def _elements(text: str) -> Iterator[JSON]:
    end = 0
    for match in _INLINE.finditer(text):
        if match.start() > end:
            yield {"type": "text", "text": html.unescape(text[end : match.start()])}
        yield _element(match)
        end = match.end()
    if end < len(text) or not text:
        yield {"type": "text", "text": html.unescape(text[end:])}


def _element(match: "re.Match[str]") -> dict[str, Any]:
    kind, value = match.lastgroup, match.group(match.lastgroup or 0)
    if kind == "emoji":
        return {"type": "emoji", "name": value}
    if kind in {"code", "bold", "italic"}:
        return {"type": "text", "text": html.unescape(value), "style": {kind: True}}
    target, _, label = value.partition("|")
    if target.startswith("@"):
        return {"type": "user", "user_id": target[1:]}
    if target.startswith("#"):
        return {"type": "channel", "channel_id": target[1:]}
    if target.startswith("!subteam^"):
        return {"type": "usergroup", "usergroup_id": target.removeprefix("!subteam^")}
    if target.startswith("!"):
        return {"type": "broadcast", "range": target[1:]}
    link = {"type": "link", "url": html.unescape(target)}
    return {**link, "text": html.unescape(label)} if label else link
