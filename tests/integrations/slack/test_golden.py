"""What people see, pinned. `UPDATE_GOLDEN=1 pytest tests/integrations/slack/test_golden.py` rewrites the files."""

import json
import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bot.domain.action import ActionRequest, ProposalState
from bot.domain.alert import Severity
from bot.domain.analysis import Provenance
from bot.domain.entity import ObjectRef
from bot.domain.incident import IncidentStatus
from integrations.slack.blocks.analysis import analysis
from integrations.slack.blocks.commands import help_text, incident_list, status
from integrations.slack.blocks.errors import error, error_view
from integrations.slack.blocks.home import home
from integrations.slack.blocks.modals import (
    confirm_modal,
    evidence_modal,
    investigate_modal,
    proposal_modal,
    reject_modal,
)
from integrations.slack.blocks.notice import notice
from integrations.slack.blocks.progress import progress
from integrations.slack.blocks.proposal import proposal
from integrations.slack.blocks.question import question
from integrations.slack.blocks.resolve import resolve
from integrations.slack.blocks.root import root
from sandbox.slack.validation.blocks import check_blocks
from tests.integrations.slack import limits
from tests.integrations.slack import samples as s

MAYA, JONAS = s.MAYA.id, "U01JONASWEB"
GOLDEN = Path(__file__).parent / "golden"
CANDIDATES = [
    s.PAYMENT,
    ObjectRef(kind="StatefulSet", namespace="shop", name="payment-db"),
    ObjectRef(kind="Deployment", namespace="shop", name="x" * 200),
]
COMPONENTS = [
    SimpleNamespace(name="Slack", ok=True, detail="connected to Acme", required=True),
    SimpleNamespace(name="PagerDuty", ok=False, detail="no API token: messages and webhooks only", required=False),
]


def _link(incident: Any) -> str | None:
    return "https://acme.slack.com/archives/C01INCIDENT/p1795403565000100" if incident.thread else None


def _home(**changes: Any) -> dict[str, Any]:
    values: dict[str, Any] = {"days": 7, "thread_link": _link}
    return home([s.incident()], [s.proposal()], s.figures(), **(values | changes))


RENDERED: dict[str, Callable[[], dict[str, Any]]] = {
    "root_triggered": lambda: root(s.incident()),
    "root_resolved": lambda: root(
        s.incident(
            status=IncidentStatus.RESOLVED,
            resolved_at=s.NOW + timedelta(hours=1, minutes=3),
            alert_count=4,
            target=None,
        )
    ),
    "progress": lambda: progress(s.incident(), s.progress()),
    "analysis": lambda: analysis(s.incident(), s.analysis(), 2, s.progress()),
    "analysis_rules_fallback": lambda: analysis(
        s.incident(),
        s.analysis(
            provenance=Provenance(
                method="rules", duration_ms=640, note="Claude was overloaded; this analysis is made by rules alone."
            )
        ),
    ),
    "analysis_healthy": lambda: analysis(
        s.incident(),
        s.analysis(
            headline="healthy-app is fine",
            root_cause="All 3 pods are ready and nothing restarted in the last hour.",
            severity=Severity.INFO,
            healthy=True,
            evidence=(),
            immediate_actions=(),
            long_term_fixes=(),
            provenance=Provenance(method="runbook", runbook="healthy", duration_ms=480),
        ),
    ),
    "proposal_pending": lambda: proposal(s.incident(), s.proposal()),
    "proposal_command_only": lambda: proposal(s.incident(), s.proposal(ProposalState.COMMAND_ONLY)),
    "proposal_approved": lambda: proposal(s.incident(), s.proposal(ProposalState.APPROVED, **s.DECIDED)),
    "proposal_executing": lambda: proposal(
        s.incident(), s.proposal(ProposalState.EXECUTING, **s.DECIDED), "2 of 3 pods updated"
    ),
    "proposal_succeeded": lambda: proposal(s.incident(), s.succeeded()),
    "proposal_undone": lambda: proposal(s.incident(), s.succeeded(undone_by="P-9ZZ0AB")),
    "proposal_failed": lambda: proposal(s.incident(), s.failed()),
    "proposal_rejected": lambda: proposal(
        s.incident(), s.proposal(ProposalState.REJECTED, **s.DECIDED, reason="A <fix> is on its way.")
    ),
    "proposal_expired": lambda: proposal(s.incident(), s.proposal(ProposalState.EXPIRED)),
    "proposal_superseded": lambda: proposal(s.incident(), s.proposal(ProposalState.SUPERSEDED)),
    "proposal_undo": lambda: proposal(
        s.incident(),
        s.proposal(
            undo_of="P-4TX9KQ",
            request=ActionRequest(action="scale", target=s.PAYMENT, params={"replicas": 3}, reason="Back to 3."),
        ),
    ),
    "proposal_destructive": lambda: proposal(s.incident(), s.destructive()),
    "proposal_destructive_half": lambda: proposal(s.incident(), s.destructive(ProposalState.PENDING, MAYA)),
    "proposal_destructive_approved": lambda: proposal(
        s.incident(), s.destructive(ProposalState.APPROVED, MAYA, JONAS, **s.DECIDED | {"decided_by": JONAS})
    ),
    "proposal_destructive_expired": lambda: proposal(s.incident(), s.destructive(ProposalState.EXPIRED, MAYA)),
    "question": lambda: question(s.incident(), CANDIDATES, "Two workloads match “payment”."),
    "resolve": lambda: resolve(s.incident(), s.succeeded()),
    "notice": lambda: notice("👀 Acknowledged by <@U01MAYACHEN> in PagerDuty."),
    "error": lambda: error("Slack is not reachable.", "Try again in a minute.", "E-0A1B2C"),
    "error_view": lambda: error_view("You may not do this.", "Ask somebody of the on-call group."),
    "modal_evidence": lambda: evidence_modal(s.incident(), s.evidence()),
    "modal_proposal": lambda: proposal_modal(s.succeeded()),
    "modal_reject": lambda: reject_modal(s.proposal()),
    "modal_confirm_first": lambda: confirm_modal(s.destructive()),
    "modal_confirm_second": lambda: confirm_modal(s.destructive(ProposalState.PENDING, MAYA)),
    "modal_investigate": investigate_modal,
    "home_bars": _home,
    "home_chart": lambda: _home(chart=True),
    "home_destructive_half": lambda: home(
        [], [s.destructive(ProposalState.PENDING, MAYA)], s.figures(), days=7, thread_link=_link
    ),
    "home_empty": lambda: home([], [], s.figures(), days=7, thread_link=_link),
    "command_help": lambda: help_text("/oncall", [("status", "what works")], "I do not know “stats”."),
    "command_status": lambda: status(COMPONENTS),
    "command_incidents": lambda: incident_list([s.incident(), s.incident(id="INC-2", thread=None, url=None)], _link),
}


@pytest.mark.parametrize("name", RENDERED)
def test_looks_as_pinned(name: str) -> None:
    rendered = RENDERED[name]()
    if "type" in rendered:
        limits.check_view(rendered)
    else:
        limits.check_message(rendered)
    text = json.dumps(rendered, indent=2, ensure_ascii=False) + "\n"
    path = GOLDEN / f"{name}.json"
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", [name for name in RENDERED if name != "home_chart"])
def test_the_sandbox_accepts_it(name: str) -> None:
    rendered = RENDERED[name]()
    assert check_blocks(rendered["blocks"], rendered.get("type", "message")) == []


def test_no_golden_file_without_its_rendering() -> None:
    assert {path.stem for path in GOLDEN.glob("*.json")} == set(RENDERED)
