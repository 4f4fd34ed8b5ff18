"""The checklist of an investigation that is running."""

from bot.domain.evidence import Progress, ProgressItem, ProgressState
from bot.domain.incident import Incident
from integrations.slack.blocks import elements as e
from integrations.slack.blocks import text as t
from integrations.slack.blocks import wording as w

MOST_ITEMS = 20


def progress(incident: Incident, state: Progress) -> e.JSON:
    """Return the message that shows what is being looked at, one line a source."""
    headline = t.inline(state.headline, 500)
    lines = [_line(item) for item in state.items[:MOST_ITEMS]]
    if left_out := len(state.items) - len(lines):
        lines.append(f"… and {t.count(left_out, 'more source')}")
    blocks = [e.section(f"🔎 *{headline}*")]
    # A section holds 3,000 characters, a line at most 400: seven lines always fit.
    blocks += [e.section("\n".join(lines[start : start + 7])) for start in range(0, len(lines), 7)]
    if subject := w.subject(incident):
        blocks.append(e.context(f"{t.code(incident.id)} · {t.inline(subject, 600)}"))
    finished = sum(item.state not in {ProgressState.WAITING, ProgressState.RUNNING} for item in state.items)
    summary = f" {finished} of {len(state.items)} sources looked at." if state.items else ""
    return e.message(f"{headline}{summary}", blocks)


def _line(item: ProgressItem) -> str:
    icon, word = w.PROGRESS[item.state]
    took = f", {t.duration(item.duration_ms)}" if item.duration_ms is not None else ""
    detail = f": {t.inline(item.detail, 220)}" if item.detail else ""
    return f"{icon} *{t.inline(item.label, 100)}* ({word}{took}){detail}"
