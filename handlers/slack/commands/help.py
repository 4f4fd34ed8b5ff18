"""/oncall help."""

from handlers.slack.command import Call, Subcommand


async def run(call: Call) -> None:
    await call.reply.say(call.explain())


COMMAND = Subcommand("help", "help", "this list", run)
