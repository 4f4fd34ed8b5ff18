"""The root message of an incident that has no message of PagerDuty's in Slack."""

from bot.domain.incident import Incident, IncidentStatus
from bot.domain.interaction import ActionId
from integrations.slack.blocks import elements as e
from integrations.slack.blocks import text as t
from integrations.slack.blocks import wording as w


def root(incident: Incident) -> e.JSON:
    """Return the message that opens an incident's thread and shows its present state."""
    severity, status = w.SEVERITY[incident.severity], w.STATUS[incident.status]
    pairs = [("Severity", severity), ("Status", status)]
    if incident.service:
        pairs.append(("Service", t.inline(incident.service)))
    if incident.target is not None:
        pairs.append(("Workload", t.code(str(incident.target), 600)))
    blocks = [e.header(incident.title), e.fields(pairs), e.context(_times(incident))]
    if buttons := _buttons(incident):
        blocks.append(e.actions(buttons, f"root:{incident.id}:{incident.status}"))
    where = f" ({t.inline(incident.service)})" if incident.service else ""
    return e.message(f"{severity} · {status}: {t.inline(incident.title)}{where}", blocks)


def _times(incident: Incident) -> str:
    parts = [t.code(incident.id), f"opened {t.moment(incident.opened_at)}"]
    if incident.alert_count > 1:
        parts.append(t.count(incident.alert_count, "alert"))
    if incident.resolved_at is not None:
        took = (incident.resolved_at - incident.opened_at).total_seconds() * 1000
        parts.append(f"resolved {t.moment(incident.resolved_at)} after {t.duration(took)}")
    elif incident.acknowledged_at is not None:
        parts.append(f"acknowledged {t.moment(incident.acknowledged_at)}")
    return " · ".join(parts)


def _buttons(incident: Incident) -> list[e.JSON]:
    buttons = []
    if incident.status is IncidentStatus.TRIGGERED:
        buttons.append(e.button("Acknowledge", ActionId.ACKNOWLEDGE, incident.id))
    if incident.url and t.is_web(incident.url) and len(incident.url) <= 3000:
        buttons.append(e.link_button("Open in PagerDuty", ActionId.OPEN_LINK, incident.url))
    return buttons
