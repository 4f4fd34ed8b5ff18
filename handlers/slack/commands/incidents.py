"""/oncall incidents."""

from handlers.slack.command import Call, Subcommand


async def run(call: Call) -> None:
    incidents = await call.wiring.services.incidents.open()
    await call.reply.say(await call.wiring.screens.incidents(incidents))


COMMAND = Subcommand("incidents", "incidents", "the open incidents", run)
