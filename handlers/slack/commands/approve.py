"""/oncall approve."""

from bot.domain.action import ProposalState
from bot.errors import ConfirmationNeeded, InvalidInput
from handlers.slack.command import Call, Subcommand


async def run(call: Call) -> None:
    proposal_id, *rest = call.text.split(maxsplit=1) or [""]
    if not proposal_id:
        raise InvalidInput("Say which proposal to approve.", next_step="For example: /oncall approve P-4TX9KQ")
    typed = rest[0] if rest else None
    try:
        proposal = await call.wiring.services.approvals.approve(proposal_id, await call.person(), typed)
    except ConfirmationNeeded as error:
        raise ConfirmationNeeded(
            error.message, next_step=f"Write /oncall approve {proposal_id.upper()} <name>"
        ) from error
    if proposal.state is ProposalState.PENDING:
        text = f"☑️ Your approval of `{proposal.id}` counts. Nothing is done until a second approver confirms it too."
    else:
        text = f"✅ Approved `{proposal.id}`. Its message shows how it goes."
    await call.reply.say(call.wiring.screens.notice(text))


COMMAND = Subcommand(
    "approve",
    "approve <proposal id> [name]",
    "approve a proposal; a destructive one with its target's name",
    run,
    decides=True,
)
