"""An alert in the three shapes it travels in: Events API event, V3 webhook body, Slack card.

The last two are made by the sandbox's PagerDuty itself, so that a simulated webhook cannot drift away from a real one.
"""

import json
import random
import uuid
from collections.abc import Mapping
from typing import Any

from sandbox.pagerduty.account import Account
from sandbox.pagerduty.cards import render_card
from sandbox.pagerduty.directory import DEFAULT_PEOPLE, DEFAULT_SERVICES, Directory
from sandbox.pagerduty.records import Change, Incident
from sandbox.pagerduty.render import show_change
from sandbox.pagerduty.webhooks import sign
from sandbox.scenarios.alerts.draft import AlertDraft


def build_event(draft: AlertDraft, routing_key: str, *, dedup_key: str | None = None) -> dict[str, Any]:
    """Return a trigger as it is posted to the Events API v2."""
    return {
        "routing_key": routing_key,
        "event_action": "trigger",
        "dedup_key": dedup_key or draft.dedup_key,
        "client": "Acme monitoring",
        "client_url": "https://monitoring.acme.example",
        "links": [dict(link) for link in draft.links],
        "payload": {
            "summary": draft.summary,
            "source": draft.source,
            "severity": draft.severity,
            "component": draft.component,
            "group": draft.group,
            "class": draft.event_class,
            "custom_details": dict(draft.details),
        },
    }


def build_webhook(draft: AlertDraft, service: str, *, seed: int | None = None) -> dict[str, Any]:
    """Return the body of the incident.triggered webhook that the alert causes: {"event": {...}}."""
    changes: list[Change] = []
    directory, incident = _trigger(draft, service, seed, changes)
    return show_change(changes[0], directory, f"01{_letters(seed, incident.id)}")


def build_card(draft: AlertDraft, service: str, *, seed: int | None = None) -> dict[str, Any]:
    """Return the message PagerDuty's Slack app posts: text, attachments, unfurl flags."""
    return render_card(_trigger(draft, service, seed, [])[1])


def sign_body(body: Mapping[str, Any], secret: str) -> tuple[bytes, dict[str, str]]:
    """Return a webhook's raw bytes and the headers it is posted with, signed, with a delivery id of its own."""
    raw = json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()
    return raw, {
        "Content-Type": "application/json",
        "User-Agent": "PagerDuty-Webhook/V3.0",
        "X-PagerDuty-Signature": sign(raw, [secret]),
        "X-Webhook-Id": str(uuid.uuid4()),
        "X-Webhook-Subscription": "PSIMULA",
    }


def _trigger(draft: AlertDraft, service: str, seed: int | None, changes: list[Change]) -> tuple[Directory, Incident]:
    directory = Directory.seed(DEFAULT_PEOPLE, DEFAULT_SERVICES)
    account = Account(directory, seed=seed)
    account.listen(changes.append)
    found = directory.service_by_name(service)
    if found is None:
        raise KeyError(service)
    return directory, account.trigger(found, build_event(draft, found.routing_key))[0]


def _letters(seed: int | None, salt: str) -> str:
    dice = random.Random(None if seed is None else f"{seed}/{salt}")
    return "".join(dice.choices("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", k=24))
