"""The analysis of an incident: the cause first, then how we know it, then what to do."""

from bot.domain.analysis import Analysis, CitedEvidence, Provenance
from bot.domain.evidence import Progress, ProgressState
from bot.domain.incident import Incident
from bot.domain.interaction import ActionId
from integrations.slack.blocks import elements as e
from integrations.slack.blocks import text as t
from integrations.slack.blocks import wording as w

MOST_CITED = 4
INLINE_QUOTE = 70
QUOTE_LINES = 4
QUOTE_CHARACTERS = 400
MOST_ITEMS = 6


def analysis(incident: Incident, report: Analysis, proposals: int = 0, progress: Progress | None = None) -> e.JSON:
    """Return the message that replaces the progress. `proposals` is how many proposals wait below it."""
    blocks = [e.header(("✅ " if report.healthy else "") + report.headline), *_cause(incident, report)]
    blocks += _evidence(report.evidence)
    blocks += _steps("Do now", report.immediate_actions, ordered=True)
    blocks += _steps("Fix for good", report.long_term_fixes, ordered=False)
    blocks += _steps("Keep an eye on", report.monitoring, ordered=False)
    if proposals:
        verb = "waits" if proposals == 1 else "wait"
        blocks.append(e.section(f"*{t.count(proposals, 'proposal')} below {verb} for your decision.*"))
    elif not report.healthy:
        blocks.append(e.section("No remediation action fits: a person has to act."))
    if report.provenance.note:
        blocks.append(e.context(f"⚠️ {t.inline(report.provenance.note, 600)}"))
    blocks.append(e.context(_made_by(report.provenance, progress)))
    blocks.append(e.actions(_buttons(incident, report), f"analysis:{incident.id}:{incident.triage_run}"))
    return e.message(f"{t.inline(report.headline, 300)}. {t.inline(report.root_cause, 600)}", blocks)


def _cause(incident: Incident, report: Analysis) -> list[e.JSON]:
    sentence = t.inline(report.root_cause, 1500)
    about = w.subject(incident)
    facts = [] if report.healthy else [f"Severity: *{w.SEVERITY[report.severity]}*"]
    facts.append(f"Confidence: *{w.confidence(report.confidence)}*")
    if about:
        facts.append(t.code(about, 600))
    if report.healthy:
        first = e.section(f"*Nothing is wrong with what was looked at.* {sentence}")
    else:
        first = e.section(f"*Root cause:* {sentence}")
    return [first, e.context(" · ".join(facts))]


def _evidence(cited: tuple[CitedEvidence, ...]) -> list[e.JSON]:
    if not cited:
        return []
    parts = [e.paragraph(e.run("How we know", bold=True))]
    for claim in cited[:MOST_CITED]:
        source = t.truncate(" ".join(claim.source.split()), 150)
        name = e.run(t.truncate(claim.evidence_id, 20) or "-", code=True)
        if "\n" not in claim.quote.strip() and len(claim.quote) <= INLINE_QUOTE:
            parts.append(e.paragraph(e.run(f"{source}: "), e.run(claim.quote, code=True), e.run(" "), name))
            continue
        parts.append(e.paragraph(e.run(f"{source} "), name))
        quote, left_out = t.shorten_lines(claim.quote, QUOTE_LINES, QUOTE_CHARACTERS)
        if left_out:
            quote += f"\n… ({t.count(left_out, 'more line')} under Evidence)"
        parts.append(e.preformatted(quote, QUOTE_CHARACTERS + 60))
    if left_out := len(cited[MOST_CITED:]):
        parts.append(e.paragraph(e.run(f"… and {t.count(left_out, 'more quote')} under Evidence")))
    return [e.rich_text(*parts)]


def _steps(name: str, steps: tuple[str, ...], *, ordered: bool) -> list[e.JSON]:
    if not steps:
        return []
    shown = list(steps[:MOST_ITEMS])
    parts = [e.paragraph(e.run(name, bold=True)), e.listing(shown, ordered=ordered, each=500)]
    if left_out := len(steps[MOST_ITEMS:]):
        parts.append(e.paragraph(e.run(f"… and {left_out} more")))
    return [e.rich_text(*parts)]


def made_by(provenance: Provenance) -> str:
    """Return who or what wrote an analysis."""
    match provenance.method:
        case "claude":
            return f"Claude ({t.inline(provenance.model, 80)})" if provenance.model else "Claude"
        case "runbook":
            return f"runbook {t.inline(provenance.runbook, 120)}" if provenance.runbook else "a runbook"
    return "rules, no model"


def _made_by(provenance: Provenance, progress: Progress | None) -> str:
    parts = [f"Made by {made_by(provenance)}", t.duration(provenance.duration_ms)]
    if provenance.turns:
        parts.append(t.count(provenance.turns, "turn"))
    if provenance.cost_usd:
        parts.append(f"${provenance.cost_usd:.4f}" if provenance.cost_usd < 0.01 else f"${provenance.cost_usd:.2f}")
    if progress is not None and progress.items:
        failed = [item.label for item in progress.items if item.state is ProgressState.ERROR]
        parts.append(f"{t.count(len(progress.items), 'source')} looked at")
        if failed:
            parts.append(f"❌ {len(failed)} failed ({t.inline(', '.join(failed), 200)})")
    return " · ".join(parts)


def _buttons(incident: Incident, report: Analysis) -> list[e.JSON]:
    buttons = [
        e.button(
            "Evidence", ActionId.EVIDENCE_DETAILS, incident.id, label=f"Show all evidence of incident {incident.id}"
        ),
        e.button("Investigate again", ActionId.INVESTIGATE_AGAIN, incident.id),
    ]
    if report.healthy or not incident.url or not t.is_web(incident.url) or len(incident.url) > 3000:
        return buttons
    return [*buttons, e.link_button("Open in PagerDuty", ActionId.OPEN_LINK, incident.url)]
