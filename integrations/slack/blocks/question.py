"""The question which workload an incident is about."""

from collections.abc import Sequence

from bot.domain.entity import ObjectRef
from bot.domain.incident import Incident
from bot.domain.interaction import ActionId
from integrations.slack.blocks import elements as e
from integrations.slack.blocks import text as t

VALUE_LIMIT = 150
MOST_NAMED = 5


def option_value(incident_id: str, target: ObjectRef) -> str:
    """Return what Slack sends back when `target` is chosen: `incident id|Kind/namespace/name`."""
    return f"{incident_id}|{target}"


def question(incident: Incident, candidates: Sequence[ObjectRef], reason: str) -> e.JSON:
    """Return the message with the select. Names that do not fit into an option are listed to be typed instead."""
    fitting = [c for c in candidates if len(option_value(incident.id, c)) <= VALUE_LIMIT][:100]
    too_long = [c for c in candidates if c not in fitting]
    asks = "Which workload is this about?"
    blocks = [e.section(f"❓ *{asks}*\n{t.inline(reason or 'The alert does not say.', 800)}")]
    if fitting:
        options = [
            e.option(
                f"{c.kind} {c.name}", option_value(incident.id, c), f"namespace {c.namespace}" if c.namespace else ""
            )
            for c in fitting
        ]
        select = e.static_select("Choose a workload", ActionId.CHOOSE_TARGET, options)
        blocks.append(e.actions([select], f"question:{incident.id}:{incident.triage_run}"))
    if too_long or not fitting:
        named = "\n".join(f"• {t.code(str(c), 400)}" for c in too_long[:MOST_NAMED])
        more = f"\n… and {len(too_long) - MOST_NAMED} more" if len(too_long) > MOST_NAMED else ""
        intro = "Or type" if fitting else "Type"
        blocks.append(
            e.section(f"{intro} `/oncall investigate kind/name` to choose it yourself.\n{named}{more}".rstrip())
        )
    return e.message(f"{asks} {t.inline(reason, 400) if reason else ''}".strip(), blocks)
