"""The slash command /oncall: acknowledge, then run the subcommand."""

from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp

from handlers.slack import commands
from handlers.slack.command import Call
from handlers.slack.replies import Reply
from handlers.slack.wiring import Wiring

NAME = "/oncall"


def register(app: AsyncApp, wiring: Wiring) -> None:
    known = commands.load()

    @app.command(NAME)
    async def on_command(ack: AsyncAck, body: dict[str, Any]) -> None:
        await ack()
        channel = str(body["channel_id"])
        reply = Reply(wiring.client, str(body["user_id"]), channel, response_url=body.get("response_url"))
        call = Call(wiring, reply, str(body.get("text") or ""), known, channel)
        wiring.launch(commands.run(call), reply, name=f"command {call.text.partition(' ')[0] or 'help'}")
