"""PagerDuty's webhooks and its Slack messages as the wire carries them, each with ids of its own."""

import hashlib
import hmac
import itertools
import json
import os
import time
from typing import Any

SECRET = "benchmark-signing-secret"
BODY_BYTES = 3_072

JSON = dict[str, Any]
_numbers = itertools.count(1)
# Ids differ between runs as well, so that a database may be used again.
_RUN = os.urandom(4).hex().upper()


def _reference(kind: str, identity: str, summary: str) -> JSON:
    return {
        "id": identity,
        "type": f"{kind}_reference",
        "self": f"https://api.pagerduty.com/{kind}s/{identity}",
        "html_url": f"https://acme.pagerduty.com/{kind}s/{identity}",
        "summary": summary,
    }


def incident_event(number: int) -> JSON:
    """Return a V3 `incident.triggered` event, about 3 KB as JSON."""
    incident_id = f"Q{_RUN}{number:07}"
    event: JSON = {
        "id": f"01{_RUN}{number:012}",
        "event_type": "incident.triggered",
        "resource_type": "incident",
        "occurred_at": "2026-11-23T12:00:00.000Z",
        "agent": _reference("service", "PF9KMXH", "payment-service"),
        "client": None,
        "data": {
            "id": incident_id,
            "type": "incident",
            "self": f"https://api.pagerduty.com/incidents/{incident_id}",
            "html_url": f"https://acme.pagerduty.com/incidents/{incident_id}",
            "number": number,
            "status": "triggered",
            "incident_key": f"payment-service/{incident_id}",
            "created_at": "2026-11-23T12:00:00Z",
            "title": "payment-service: 5xx rate above 20 % for 5 minutes",
            "service": _reference("service", "PF9KMXH", "Payment Service"),
            "assignees": [_reference("user", f"PTUXL{n}", f"Engineer Number {n}") for n in range(3)],
            "escalation_policy": _reference("escalation_policy", "PUS0KTE", "Payments, business hours"),
            "teams": [_reference("team", "PFCVPS0", "Payments")],
            "priority": _reference("priority", "PSO75BM", "P1"),
            "urgency": "high",
            "conference_bridge": {"conference_number": "+1 555 0100,,12345#", "conference_url": "https://meet.example"},
            "resolve_reason": None,
            "incident_type": {"name": "incident_default"},
        },
    }
    return _padded(event)


def _padded(event: JSON) -> JSON:
    """Fill the event up to 3 KB with what real ones are long by: more people and teams, no fields of our own."""
    data = event["data"]
    for number in itertools.count(4):
        name, kind = ("assignees", "user") if number % 2 else ("teams", "team")
        data[name].append(_reference(kind, f"P{number:06}", f"{kind.capitalize()} Number {number}"))
        if len(json.dumps({"event": event})) >= BODY_BYTES:
            return event
    raise AssertionError("unreachable")


def webhook_request(host: str, path: str) -> bytes:
    """Return one signed HTTP request with ids that no other request has."""
    event = incident_event(next(_numbers))
    body = json.dumps({"event": event}).encode()
    signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: PagerDuty-Webhook/V3.0\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        f"X-PagerDuty-Signature: v1={signature}\r\nX-Webhook-Id: {event['id']}\r\n\r\n"
    )
    return head.encode() + body


def slack_envelope() -> tuple[str, str]:
    """Return the envelope id and the frame of one PagerDuty card that Slack delivers over Socket Mode."""
    number = next(_numbers)
    envelope_id = f"{_RUN}-{number:09}"
    link = f"<https://acme.pagerduty.com/incidents/Q{_RUN}{number:07}|[#{number}] payment-service: 5xx &gt; 20 %>"
    text = {"type": "mrkdwn", "text": f"*Triggered* {link}"}
    fields = [{"type": "mrkdwn", "text": t} for t in ("*Service*\nPayment Service", "*Urgency*\nHigh", "*P1*")]
    blocks = [{"type": "section", "text": text}, {"type": "section", "fields": fields}]
    event = {
        "type": "message",
        "channel": "C01INCIDENT",
        "channel_type": "channel",
        "user": "U01PAGERDTY",
        "bot_id": "B01PAGERDTY",
        "bot_profile": {"id": "B01PAGERDTY", "app_id": "A1FKYAUUX", "name": "PagerDuty", "team_id": "T01"},
        "ts": f"{time.time():.0f}.{number % 1_000_000:06}",
        "text": f"*Triggered* {link}",
        "attachments": [{"color": "#c8281e", "fallback": "Triggered", "blocks": blocks}],
    }
    payload = {
        "team_id": "T01",
        "api_app_id": "A01",
        "type": "event_callback",
        "event": event,
        "event_id": f"Ev{_RUN}{number:09}",
        "event_time": int(time.time()),
        "authorizations": [{"enterprise_id": None, "team_id": "T01", "user_id": "U01BOT", "is_bot": True}],
    }
    envelope = {
        "envelope_id": envelope_id,
        "type": "events_api",
        "payload": payload,
        "accepts_response_payload": False,
        "retry_attempt": 0,
        "retry_reason": "",
    }
    return envelope_id, json.dumps(envelope)
