"""Mentions of the bot and direct messages to it: the words of the slash command, or free text to investigate."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from slack_bolt.async_app import AsyncApp

from bot.domain.alert import MessageRef
from bot.errors import InvalidInput
from handlers.slack import commands
from handlers.slack.command import Call, Subcommand
from handlers.slack.replies import Reply, guarded
from handlers.slack.wiring import Wiring

JSON = dict[str, Any]

_MENTION = re.compile(r"<@[A-Z0-9]+(?:\|[^>]*)?>")
_LINK = re.compile(r"<([^|>]*)(?:\|([^>]*))?>")


def read_words(text: str) -> str:
    """Return what a person typed after mentioning the bot, without Slack's markup."""
    words = _LINK.sub(lambda m: m.group(2) or m.group(1), _MENTION.sub(" ", text, count=1))
    return " ".join(words.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&").split())


async def answer(wiring: Wiring, known: Mapping[str, Subcommand], event: JSON) -> None:
    """Do what a message to the bot asks for. What goes wrong is said to its author; nothing is raised."""
    channel, ts = str(event["channel"]), str(event["ts"])
    thread_ts = event.get("thread_ts")
    message = MessageRef(channel=channel, ts=ts, thread_ts=str(thread_ts) if thread_ts else None)
    reply = Reply(wiring.client, str(event["user"]), channel, str(thread_ts) if thread_ts else None)
    call = Call(wiring, reply, read_words(str(event.get("text") or "")), known, channel, message)
    await guarded(_understand(call), reply, wiring.screens, name="mention")


async def _understand(call: Call) -> None:
    name, _, rest = call.text.partition(" ")
    command = call.commands.get(name.lower() or "help")
    if command is None or (rest and command.name in {"help", "status", "incidents"}):
        # "status of the checkout?" is a question about the checkout, not about this bot.
        command, rest = call.commands["investigate"], call.text
    if command.decides:
        raise InvalidInput(
            f"I take decisions from buttons and from {call.prefix} only.",
            next_step=f"Type {call.prefix} {command.usage}.",
        )
    await command.run(replace(call, text=rest))


def register(app: AsyncApp, wiring: Wiring) -> None:
    known = commands.load()

    @app.event("app_mention")
    async def on_mention(event: JSON, body: JSON) -> None:
        # Two bots that answer each other never stop.
        if event.get("bot_id") or not event.get("user") or event.get("edited"):
            return
        await wiring.deliveries.once(str(body.get("event_id")), lambda: answer(wiring, known, event))
