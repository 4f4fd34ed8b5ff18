"""Modal views: all of the evidence, a proposal in full, what confirms or rejects it, and what to investigate."""

import json
from collections.abc import Sequence
from typing import Any

from bot.domain.action import Proposal
from bot.domain.evidence import Evidence
from bot.domain.incident import Incident
from bot.domain.interaction import (
    CONFIRM_BLOCK,
    CONFIRM_INPUT,
    REASON_BLOCK,
    REASON_INPUT,
    SUBJECT_BLOCK,
    SUBJECT_INPUT,
    ActionId,
    CallbackId,
)
from bot.domain.policy import approvals_needed
from integrations.slack.blocks import elements as e
from integrations.slack.blocks import text as t
from integrations.slack.blocks import wording as w

REASON_CHARACTERS = 500
SUBJECT_CHARACTERS = 1000
# A name has 253 characters at most; the rest is for what was pasted around it, which the answer then complains about.
CONFIRM_CHARACTERS = 300
# A view may have 250 KB; four bytes a character at worst, so this leaves room for the frame around the text.
VIEW_CHARACTERS = 40_000
MOST_EVIDENCE = 30
MOST_QUOTES = 20
PAYLOAD_CHARACTERS = 1500
MOST_PIECES = 12


def evidence_modal(incident: Incident, evidence: Sequence[Evidence]) -> e.JSON:
    """Return the view with every observation, its quotes and the beginning of its raw JSON."""
    blocks = [e.section(f"*{t.inline(incident.title, 500)}*"), e.context(t.code(incident.id))]
    if not evidence:
        blocks.append(e.section("No evidence has been gathered yet."))
    room, shown = VIEW_CHARACTERS, 0
    for item in evidence[:MOST_EVIDENCE]:
        block_list, used = _observation(item, room)
        if used > room:
            break
        room, shown = room - used, shown + 1
        blocks += block_list
    if left_out := len(evidence) - shown:
        blocks.append(e.section(f"… and {t.count(left_out, 'more observation')}: attach the file to see everything."))
    if evidence:
        label = f"Attach all evidence of incident {incident.id} to its thread as a file"
        attach = e.button("Attach to the thread as a file", ActionId.EVIDENCE_FILE, incident.id, label=label)
        blocks.append(e.actions([attach], f"evidence-file:{incident.id}"))
    return e.modal("Evidence", CallbackId.EVIDENCE_DETAILS, blocks)


def _observation(item: Evidence, room: int) -> tuple[list[e.JSON], int]:
    """Return the blocks of one observation and about how many characters they take."""
    icon, word = w.EVIDENCE[item.status]
    head = (
        f"{icon} *{t.inline(item.label, 150)}* {t.code(item.id, 40)} ({word}, {t.duration(item.duration_ms)})\n"
        f"{t.inline(item.detail, 600)}"
    )
    blocks, used = [e.divider(), e.section(head)], len(head)
    quotes, left_out = t.shorten_lines("\n".join(item.quotes), MOST_QUOTES, 2000) if item.quotes else ("", 0)
    if left_out:
        quotes += f"\n… ({t.count(left_out, 'more line')})"
    payload = "" if item.payload is None else _pretty(item.payload)
    parts = [e.preformatted(text) for text in (quotes, payload) if text]
    used += len(quotes) + len(payload)
    if parts and used <= room:
        blocks.append(e.rich_text(*parts))
    return blocks, used


def _pretty(payload: Any) -> str:
    whole = json.dumps(payload, indent=1, ensure_ascii=False, default=str)
    shown, left_out = t.shorten_lines(whole, 40, PAYLOAD_CHARACTERS)
    return shown + (f"\n… ({t.count(left_out, 'more line')})" if left_out else "")


def proposal_modal(offer: Proposal) -> e.JSON:
    """Return the view with the whole command, the whole diff in pieces, the parameters, warnings and checks."""
    blocks = [
        e.section(f"*{t.inline(w.title(offer), 500)}*\n{t.inline(offer.request.reason, 1000)}"),
        e.fields(
            [
                ("Proposal", t.code(offer.id)),
                ("State", t.inline(offer.state.value.replace("_", " "))),
                ("Risk", w.RISK[offer.preview.risk]),
                ("Can be undone", "yes" if offer.preview.reversible else "no"),
                ("Target", t.code(str(offer.request.target), 600)),
                ("Affects", t.inline(offer.preview.blast_radius, 600)),
                ("Expires", t.moment(offer.expires_at)),
                ("Bound to", t.code(offer.fingerprint[:16])),
            ]
        ),
    ]
    blocks += [e.section(f"⚠️ {t.inline(warning, 600)}") for warning in offer.preview.warnings[:20]]
    blocks += _in_pieces("Command", offer.preview.command, MOST_PIECES // 4)
    parameters = json.dumps(offer.request.params, indent=1, ensure_ascii=False, default=str)
    blocks += _in_pieces("Parameters", parameters, MOST_PIECES // 4) if offer.request.params else []
    blocks += _in_pieces("What changes", offer.preview.diff or "The dry run changes nothing.", MOST_PIECES)
    if offer.verification is not None:
        checks = [
            f"{'passed' if check.passed else 'failed'}: {check.name}: {check.detail}"
            for check in offer.verification.checks
        ]
        blocks += _in_pieces("Checks afterwards", "\n".join([offer.verification.summary, *checks]), 2)
    return e.modal("Proposal", CallbackId.PROPOSAL_DETAILS, blocks)


def _in_pieces(name: str, text: str, most: int) -> list[e.JSON]:
    cut = t.pieces(text, e.PREFORMATTED_LIMIT)
    blocks = [e.section(f"*{name}*"), *(e.rich_text(e.preformatted(piece)) for piece in cut[:most])]
    if left_out := sum(len(piece) for piece in cut[most:]):
        blocks.append(e.context(f"… {t.count(left_out, 'more character')} left out."))
    return blocks


def _text_input(action_id: str, placeholder: str, limit: int) -> e.JSON:
    return {
        "type": "plain_text_input",
        "action_id": action_id,
        "multiline": True,
        "min_length": 3,
        "max_length": limit,
        "focus_on_load": True,
        "placeholder": e.plain(placeholder, 150),
    }


def reject_modal(offer: Proposal) -> e.JSON:
    """Return the view that asks why; its private metadata is the proposal's id and nothing else."""
    ask: e.JSON = {
        "type": "input",
        "block_id": REASON_BLOCK,
        "label": e.plain("Why not?", 75),
        "hint": e.plain("The reason is kept in the audit trail and shown in the thread.", 150),
        "element": _text_input(REASON_INPUT, "Such as: a deploy is already on its way", REASON_CHARACTERS),
    }
    blocks = [e.section(f"*{t.inline(w.title(offer), 500)}*\nNothing will be done."), ask]
    return e.modal("Reject proposal", CallbackId.REJECT_REASON, blocks, metadata=offer.id, submit="Reject")


def confirm_modal(offer: Proposal) -> e.JSON:
    """Return the view in which an approver types the target's name; its private metadata is the proposal's id alone."""
    needed, given = approvals_needed(offer.preview.risk), len(offer.approvals)
    last = given + 1 >= needed
    undo = "It can be undone." if offer.preview.reversible else "It cannot be undone."
    effect = "It runs at once, in your name" if last else "Nothing is done until another person confirms it too"
    radius = t.inline(offer.preview.blast_radius, 1000) or t.code(str(offer.request.target))
    blocks = [
        e.section(f"*{t.inline(w.title(offer), 500)}*\nThis is approval {given + 1} of {needed}. {effect}. {undo}"),
        e.fields([("Target", t.code(str(offer.request.target), 600)), ("Affects", radius)]),
        *(e.section(f"⚠️ {t.inline(warning, 600)}") for warning in offer.preview.warnings[:20]),
        *_in_pieces("Command", offer.preview.command, MOST_PIECES // 4),
        {
            "type": "input",
            "block_id": CONFIRM_BLOCK,
            "label": e.plain(f"To approve, type the name of the target: {offer.request.target.name}", 400),
            "hint": e.plain("Exactly as it is written above: upper and lower case count.", 150),
            "element": {
                "type": "plain_text_input",
                "action_id": CONFIRM_INPUT,
                "max_length": CONFIRM_CHARACTERS,
                "focus_on_load": True,
                "placeholder": e.plain("The name", 150),
            },
        },
    ]
    return e.modal("Approve proposal", CallbackId.CONFIRM_APPROVAL, blocks, metadata=offer.id, submit="Approve")


def investigate_modal() -> e.JSON:
    """Return the view that asks what to look at."""
    ask: e.JSON = {
        "type": "input",
        "block_id": SUBJECT_BLOCK,
        "label": e.plain("What should be looked at?", 75),
        "hint": e.plain("A workload such as deployment/payment-service, or what you see in your own words.", 150),
        "element": _text_input(SUBJECT_INPUT, "deployment/payment-service", SUBJECT_CHARACTERS),
    }
    return e.modal("Investigate", CallbackId.INVESTIGATE, [ask], submit="Investigate")
