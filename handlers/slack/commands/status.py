"""/oncall status."""

from handlers.slack.command import Call, Subcommand


async def run(call: Call) -> None:
    await call.reply.say(call.wiring.screens.status(await call.wiring.services.status.report()))


COMMAND = Subcommand("status", "status", "what works and what does not", run)
