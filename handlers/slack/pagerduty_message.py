"""Reads PagerDuty's Slack messages. Their layout is not a contract, so only strings and links are relied upon."""

import re
from datetime import UTC, datetime
from typing import Any

from bot.domain.alert import Alert, AlertSource, AlertState, MessageRef, Severity
from bot.domain.redaction import redact

JSON = dict[str, Any]

INCIDENT_URL = re.compile(r"https?://[\w.-]*pagerduty\.com/incidents/([A-Za-z0-9]+)")
_SERVICE_LINK = re.compile(r"<https?://[\w.-]*pagerduty\.com/(?:services|service-directory)/[A-Za-z0-9]+\|([^>]+)>")
_SERVICE_FIELD = re.compile(r"^\*?Service:?\*?:?\s+(?:<[^|>]*\|)?([^\n<>*|]{1,200})", re.MULTILINE)
_URGENCY = re.compile(r"\b(?:urgency|severity)\b\W{0,6}(critical|high|error|warning|low|info)\b")
_TITLE = re.compile(r"<https?://[\w.-]*pagerduty\.com/incidents/[A-Za-z0-9]+(?:[/?#][^|>]*)?\|([^>]+)>")
_NUMBER = re.compile(r"^\s*(?:\[?#\d+\]?[:\s]*)+")
_LINK = re.compile(r"<([^|>]*)(?:\|([^>]*))?>")
_STATES = {
    re.compile(r"\b(?:un-?acknowledged|re-?opened|re-?triggered|triggered)\b", re.IGNORECASE): AlertState.TRIGGERED,
    re.compile(r"\backnowledged\b", re.IGNORECASE): AlertState.ACKNOWLEDGED,
    re.compile(r"\bresolved\b", re.IGNORECASE): AlertState.RESOLVED,
    re.compile(
        r"\b(?:note|status update|reassigned|escalated|delegated|priority|merged|snoozed|responders?)\b", re.IGNORECASE
    ): AlertState.UPDATED,
}
# Kubernetes names are lower case; both patterns run over the lower-cased text, which is three times as fast.
_LABEL = re.compile(
    r"\b(cluster|namespace|deployment|statefulset|daemonset|cronjob|job|pod|container|node)\s*[:=]\s*([a-z0-9][a-z0-9.-]*)"
)
_SEVERITIES = {
    "critical": Severity.CRITICAL,
    "high": Severity.HIGH,
    "error": Severity.HIGH,
    "warning": Severity.WARNING,
    "low": Severity.WARNING,
    "info": Severity.INFO,
}
_ACTOR = re.compile(r"\bby\s+(?:<@[A-Z0-9]+\|)?([^\n<>|*]{1,80})")
# The bot's own presentation, ids and colours are not text that says something about the incident.
_SILENT_KEYS = frozenset(
    {"type", "block_id", "action_id", "value", "color", "id", "ts", "bot_id", "app_id", "style", "callback_id"}
)


def strings(message: JSON) -> list[str]:
    """Return every string of a message's text, blocks and attachments; link previews of others are left out."""
    found: list[str] = []
    if text := message.get("text"):
        found.append(text)
    _collect(message.get("blocks"), found)
    for attachment in message.get("attachments") or ():
        if not (attachment.get("from_url") or attachment.get("is_app_unfurl")):
            _collect(attachment, found)
    return found


def _collect(node: Any, found: list[str]) -> None:
    if isinstance(node, str):
        found.append(node)
    elif isinstance(node, list):
        for value in node:
            _collect(value, found)
    elif isinstance(node, dict):
        for key, value in node.items():
            if key not in _SILENT_KEYS:
                _collect(value, found)


def incident_url(texts: list[str]) -> tuple[str, str] | None:
    """Return the address and the id of the first incident that is linked, None if there is none."""
    for text in texts:
        if found := INCIDENT_URL.search(text):
            return found.group(0), found.group(1)
    return None


def read_state(texts: list[str]) -> AlertState | None:
    """Return the state that the message speaks of, None when it does not say.

    Titles stand inside links and notes on later lines; what PagerDuty itself says comes first and outside of them.
    """
    for text in texts:
        said = _LINK.sub(" ", text.strip().split("\n", 1)[0])[:80]
        matches = [(found.start(), state) for pattern, state in _STATES.items() if (found := pattern.search(said))]
        if matches:
            return min(matches)[1]
    return None


def _unescape(text: str) -> str:
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def plain(text: str) -> str:
    """Return a text without Slack's markup."""
    return _unescape(_LINK.sub(lambda m: m.group(2) or m.group(1), text).replace("*", "")).strip()


def _title(texts: list[str]) -> str:
    for text in texts:
        if found := _TITLE.search(text):
            return _NUMBER.sub("", _unescape(found.group(1))).strip()
    return plain(texts[0])[:300] if texts else ""


def _service(texts: list[str]) -> str | None:
    for pattern in (_SERVICE_LINK, _SERVICE_FIELD):
        for text in texts:
            if found := pattern.search(text):
                return _unescape(found.group(1)).strip()
    return None


def _severity(whole: str) -> Severity:
    """Return the worst that is named: a field says severity, another one urgency."""
    named = [_SEVERITIES[m.group(1)] for m in _URGENCY.finditer(whole)]
    return min(named, key=lambda severity: severity.rank, default=Severity.HIGH)


def _actor(texts: list[str]) -> str | None:
    said = _LINK.sub(" ", texts[0]) if texts else ""
    found = _ACTOR.search(said)
    return found.group(1).split(" to ")[0].strip(" .") if found else None


def _labels(whole: str) -> dict[str, str]:
    return {m.group(1): m.group(2).strip(".") for m in _LABEL.finditer(whole)}


def parse(
    message: JSON,
    *,
    channel: str,
    event_id: str,
    incident: tuple[str, str] | None = None,
    previous: JSON | None = None,
    changed_at: str | None = None,
) -> Alert | None:
    """Return the alert in a message of PagerDuty's app, None when it names no incident or says nothing new.

    `incident` (address and id) is given for replies whose thread says which incident they are about. For an edit,
    `previous` is the message before it and `changed_at` Slack's timestamp of the change.
    """
    said = strings(message)
    texts = list(dict.fromkeys(said))  # a card says most things twice; each is read once
    found = incident_url(texts) or incident
    if found is None:
        return None
    state = read_state(texts)
    thread_ts = _thread(message)
    if previous is not None:
        before = strings(previous)
        if before == said:
            return None  # Slack also reports replies in the thread, unfurls and reactions as changes.
        if state == read_state(before):
            state = AlertState.UPDATED
    if state is None:
        # Wording changes; a card with an unknown one must start an investigation rather than get lost.
        state = AlertState.TRIGGERED if thread_ts is None and previous is None else AlertState.UPDATED
    url, external_id = found
    ts = str(message["ts"])
    title, whole = _title(texts), plain("\n".join(texts))
    lower = whole.lower()
    redacted = redact(whole)
    if redacted != whole:
        title = redact(title)
    return Alert(
        source=AlertSource.PAGERDUTY_SLACK,
        delivery_id=event_id,
        dedup_key=f"pagerduty:{external_id}",
        state=state,
        title=title[:500] or f"PagerDuty incident {external_id}",
        severity=_severity(lower),
        service=_service(texts),
        external_id=external_id,
        url=url,
        labels=_labels(lower),
        details={"message": redacted[:4000]},
        occurred_at=datetime.fromtimestamp(float(changed_at or ts), UTC),
        actor=_actor(texts) if state is not AlertState.TRIGGERED else None,
        message=MessageRef(channel=channel, ts=ts, thread_ts=thread_ts),
    )


def _thread(message: JSON) -> str | None:
    thread_ts = message.get("thread_ts")
    return str(thread_ts) if thread_ts and thread_ts != message["ts"] else None
