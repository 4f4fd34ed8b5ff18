"""A proposal, from the offer to its outcome."""

from bot.domain.action import Proposal, ProposalState
from bot.domain.incident import Incident
from bot.domain.interaction import ActionId
from bot.domain.policy import approvals_needed, confirmation_of
from integrations.slack.blocks import elements as e
from integrations.slack.blocks import text as t
from integrations.slack.blocks import wording as w

DIFF_LINES = 14
DIFF_CHARACTERS = 1200
COMMAND_CHARACTERS = 1500
MOST_CHECKS = 8
MOST_WARNINGS = 5


def proposal(incident: Incident, offer: Proposal, step: str = "") -> e.JSON:
    """Return the message of a proposal in its present state; `step` is what an execution is doing right now."""
    match offer.state:
        case ProposalState.PENDING | ProposalState.COMMAND_ONLY:
            return _offered(offer)
        case ProposalState.APPROVED | ProposalState.EXECUTING:
            return _running(offer, step)
        case ProposalState.SUCCEEDED | ProposalState.FAILED:
            return _finished(offer)
    return _closed(incident, offer)


def _offered(offer: Proposal) -> e.JSON:
    command_only = offer.state is ProposalState.COMMAND_ONLY
    name = "Recommended" if offer.rank == 0 and not offer.undo_of else "Alternative"
    kind = "Undo" if offer.undo_of else name
    reason = t.inline(offer.request.reason, 600) if offer.request.reason else ""
    blocks = [e.section(f"🛠️ *{kind}: {t.inline(w.do(offer.request), 500)}*" + (f"\n{reason}" if reason else ""))]
    blocks.append(e.rich_text(*what_it_does(offer)))
    blocks.append(e.fields([("Risk", w.RISK[offer.preview.risk]), ("Affects", _affects(offer))]))
    blocks += _warnings(offer)
    details = e.button("Details", ActionId.PROPOSAL_DETAILS, offer.id, label=f"Details of proposal {offer.id}")
    if command_only:
        blocks.append(
            e.context("🔒 Executing is switched off on this bot. Run the command yourself if you agree with it.")
        )
        buttons = [details]
    else:
        blocks.append(e.context(f"{t.code(offer.id)} · {waits_for(offer)}"))
        buttons = [approve_button(offer), e.button("Reject", ActionId.REJECT, offer.id), details]
    blocks.append(e.actions(buttons, block_id(offer)))
    ask = "Run the command yourself if you agree." if command_only else f"Approve or reject {t.inline(offer.id)}."
    return e.message(f"Proposal: {t.inline(w.title(offer))}. {ask}", blocks)


def what_it_does(offer: Proposal) -> list[e.JSON]:
    """Return the command and the shortened diff as parts of a rich text block."""
    parts = [e.preformatted(offer.preview.command, COMMAND_CHARACTERS)]
    if offer.preview.diff.strip():
        shown, left_out = t.shorten_lines(offer.preview.diff, DIFF_LINES, DIFF_CHARACTERS)
        note = f"\n… ({t.count(left_out, 'more line')} under Details)" if left_out else ""
        parts += [e.paragraph(e.run("What changes, by the server's dry run")), e.preformatted(shown + note)]
    return parts


def waits_for(offer: Proposal) -> str:
    """Return whose decision a pending proposal waits for, who has approved it already, and until when."""
    needed, until = approvals_needed(offer.preview.risk), t.moment(offer.expires_at)
    if needed == 1:
        return f"waits for an approver until {until}"
    if not offer.approvals:
        return f"needs {needed} approvals by different people until {until}"
    return f"{w.approvals(offer)}: {_approvers(offer)}; a second approver has to confirm until {until}"


def _approvers(offer: Proposal) -> str:
    """Return everybody who approved; a decision from before approvals were kept has its last one only."""
    return " and ".join(t.mention(approval.by) for approval in offer.approvals) or t.mention(offer.decided_by)


def _affects(offer: Proposal) -> str:
    return (
        t.inline(offer.preview.blast_radius, 500) if offer.preview.blast_radius else t.code(str(offer.request.target))
    )


def _warnings(offer: Proposal) -> list[e.JSON]:
    warnings = [f"⚠️ {t.inline(text, 300)}" for text in offer.preview.warnings[:MOST_WARNINGS]]
    if left_out := len(offer.preview.warnings) - len(warnings):
        warnings.append(f"… and {t.count(left_out, 'more warning')} under Details")
    return [e.section("\n".join(warnings))] if warnings else []


def block_id(offer: Proposal) -> str:
    """Return the id of the row of buttons; it changes with the state, so that no click meets a stale row."""
    given = f":{len(offer.approvals)}" if offer.state is ProposalState.PENDING and offer.approvals else ""
    return f"proposal:{offer.id}:{offer.state}{given}"


def approve_button(offer: Proposal, *, primary: bool = True) -> e.JSON:
    """Return the Approve button with a dialog that states the effect.

    Where the click opens a modal that asks for the target's name, that modal states it instead.
    """
    radius = " ".join(offer.preview.blast_radius.split()) or str(offer.request.target)
    undo = "It can be undone." if offer.preview.reversible else "It cannot be undone."
    effect = f"This runs now, in your name: {w.title(offer)[:120]}. Affects {radius[:90]}. {undo}"
    dialog = None
    if confirmation_of(offer) is None:
        dialog = e.confirm(f"{w.title(offer)}?"[:100], effect, w.verb(offer.request), style="primary")
    return e.button(
        "Approve",
        ActionId.APPROVE,
        offer.id,
        style="primary" if primary else None,
        confirm=dialog,
        label=f"Approve {w.do(offer.request)}",
    )


def _running(offer: Proposal, step: str) -> e.JSON:
    doing = t.inline(step, 400) if step else "starting"
    who = _approvers(offer)
    when = f" {t.moment(offer.decided_at)}" if offer.decided_at is not None else ""
    blocks = [
        e.section(f"⏳ *{t.inline(w.title(offer), 500)}*\nRunning now: {doing}"),
        _command(offer),
        e.context(f"{t.code(offer.id)} · approved by {who}{when}"),
    ]
    return e.message(f"{t.inline(w.title(offer))}: approved, {doing}.", blocks)


def _finished(offer: Proposal) -> e.JSON:
    worked = offer.state is ProposalState.SUCCEEDED
    icon, word = ("✅", "done, and it worked") if worked else ("❌", "did not work")
    if worked and offer.verification is None:
        word = "done"
    if worked and offer.applied is not None and offer.applied.already_done:
        word = "nothing to do, it was so already"
    happened = _happened(offer)
    blocks = [e.section(f"{icon} *{t.inline(w.title(offer), 500)}: {word}*" + (f"\n{happened}" if happened else ""))]
    blocks += _verification(offer)
    blocks.append(e.context(_who_and_when(offer)))
    details = e.button("Details", ActionId.PROPOSAL_DETAILS, offer.id, label=f"Details of proposal {offer.id}")
    buttons = [details]
    if offer.applied is not None and offer.applied.undo is not None and offer.undone_by is None:
        label = f"Propose to undo {w.do(offer.request)}"
        buttons.insert(0, e.button("Undo", ActionId.UNDO, offer.id, label=label))
    blocks.append(e.actions(buttons, f"{block_id(offer)}:{'undone' if offer.undone_by else ''}"))
    return e.message(f"{t.inline(w.title(offer))}: {word}. {happened}", blocks)


def _happened(offer: Proposal) -> str:
    if offer.error:
        return t.inline(offer.error, 1200)
    return t.inline(offer.applied.summary, 800) if offer.applied is not None else ""


def _verification(offer: Proposal) -> list[e.JSON]:
    seen = offer.verification
    if seen is None:
        return []
    blocks = [e.section(f"*Checked for {t.duration(seen.duration_ms)}:* {t.inline(seen.summary, 500)}")]
    # What passed is one quiet line; what failed is what a person has to read.
    failed = [c for c in seen.checks if not c.passed]
    if failed:
        lines = [f"❌ {t.inline(c.name, 80)} (failed): {t.inline(c.detail, 200)}" for c in failed[:MOST_CHECKS]]
        if left_out := len(failed) - len(lines):
            lines.append(f"… and {t.count(left_out, 'more check')} under Details")
        blocks.append(e.section("\n".join(lines)))
    passed = [t.inline(c.detail or c.name, 80) for c in seen.checks if c.passed]
    if passed:
        blocks.append(e.context("✅ Passed: " + " · ".join(passed[:MOST_CHECKS])))
    return blocks


def _who_and_when(offer: Proposal) -> str:
    parts = [t.code(offer.id), f"approved by {_approvers(offer)}"]
    if offer.finished_at is not None:
        parts.append(f"finished {t.moment(offer.finished_at)}")
        if offer.decided_at is not None:
            took = (offer.finished_at - offer.decided_at).total_seconds() * 1000
            parts.append(f"took {t.duration(took)}")
    if offer.undone_by is not None:
        parts.append(f"↩️ undone by {t.code(offer.undone_by)}")
    return " · ".join(parts)


def _closed(incident: Incident, offer: Proposal) -> e.JSON:
    name = t.inline(w.title(offer), 500)
    again: list[e.JSON] = []
    when = f" {t.moment(offer.decided_at)}" if offer.decided_at is not None else ""
    if offer.state is ProposalState.REJECTED:
        outcome = f"🚫 *{name}: rejected* by {t.mention(offer.decided_by)}{when}"
        if offer.reason:
            outcome += f"\n> {t.inline(offer.reason, 800)}"
        fallback = f"{t.inline(w.title(offer))}: rejected."
    elif offer.state is ProposalState.EXPIRED:
        undecided = f"It had {w.approvals(offer)}" if offer.approvals else "Nobody decided"
        outcome = f"⌛ *{name}: expired* {t.moment(offer.expires_at)}. {undecided}, nothing was done."
        fallback = f"{t.inline(w.title(offer))}: expired, nothing was done."
        button = e.button("Investigate again", ActionId.INVESTIGATE_AGAIN, incident.id)
        again = [e.actions([button], block_id(offer))]
    else:
        outcome = f"↪️ *{name}: superseded* by something newer. Nothing was done."
        fallback = f"{t.inline(w.title(offer))}: superseded, nothing was done."
    return e.message(fallback, [e.section(outcome), e.context(t.code(offer.id)), *again])


def _command(offer: Proposal) -> e.JSON:
    return e.rich_text(e.preformatted(offer.preview.command, COMMAND_CHARACTERS))
