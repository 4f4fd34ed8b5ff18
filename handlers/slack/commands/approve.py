"""/oncall approve."""

from bot.errors import InvalidInput
from handlers.slack.command import Call, Subcommand


async def run(call: Call) -> None:
    words = call.text.split()
    if len(words) != 1:
        raise InvalidInput("Say which proposal to approve.", next_step="For example: /oncall approve P-4TX9KQ")
    proposal = await call.wiring.services.approvals.approve(words[0], await call.person())
    await call.reply.say(call.wiring.screens.notice(f"✅ Approved `{proposal.id}`. Its message shows how it goes."))


COMMAND = Subcommand("approve", "approve <proposal id>", "approve a proposal", run, decides=True)
