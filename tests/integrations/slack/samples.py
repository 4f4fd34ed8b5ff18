"""Domain objects as they occur, for golden files and handler tests. Fixed times, fixed ids."""

from datetime import UTC, datetime, timedelta
from typing import Any

from bot.domain.action import (
    ActionRequest,
    Applied,
    Approval,
    Check,
    Preview,
    Proposal,
    ProposalState,
    Verification,
    fingerprint,
)
from bot.domain.actor import Actor, Via
from bot.domain.alert import AlertSource, MessageRef, Severity
from bot.domain.analysis import Analysis, CitedEvidence, Provenance
from bot.domain.entity import ObjectRef
from bot.domain.evidence import Evidence, EvidenceStatus, Progress, ProgressItem, ProgressState
from bot.domain.incident import Incident, IncidentStatus, TriageState
from bot.domain.metrics import DayFigures, Duration, Figures, ProposalFigures, ServiceFigures

NOW = datetime(2026, 11, 23, 3, 12, 45, tzinfo=UTC)
MAYA = Actor(
    via=Via.SLACK, id="U01MAYACHEN", name="Maya Chen", email="maya.chen@acme.example", groups=frozenset({"S0ONCALL"})
)
PAYMENT = ObjectRef(kind="Deployment", namespace="shop", name="payment-service")
THREAD = MessageRef(channel="C01INCIDENT", ts="1795403565.000100")


def incident(**changes: Any) -> Incident:
    values: dict[str, Any] = {
        "id": "INC-7K2M9QX4TD",
        "dedup_key": "pagerduty:Q2E7MG6P1H0D3P",
        "source": AlertSource.PAGERDUTY_WEBHOOK,
        "external_id": "Q2E7MG6P1H0D3P",
        "url": "https://acme.pagerduty.com/incidents/Q2E7MG6P1H0D3P",
        "title": "payment-service: 5xx rate <above> 20 % & rising",
        "service": "Payment Service",
        "severity": Severity.CRITICAL,
        "status": IncidentStatus.TRIGGERED,
        "target": PAYMENT,
        "triage": TriageState.RUNNING,
        "channel": "C01INCIDENT",
        "thread": THREAD,
        "opened_at": NOW,
    }
    return Incident(**(values | changes))


def progress() -> Progress:
    return Progress(
        headline="Looking at Deployment/shop/payment-service",
        items=(
            ProgressItem(key="pods", label="Pods", state=ProgressState.OK, detail="3 pods, 2 crashing", duration_ms=84),
            ProgressItem(key="logs", label="Previous logs", state=ProgressState.RUNNING),
            ProgressItem(key="hpa", label="Autoscaler", state=ProgressState.NO_DATA, duration_ms=31),
            ProgressItem(
                key="metrics",
                label="Metrics",
                state=ProgressState.ERROR,
                detail="metrics.k8s.io answered 503",
                duration_ms=5003,
            ),
            ProgressItem(key="quota", label="Quota", state=ProgressState.WAITING),
        ),
    )


def analysis(**changes: Any) -> Analysis:
    values: dict[str, Any] = {
        "headline": "payment-service cannot start: DATABASE_URL is not set",
        "severity": Severity.CRITICAL,
        "root_cause": "Revision 7 dropped the variable DATABASE_URL, and the program exits without it.",
        "confidence": 0.94,
        "evidence": (
            CitedEvidence(
                evidence_id="E3",
                source="previous log of payment-service",
                quote="panic: DATABASE_URL is not set\n```goroutine 1 [running]```:\nmain.main()\n\tmain.go:12\nexit 2",
            ),
            CitedEvidence(evidence_id="E5", source="rollout history", quote="revision 7: - DATABASE_URL"),
        ),
        "immediate_actions": ("Roll back to revision 6.", "Tell the payments team."),
        "long_term_fixes": ("Check required variables in the pipeline.",),
        "monitoring": ("The 5xx rate of the checkout for 30 minutes.",),
        "provenance": Provenance(
            method="claude",
            model="claude-opus-5-5",
            duration_ms=12_400,
            turns=3,
            input_tokens=9000,
            output_tokens=800,
            cost_usd=0.0712,
        ),
    }
    return Analysis(**(values | changes))


DIFF = "\n".join(
    [
        "--- Deployment/shop/payment-service",
        "+++ Deployment/shop/payment-service",
        "@@ -14,5 +14,8 @@",
        *(f"   line {n}" for n in range(12)),
        "+        - name: DATABASE_URL",
        "+          value: postgres://db/payments",
    ]
)


def proposal(state: ProposalState = ProposalState.PENDING, **changes: Any) -> Proposal:
    request = ActionRequest(
        action="rollback",
        target=PAYMENT,
        params={"to_revision": 6},
        reason="Revision 6 was the last one that ran, and it had the variable.",
        finding="crash.missing_env",
    )
    preview = Preview(
        command="kubectl rollout undo deployment/payment-service --to-revision=6 -n shop",
        diff=DIFF,
        risk="S",
        blast_radius="3 pods of payment-service are replaced one by one",
        warnings=("The image goes back from 1.8.0 to 1.7.4, too.",),
        reversible=True,
        precondition={"uid": "0c2d", "resourceVersion": "811"},
    )
    values: dict[str, Any] = {
        "id": "P-4TX9KQ",
        "incident_id": "INC-7K2M9QX4TD",
        "request": request,
        "preview": preview,
        "fingerprint": fingerprint(request, preview),
        "state": state,
        "created_at": NOW,
        "expires_at": NOW + timedelta(minutes=30),
        "message": MessageRef(channel="C01INCIDENT", ts="1795403570.000200", thread_ts=THREAD.ts),
    }
    return Proposal(**(values | changes))


def destructive(state: ProposalState = ProposalState.PENDING, *approvers: str, **changes: Any) -> Proposal:
    """Return a proposal to scale to 0, approved by `approvers` a minute apart."""
    request = ActionRequest(
        action="scale",
        target=PAYMENT,
        params={"replicas": 0},
        reason="It floods the <database>; stopping it is the only way to let the others work.",
    )
    preview = Preview(
        command="kubectl scale deployment/payment-service --replicas=0 -n shop",
        diff="-  replicas: 3\n+  replicas: 0",
        risk="X",
        blast_radius="3 to 0 replicas; Service payment-service loses its last endpoint",
        warnings=("Scaling to 0 stops everything that this workload serves.",),
        reversible=True,
        precondition={"uid": "0c2d", "resourceVersion": "811"},
    )
    approvals = tuple(Approval(by=user, at=NOW + timedelta(minutes=n)) for n, user in enumerate(approvers, 1))
    values = {"request": request, "preview": preview, "approvals": approvals}
    return proposal(state, **(values | {"fingerprint": fingerprint(request, preview)} | changes))


DECIDED: dict[str, Any] = {"decided_at": NOW + timedelta(seconds=70), "decided_by": "U01MAYACHEN"}
VERIFIED = Verification(
    passed=True,
    summary="All 3 pods ready for 10 s.",
    checks=(
        Check(name="Rollout finished", passed=True, detail="3 of 3 updated"),
        Check(name="Finding gone", passed=True, detail="crash.missing_env"),
    ),
    duration_ms=21_300,
)


def succeeded(**changes: Any) -> Proposal:
    undo = ActionRequest(action="rollback", target=PAYMENT, params={"to_revision": 7})
    return proposal(
        ProposalState.SUCCEEDED,
        **(
            DECIDED
            | {
                "finished_at": NOW + timedelta(seconds=95),
                "applied": Applied(summary="payment-service runs revision 6 again, as revision 8.", undo=undo),
                "verification": VERIFIED,
            }
            | changes
        ),
    )


def failed() -> Proposal:
    return proposal(
        ProposalState.FAILED,
        **DECIDED,
        finished_at=NOW + timedelta(seconds=191),
        error="The pods did not become ready within 120 s.",
        verification=Verification(
            passed=False,
            summary="2 of 3 pods still crash.",
            checks=(Check(name="Rollout finished", passed=False, detail="1 of 3 updated"),),
            duration_ms=120_000,
        ),
    )


def evidence() -> tuple[Evidence, ...]:
    return (
        Evidence(
            id="E1",
            source="kubernetes.pods",
            label="Pods",
            status=EvidenceStatus.OK,
            detail="3 pods, 2 crashing",
            payload={"pods": [{"name": "payment-service-1", "restarts": 7}]},
            gathered_at=NOW,
            duration_ms=84,
        ),
        Evidence(
            id="E3",
            source="kubernetes.logs",
            label="Previous log of payment-service",
            status=EvidenceStatus.OK,
            detail="Exited with code 2",
            quotes=("panic: DATABASE_URL is not set", "<!channel> `rm -rf`"),
            gathered_at=NOW,
            duration_ms=120,
        ),
        Evidence(
            id="E4",
            source="kubernetes.metrics",
            label="Metrics",
            status=EvidenceStatus.ERROR,
            detail="metrics.k8s.io answered 503",
            gathered_at=NOW,
            duration_ms=5003,
        ),
    )


def figures() -> Figures:
    since = NOW - timedelta(days=7)
    days = [(since + timedelta(days=n)).date() for n in range(8)]
    return Figures(
        since=since,
        until=NOW,
        incidents=11,
        open_now=2,
        mtta=Duration(count=9, mean=184.0, median=90.0),
        mttr=Duration(count=8, mean=2460.0, median=1900.0),
        by_service=(
            ServiceFigures(
                service="Payment Service",
                incidents=8,
                mtta=Duration(count=8, mean=184.0, median=90.0),
                mttr=Duration(count=7, mean=2460.0, median=1900.0),
            ),
            ServiceFigures(
                service="Search", incidents=3, mtta=Duration(count=1, mean=60, median=60), mttr=Duration(count=0)
            ),
        ),
        by_day=tuple(DayFigures(day=day, incidents=n % 4, resolved=n % 3) for n, day in enumerate(days)),
        proposals=ProposalFigures(proposed=9, approved=7, rejected=1, expired=1, succeeded=6, failed=1),
    )
