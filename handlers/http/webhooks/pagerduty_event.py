"""PagerDuty's V3 webhook events as alerts, and the signature that proves where they come from."""

import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from bot.domain.alert import Alert, AlertSource, AlertState, Severity
from bot.domain.base import printable
from bot.domain.redaction import redact, redact_json
from bot.errors import InvalidInput

_STATES: Mapping[str, AlertState] = {
    "incident.triggered": AlertState.TRIGGERED,
    "incident.reopened": AlertState.TRIGGERED,
    "incident.unacknowledged": AlertState.TRIGGERED,
    "incident.acknowledged": AlertState.ACKNOWLEDGED,
    "incident.resolved": AlertState.RESOLVED,
}
_LONGEST_TITLE = 1_024
# From 2,048 bytes on the hash gives the interpreter to another thread and has to wait until it comes back; that takes
# longer than hashing a webhook.
_HASHED_AT_ONCE = 2_047


def verify_signature(body: bytes, header: str, secret: str) -> bool:
    """Say whether one of the header's `v1=` signatures is ours; every one is compared in constant time."""
    hashing = hmac.new(secret.encode(), digestmod=hashlib.sha256)
    for start in range(0, len(body), _HASHED_AT_ONCE):
        hashing.update(body[start : start + _HASHED_AT_ONCE])
    expected = hashing.hexdigest()
    found = False
    for part in header.split(","):
        version, _, signature = part.strip().partition("=")
        # No early way out: how long this takes says nothing about which signature matched.
        found |= version == "v1" and hmac.compare_digest(signature.encode(), expected.encode())
    return found


def parse_event(body: bytes) -> Mapping[str, Any]:
    """Return the event of a webhook's body. Raise InvalidInput with a sentence that says what is wrong."""
    try:
        document = json.loads(body)
    except ValueError as error:
        raise InvalidInput("The body is not JSON.") from error
    # Rare, but neither a database nor a JSON writer takes a NUL or half of a surrogate pair.
    if b"\\u0000" in body or b"\\ud" in body or b"\\uD" in body:
        document = printable(document)
    event = document.get("event") if isinstance(document, dict) else None
    if not isinstance(event, dict):
        raise InvalidInput('The body has no object "event": this is not a PagerDuty V3 webhook.')
    for name, kind in (("id", str), ("event_type", str), ("occurred_at", str), ("data", dict)):
        if not isinstance(event.get(name), kind):
            raise InvalidInput(f'The event has no {"text" if kind is str else "object"} "{name}".')
    return event


def read_alert(event: Mapping[str, Any], delivery_id: str) -> Alert | None:
    """Return the alert of an event, None for a type that concerns nobody here. Raise InvalidInput.

    Every event about an incident is recorded; only some change its state.
    """
    event_type: str = event["event_type"]
    if not event_type.startswith("incident."):
        return None
    data: Mapping[str, Any] = event["data"]
    note = data if data.get("type") == "incident_note" else None
    incident = data if data.get("type") == "incident" else data.get("incident")
    if not isinstance(incident, Mapping) or not isinstance(incident.get("id"), str):
        return None
    external_id: str = incident["id"]
    agent = event.get("agent")
    details = data.get("custom_details")
    details = redact_json(details) if isinstance(details, dict) else {}
    reason = data.get("resolve_reason")
    if isinstance(reason, Mapping) and reason.get("type") == "merge_resolve_reason":
        # Nothing was fixed: the work goes on in the incident that this one was merged into.
        details["merged_into"] = redact(str(_summary(reason.get("incident")) or "another incident"))
    return Alert(
        source=AlertSource.PAGERDUTY_WEBHOOK,
        delivery_id=delivery_id,
        dedup_key=f"pagerduty:{external_id}",
        state=_STATES.get(event_type, AlertState.UPDATED),
        title=redact(str(incident.get("title") or incident.get("summary") or f"Incident {external_id}"))[
            :_LONGEST_TITLE
        ],
        severity=_severity(incident),
        service=_summary(incident.get("service")),
        external_id=external_id,
        url=incident.get("html_url") if isinstance(incident.get("html_url"), str) else None,
        details=details,
        occurred_at=_time(event["occurred_at"]),
        actor=_summary(agent),
        note=redact(str(note.get("content", "")))[:2_000] if note is not None else None,
        note_id=str(note["id"]) if note is not None and note.get("id") else None,
    )


def _severity(incident: Mapping[str, Any]) -> Severity:
    """Return the severity by priority where there is one (P1 is the worst), else by urgency."""
    priority = (_summary(incident.get("priority")) or "").upper()
    by_priority = {"P1": Severity.CRITICAL, "P2": Severity.HIGH, "P3": Severity.WARNING}
    if priority:
        return by_priority.get(priority[:2], Severity.INFO)
    return Severity.HIGH if incident.get("urgency") != "low" else Severity.WARNING


def _summary(reference: Any) -> str | None:
    return str(reference["summary"])[:200] if isinstance(reference, Mapping) and reference.get("summary") else None


def _time(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidInput(f'"occurred_at" is not a time: {text[:40]!r}.') from error
    if moment.tzinfo is None:
        raise InvalidInput('"occurred_at" has no time zone.')
    return moment
