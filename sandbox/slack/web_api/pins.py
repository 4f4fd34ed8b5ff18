"""pins.*: messages a channel keeps at hand."""

import time

from sandbox.slack.errors import SlackError
from sandbox.slack.state import JSON, Channel
from sandbox.slack.web_api.method import Call, Method, Methods

MAX_PINS = 100


async def add(call: Call) -> JSON:
    channel, ts = _target(call)
    message = channel.message(ts)
    if any(pin["message"]["ts"] == ts for pin in channel.pins):
        raise SlackError("already_pinned")
    if len(channel.pins) >= MAX_PINS:
        raise SlackError("too_many_pins")
    pin = {
        "type": "message",
        "channel": channel.id,
        "created": int(time.time()),
        "created_by": call.app.bot_user_id,
        "message": message,
    }
    channel.pins.insert(0, pin)
    call.core.deliveries.pin(channel, call.app.bot_user_id, pin, added=True)
    return {}


async def listing(call: Call) -> JSON:
    channel = call.channel()
    current = channel.messages
    return {"items": [{**pin, "message": current.get(pin["message"]["ts"], pin["message"])} for pin in channel.pins]}


async def remove(call: Call) -> JSON:
    channel, ts = _target(call)
    pin = next((p for p in channel.pins if p["message"]["ts"] == ts), None)
    if pin is None:
        raise SlackError("no_pin")
    channel.pins.remove(pin)
    call.core.deliveries.pin(channel, call.app.bot_user_id, pin, added=False)
    return {}


def _target(call: Call) -> tuple[Channel, str]:
    channel = call.channel()
    if not call.is_member(channel):
        raise SlackError("not_in_channel")
    return channel, call.arguments.required("timestamp")[0]


METHODS: Methods = {
    "pins.add": Method(add, ("pins:write",)),
    "pins.list": Method(listing, ("pins:read",)),
    "pins.remove": Method(remove, ("pins:write",)),
}
