"""/oncall investigate."""

from handlers.slack.command import Call, Subcommand


async def run(call: Call) -> None:
    person = await call.person()
    incident = await call.wiring.services.investigation.start(call.text, person, call.channel, call.message)
    screens = call.wiring.screens
    about = screens.escape(incident.title)
    await call.reply.say(screens.notice(f"🔎 Looking at *{about}* as `{incident.id}`. The thread shows what I find."))


COMMAND = Subcommand(
    "investigate", "investigate <kind/name or what you see>", "look at a workload or at what you describe", run
)
