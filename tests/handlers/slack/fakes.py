"""Services that remember what was asked of them, and Slack payloads as they arrive."""

import itertools
from collections.abc import Callable
from typing import Any, cast

from bot.domain.action import Approval, Proposal, ProposalState
from bot.domain.actor import Actor, Via
from bot.domain.alert import Alert, MessageRef
from bot.domain.entity import ObjectRef
from bot.domain.evidence import Evidence
from bot.domain.incident import Incident
from bot.domain.metrics import Figures
from bot.domain.policy import may_confirm
from bot.errors import ConfirmationNeeded, InvalidInput, NotAllowed, NotFound
from bot.services import Services
from bot.services.status import ComponentStatus
from tests.integrations.slack import samples as s

JSON = dict[str, Any]
REFUSED = "You are not among the approvers of this bot."


class Recorder:
    """One object for all services: every call is kept; approvers are those with the on-call group."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.alerts: list[Alert] = []
        self.failure: Exception | None = None  # raised by every call while it is set
        self.failures: list[Exception] = []  # raised by one call each
        self.destructive = s.destructive(id="P-X0DEAD")
        self.find_person: Callable[[str], Any] | None = None

    def names(self) -> list[str]:
        return [call[0] for call in self.calls]

    def _note(self, *call: Any) -> None:
        if self.failures:
            raise self.failures.pop()
        if self.failure is not None:
            raise self.failure
        self.calls.append(call)

    def _decide(self, person: Actor, *call: Any) -> None:
        if "S0ONCALL" not in person.groups:
            raise NotAllowed(REFUSED, next_step="Ask somebody of the on-call group.")
        if call:
            self._note(*call)

    # intake, people, status, analytics

    async def accept(self, alert: Alert) -> bool:
        self._note("accept", alert.delivery_id)
        self.alerts.append(alert)
        return True

    async def person(self, user_id: str) -> Actor:
        if self.find_person is not None:
            found: Actor = await self.find_person(user_id)
            return found
        return s.MAYA if user_id == s.MAYA.id else Actor(via=Via.SLACK, id=user_id, name="Robin Okafor")

    async def report(self) -> list[ComponentStatus]:
        self._note("report")
        return [ComponentStatus(name="Slack", ok=True, detail="connected")]

    async def figures(self, days: int = 7) -> Figures:
        self._note("figures", days)
        return s.figures()

    # investigation

    async def start(
        self, text: str, person: Actor, channel: str | None = None, message: MessageRef | None = None
    ) -> Incident:
        self._note("start", text, person.id, channel, message)
        return s.incident(title=text)

    async def choose_target(self, incident_id: str, target: ObjectRef, person: Actor) -> None:
        self._note("choose_target", incident_id, str(target), person.id)

    async def again(self, incident_id: str, person: Actor) -> None:
        self._note("again", incident_id, person.id)

    # approvals

    async def approve(self, proposal_id: str, person: Actor, typed: str | None = None) -> Proposal:
        if proposal_id != self.destructive.id:
            self._decide(person, "approve", proposal_id, person.id)
            return s.proposal(ProposalState.APPROVED)
        offer = self.destructive
        self._decide(person)
        if (refusal := may_confirm(offer, person, typed)) is not None:
            errors = {"unconfirmed": ConfirmationNeeded, "mismatch": InvalidInput}
            raise errors.get(refusal.code, NotAllowed)(refusal.message)
        self._note("approve", proposal_id, person.id, typed)
        approvals = (*offer.approvals, Approval(by=person.id, at=s.NOW))
        state = ProposalState.APPROVED if offer.approvals else ProposalState.PENDING
        self.destructive = offer.model_copy(update={"approvals": approvals, "state": state})
        return self.destructive

    async def reject(self, proposal_id: str, person: Actor, reason: str) -> Proposal:
        self._decide(person, "reject", proposal_id, person.id, reason)
        return s.proposal(ProposalState.REJECTED)

    async def propose_undo(self, proposal_id: str, person: Actor) -> Proposal:
        self._decide(person, "propose_undo", proposal_id, person.id)
        return s.proposal(id="P-9ZZ0AB", undo_of=proposal_id)

    async def pending(self) -> list[Proposal]:
        return [s.proposal()]

    # incidents

    async def open(self) -> list[Incident]:
        self._note("open")
        return [s.incident()]

    async def acknowledge(self, incident_id: str, person: Actor) -> Incident:
        self._decide(person, "acknowledge", incident_id, person.id)
        return s.incident()

    async def resolve(self, incident_id: str, person: Actor) -> Incident:
        self._decide(person, "resolve", incident_id, person.id)
        return s.incident()

    async def evidence(self, incident_id: str) -> list[Evidence]:
        self._note("evidence", incident_id)
        return list(s.evidence())

    async def get(self, wanted: str) -> Any:
        if wanted == self.destructive.id:
            return self.destructive
        if wanted.startswith("P-"):
            return s.proposal(id=wanted)
        if wanted.startswith("INC-"):
            return s.incident(id=wanted)
        raise NotFound(f"There is no {wanted}.", vendor="Oncall Agent")


def services(recorder: Recorder) -> Services:
    part = cast("Any", recorder)
    return Services(
        intake=part,
        investigation=part,
        approvals=part,
        incidents=part,
        analytics=part,
        status=part,
        people=part,
    )


_numbers = itertools.count(1)


def event(inner: JSON, event_id: str | None = None) -> JSON:
    return {
        "token": "x",
        "team_id": "T01ACMECORP",
        "api_app_id": "A01ONCALLAG",
        "type": "event_callback",
        "event": inner,
        "event_id": event_id or f"Ev{next(_numbers):09}",
        "event_time": 1795403565,
        "authorizations": [{"team_id": "T01ACMECORP", "user_id": "U01ONCALLAG", "is_bot": True}],
    }


def card(state: str = "Triggered", number: int = 12, incident_id: str = "Q2E7MG6P1H0D3P", **changes: Any) -> JSON:
    """A message of PagerDuty's app, as it looks today; nothing may rely on that."""
    link = f"<https://acme.pagerduty.com/incidents/{incident_id}|[#{number}] payment-service: 5xx &gt; 20 %>"
    message: JSON = {
        "type": "message",
        "channel": "C01INCIDENT",
        "channel_type": "channel",
        "user": "U01PAGERDTY",
        "bot_id": "B01PAGERDTY",
        "bot_profile": {"id": "B01PAGERDTY", "app_id": "A1FKYAUUX", "name": "PagerDuty"},
        "ts": "1795403565.000100",
        "event_ts": "1795403565.000100",
        "text": f"*{state}* {link}",
        "attachments": [
            {
                "color": "#c8281e",
                "fallback": f"{state}: [#{number}] payment-service: 5xx > 20 %",
                "blocks": [
                    {"type": "section", "text": {"type": "mrkdwn", "text": f"*{state}* {link}"}},
                    {
                        "type": "section",
                        "fields": [
                            {"type": "mrkdwn", "text": "*Service*\nPayment Service"},
                            {"type": "mrkdwn", "text": "*Urgency*\nHigh"},
                            {"type": "mrkdwn", "text": "*Severity*\ncritical"},
                        ],
                    },
                    {"type": "context", "elements": [{"type": "mrkdwn", "text": "namespace: shop · pod: payment-1"}]},
                ],
            }
        ],
    }
    return message | changes


def changed(new: JSON, old: JSON, event_ts: str = "1795403700.000300") -> JSON:
    outer = ("channel", "channel_type")
    return {
        "type": "message",
        "subtype": "message_changed",
        "hidden": True,
        "channel": new["channel"],
        "channel_type": new["channel_type"],
        "message": {k: v for k, v in new.items() if k not in outer},
        "previous_message": {k: v for k, v in old.items() if k not in outer},
        "ts": event_ts,
        "event_ts": event_ts,
    }


def click(action_id: str, value: str, user: str = s.MAYA.id, **changes: Any) -> JSON:
    body: JSON = {
        "type": "block_actions",
        "user": {"id": user, "username": "somebody", "team_id": "T01ACMECORP"},
        "api_app_id": "A01ONCALLAG",
        "team": {"id": "T01ACMECORP", "domain": "acme"},
        "trigger_id": "1.2.3",
        "container": {
            "type": "message",
            "message_ts": "1795403570.000200",
            "channel_id": "C01INCIDENT",
            "is_ephemeral": False,
            "thread_ts": "1795403565.000100",
        },
        "channel": {"id": "C01INCIDENT", "name": "incidents"},
        "message": {"type": "message", "ts": "1795403570.000200", "thread_ts": "1795403565.000100"},
        "state": {"values": {}},
        "actions": [
            {"type": "button", "action_id": action_id, "block_id": "b", "value": value, "action_ts": "1795403571.1"}
        ],
    }
    return body | changes


def submission(callback_id: str, block: str, field: str, text: str | None, metadata: str = "", user: str = "") -> JSON:
    return {
        "type": "view_submission",
        "team": {"id": "T01ACMECORP", "domain": "acme"},
        "user": {"id": user or s.MAYA.id, "name": "maya"},
        "api_app_id": "A01ONCALLAG",
        "trigger_id": "1.2.3",
        "view": {
            "id": "V1",
            "type": "modal",
            "callback_id": callback_id,
            "private_metadata": metadata,
            "state": {"values": {block: {field: {"type": "plain_text_input", "value": text}}}},
        },
    }


def slash(text: str, user: str = s.MAYA.id) -> JSON:
    return {
        "command": "/oncall",
        "text": text,
        "user_id": user,
        "user_name": "maya",
        "team_id": "T01ACMECORP",
        "team_domain": "acme",
        "channel_id": "C01INCIDENT",
        "channel_name": "incidents",
        "api_app_id": "A01ONCALLAG",
        "is_enterprise_install": "false",
        "trigger_id": "1.2.3",
    }
