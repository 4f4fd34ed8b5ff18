"""Shortcuts: investigate this message, and investigate anything."""

from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp

from bot.domain.alert import MessageRef
from bot.domain.interaction import CallbackId
from bot.errors import InvalidInput
from handlers.slack.mentions import read_words
from handlers.slack.pagerduty_message import strings
from handlers.slack.replies import Reply
from handlers.slack.wiring import Wiring

JSON = dict[str, Any]
LONGEST = 1000


async def investigate_message(wiring: Wiring, reply: Reply, body: JSON) -> None:
    """Investigate what a message says; apps often say it in blocks or attachments only."""
    message = body["message"]
    words = read_words(next((text for text in strings(message) if text.strip()), ""))
    if not words:
        raise InvalidInput("That message has no text.", next_step="Type /oncall investigate and what you see.")
    thread_ts = message.get("thread_ts")
    place = MessageRef(
        channel=str(reply.channel), ts=str(message["ts"]), thread_ts=str(thread_ts) if thread_ts else None
    )
    person = await wiring.services.people.person(reply.user_id)
    incident = await wiring.services.investigation.start(words[:LONGEST], person, reply.channel, place)
    await reply.say(wiring.screens.notice(f"🔎 Looking at it as `{incident.id}`. The thread shows what I find."))


async def open_investigate(wiring: Wiring, trigger_id: str) -> None:
    await wiring.client.views_open(trigger_id=trigger_id, view=wiring.screens.investigate())


def register(app: AsyncApp, wiring: Wiring) -> None:
    @app.message_shortcut(CallbackId.INVESTIGATE_MESSAGE.value)
    async def on_message_shortcut(ack: AsyncAck, body: JSON) -> None:
        await ack()
        message = body["message"]
        thread_ts = str(message.get("thread_ts") or message["ts"])
        reply = Reply(wiring.client, str(body["user"]["id"]), str(body["channel"]["id"]), thread_ts)
        wiring.launch(investigate_message(wiring, reply, body), reply, name=CallbackId.INVESTIGATE_MESSAGE.value)

    @app.global_shortcut(CallbackId.INVESTIGATE.value)
    async def on_global_shortcut(ack: AsyncAck, body: JSON) -> None:
        await ack()
        reply = Reply(wiring.client, str(body["user"]["id"]))
        wiring.launch(open_investigate(wiring, str(body["trigger_id"])), reply, name=CallbackId.INVESTIGATE.value)
