"""/oncall reject."""

from bot.errors import InvalidInput
from handlers.slack.command import Call, Subcommand

NO_REASON = "No reason given."


async def run(call: Call) -> None:
    proposal_id, _, reason = call.text.strip().partition(" ")
    if not proposal_id:
        raise InvalidInput("Say which proposal to reject.", next_step="For example: /oncall reject P-4TX9KQ too risky")
    person = await call.person()
    proposal = await call.wiring.services.approvals.reject(proposal_id, person, reason.strip() or NO_REASON)
    await call.reply.say(call.wiring.screens.notice(f"🚫 Rejected `{proposal.id}`. Nothing was done."))


COMMAND = Subcommand("reject", "reject <proposal id> [reason]", "reject a proposal", run, decides=True)
