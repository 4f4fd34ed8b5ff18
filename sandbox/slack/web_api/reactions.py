"""reactions.*: emoji under messages."""

import re

from sandbox.slack.errors import SlackError
from sandbox.slack.state import JSON, Channel
from sandbox.slack.web_api.method import Call, Method, Methods

_NAME = re.compile(r"[a-z0-9_+\-']+(::skin-tone-[2-6])?")


async def add(call: Call) -> JSON:
    return _react(call, remove=False)


async def remove(call: Call) -> JSON:
    return _react(call, remove=True)


async def show(call: Call) -> JSON:
    channel = call.channel()
    message = channel.message(call.arguments.required("timestamp")[0])
    return {"type": "message", "channel": channel.id, "message": message}


def _react(call: Call, *, remove: bool) -> JSON:
    channel = _writable(call)
    name = call.arguments.required("name")[0].strip(":")
    if not _NAME.fullmatch(name):
        raise SlackError("invalid_name")
    (ts,) = call.arguments.required("timestamp")
    call.core.messages.react(channel, ts, call.app.bot_user_id, name, remove=remove)
    return {}


def _writable(call: Call) -> Channel:
    channel = call.channel()
    if channel.is_archived:
        raise SlackError("is_archived")
    if not call.is_member(channel):
        raise SlackError("not_in_channel")
    return channel


METHODS: Methods = {
    "reactions.add": Method(add, ("reactions:write",)),
    "reactions.remove": Method(remove, ("reactions:write",)),
    "reactions.get": Method(show, ("reactions:read",)),
}
