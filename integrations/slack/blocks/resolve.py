"""The offer to resolve an incident after a fix that was verified."""

from bot.domain.action import Proposal
from bot.domain.incident import Incident, IncidentStatus
from bot.domain.interaction import ActionId
from integrations.slack.blocks import elements as e
from integrations.slack.blocks import text as t
from integrations.slack.blocks import wording as w


def resolve(incident: Incident, proposal: Proposal) -> e.JSON:
    """Return the message that offers to resolve; for a resolved incident it only says so."""
    if incident.status is IncidentStatus.RESOLVED:
        when = f" {t.moment(incident.resolved_at)}" if incident.resolved_at is not None else ""
        return e.message("The incident is resolved.", [e.section(f"✅ *The incident is resolved*{when}.")])
    at_pagerduty = incident.external_id is not None
    label = "Resolve in PagerDuty" if at_pagerduty else "Resolve"
    ask = "Resolve the incident in PagerDuty now?" if at_pagerduty else "Resolve the incident now?"
    dialog = e.confirm(
        f"{label}?", f"This resolves “{incident.title[:150]}” in your name and stops its escalation.", "Resolve"
    )
    elements = [e.button(label, ActionId.RESOLVE, incident.id, style="primary", confirm=dialog)]
    if incident.url and t.is_web(incident.url) and len(incident.url) <= 3000:
        elements.append(e.link_button("Open in PagerDuty", ActionId.OPEN_LINK, incident.url))
    blocks = [
        e.section(f"✅ *It worked.* {ask}"),
        e.actions(elements, f"resolve:{incident.id}:{proposal.id}:{incident.status}"),
    ]
    return e.message(f"{t.inline(w.title(proposal))}: it worked. {ask}", blocks)
