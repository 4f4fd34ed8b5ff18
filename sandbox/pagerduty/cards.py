"""The messages PagerDuty's Slack app posts about an incident: text, attachment and blocks, as pure functions."""

from typing import Any, Final

from sandbox.pagerduty.records import Change, Incident

_COLORS: Final = {"triggered": "#c8281e", "acknowledged": "#e0a100", "resolved": "#2c8a3e"}
_WORDS: Final = {"triggered": "Triggered", "acknowledged": "Acknowledged", "resolved": "Resolved"}

_LINES: Final = {
    "incident.acknowledged": "Acknowledged",
    "incident.unacknowledged": "Unacknowledged",
    "incident.resolved": "Resolved",
    "incident.reopened": "Reopened",
    "incident.reassigned": "Reassigned",
    "incident.escalated": "Escalated",
    "incident.priority_updated": "Priority changed",
    "incident.annotated": "Note added",
    "incident.status_update_published": "Status update",
}


def escape(text: str) -> str:
    """Escape the three characters Slack's markup gives a meaning."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def render_link(incident: Incident) -> str:
    # Alert titles come from anywhere: a pipe or a line break would end the link's label early.
    label = escape(incident.title).replace("|", "/").replace("\n", " ")
    return f"<{incident.html_url}|[#{incident.number}] {label}>"


def render_card(incident: Incident) -> dict[str, Any]:
    """Return the arguments of chat.postMessage or chat.update for the incident's card, without channel and ts."""
    people = ", ".join(user.name for user in incident.assignees) or "nobody"
    facts = [
        f"*Service*\n{escape(incident.service.name)}",
        f"*Urgency*\n{incident.urgency.capitalize()}",
        f"*Severity*\n{incident.severity}",
        f"*Assigned to*\n{escape(people)}",
    ]
    if incident.priority is not None:
        facts.append(f"*Priority*\n{incident.priority.name}")
    blocks: list[dict[str, Any]] = [
        {"type": "section", "text": {"type": "mrkdwn", "text": f"*{_WORDS[incident.status]}* {render_link(incident)}"}},
        {"type": "section", "fields": [{"type": "mrkdwn", "text": fact} for fact in facts]},
    ]
    if details := _render_details(incident):
        blocks.append({"type": "context", "elements": [{"type": "mrkdwn", "text": details}]})
    return {
        "text": f"*{_WORDS[incident.status]}* {render_link(incident)}",
        "attachments": [
            {
                "color": _COLORS[incident.status],
                "fallback": f"{_WORDS[incident.status]}: [#{incident.number}] {incident.title}"[:500],
                "blocks": blocks,
            }
        ],
        "unfurl_links": False,
        "unfurl_media": False,
    }


def render_line(change: Change) -> str | None:
    """Return the one-line update for a change, or None for changes the Slack app does not mention."""
    word = _LINES.get(change.event_type)
    if word is None:
        return None
    who = f" by {escape(change.agent.summary)}" if change.agent is not None else ""
    text = f"*{word}* {render_link(change.incident)}{who}"
    said = change.note.content if change.note is not None else change.status_update
    if said:
        text += "\n" + "\n".join(f"> {line}" for line in escape(said[:1_500]).splitlines())
    if change.event_type in {"incident.reassigned", "incident.escalated"}:
        text += f" to {escape(', '.join(user.name for user in change.incident.assignees))}"
    return text


def _render_details(incident: Incident) -> str:
    """Return the source and the first alert details that are short enough for one line."""
    if not incident.alerts:
        return escape(incident.body[:300])
    payload = incident.alerts[0].payload
    parts = [f"Source {payload['source']}"] if payload.get("source") else []
    details = payload.get("custom_details")
    if isinstance(details, dict):
        parts.extend(f"{key}: {value}" for key, value in details.items() if len(str(value)) <= 60)
    return escape(" · ".join(parts[:7]))[:1_900]
