"""In-memory implementations of the ports, for tests of the core."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from bot.domain.action import ActionRequest, ActionSpec, Applied, Check, Preview, Proposal, Verification
from bot.domain.actor import Actor, Via
from bot.domain.alert import Alert, AlertSource, AlertState, MessageRef, Severity
from bot.domain.analysis import Analysis
from bot.domain.entity import ObjectRef
from bot.domain.evidence import Evidence, EvidenceStatus, Progress, ProgressItem, ProgressState
from bot.domain.finding import Citation, Diagnosis, Finding, RiskClass, SuggestedAction
from bot.domain.incident import Incident
from bot.errors import Conflict, NotFound, OncallError
from bot.ports.analyst import Brief
from bot.ports.evidence import EvidenceTool, Gathered, ReportProgress, Resolution

AT = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
UNDO_PARAMS = {"to_revision": 4}
TARGET = ObjectRef(kind="Deployment", namespace="shop", name="checkout")
MAYA = Actor(via=Via.SLACK, id="U0MAYA", name="Maya Chen", email="maya@example.com", groups=frozenset({"S0ONCALL"}))
JONAS = Actor(
    via=Via.SLACK, id="U0JONAS", name="Jonas Weber", email="jonas@example.com", groups=frozenset({"S0ONCALL"})
)
ROBIN = Actor(via=Via.SLACK, id="U0ROBIN", name="Robin Okafor", email="robin@example.com")


def make_alert(number: int = 1, **changes: Any) -> Alert:
    fields: dict[str, Any] = {
        "source": AlertSource.PAGERDUTY_SLACK,
        "delivery_id": f"delivery-{number}",
        "dedup_key": "pagerduty:P000001",
        "state": AlertState.TRIGGERED,
        "title": "Checkout is down",
        "severity": Severity.CRITICAL,
        "service": "Checkout",
        "external_id": "P000001",
        "labels": {"namespace": "shop", "deployment": "checkout"},
        "occurred_at": AT,
        "message": MessageRef(channel="C1", ts="100.000001"),
    }
    return Alert(**{**fields, **changes})


@dataclass
class FakeMessenger:
    """Keeps everything that was said, by key; `fail` is raised as often as it has entries."""

    posts: dict[str, MessageRef] = field(default_factory=dict)
    log: list[tuple[str, Any]] = field(default_factory=list)
    fail: list[OncallError] = field(default_factory=list)
    people: dict[str, Actor] = field(default_factory=lambda: {p.id: p for p in (MAYA, JONAS, ROBIN)})
    _ts: int = 200

    def _post(self, channel: str, key: str, what: Any) -> MessageRef:
        if self.fail:
            raise self.fail.pop(0)
        self._ts += 1
        ref = MessageRef(channel=channel, ts=f"{self._ts}.000000")
        assert key not in self.posts, f"{key} was posted twice"
        self.posts[key] = ref
        self.log.append((key, what))
        return ref

    async def open_thread(self, incident: Incident, channel: str, key: str) -> MessageRef:
        return self._post(channel, key, incident.title)

    async def update_root(self, incident: Incident, message: MessageRef) -> None:
        self.log.append(("root", incident.status))

    async def post_progress(self, incident: Incident, progress: Progress, key: str) -> MessageRef:
        return self._post(incident.channel or "?", key, progress)

    async def update_progress(self, incident: Incident, message: MessageRef, progress: Progress) -> None:
        self.log.append(("progress", progress))

    async def show_analysis(
        self, incident: Incident, message: MessageRef, analysis: Analysis, proposals: int, progress: Progress
    ) -> None:
        self.log.append(("analysis", analysis))

    async def ask_target(
        self, incident: Incident, message: MessageRef, candidates: Sequence[ObjectRef], reason: str
    ) -> None:
        self.log.append(("question", tuple(candidates)))

    async def post_proposal(self, incident: Incident, proposal: Proposal, key: str) -> MessageRef:
        return self._post(incident.channel or "?", key, proposal)

    async def update_proposal(self, incident: Incident, proposal: Proposal, step: str = "") -> None:
        self.log.append(("proposal", (proposal.id, proposal.state, step)))

    async def offer_resolve(self, incident: Incident, proposal: Proposal, key: str) -> MessageRef:
        return self._post(incident.channel or "?", key, "resolve?")

    async def update_resolve(self, incident: Incident, proposal: Proposal, message: MessageRef) -> None:
        self.log.append(("resolve offer", incident.status))

    async def post_notice(self, incident: Incident, text: str, key: str) -> MessageRef:
        return self._post(incident.channel or "?", key, text)

    async def post_evidence_file(self, incident: Incident, evidence: Sequence[Evidence], key: str) -> None:
        self._post(incident.channel or "?", key, evidence)

    async def find_posted(self, incident: Incident, key: str) -> MessageRef | None:
        return self.posts.get(key)

    async def person(self, user_id: str) -> Actor:
        if user_id not in self.people:
            raise NotFound("Nobody has this id.", vendor="Slack")
        return self.people[user_id]

    def said(self, kind: str) -> list[Any]:
        return [what for key, what in self.log if key == kind or key.endswith(f":{kind}")]


FINDING = Finding(
    key="crash.missing_env",
    entity=str(TARGET),
    severity=Severity.CRITICAL,
    confidence=0.95,
    summary="checkout exits at start because PAYMENT_URL is not set; revision 3 had it.",
    evidence=(Citation(kind="log", entity="Pod/shop/checkout-1", pointer="app:previous:1", value="PAYMENT_URL unset"),),
    actions=(SuggestedAction(action="rollback", target=str(TARGET), params={"to_revision": 3}, risk="D", reason="R3"),),
)


@dataclass
class FakeSource:
    """A cluster with one thing wrong."""

    name: str = "kubernetes"
    resolution: Resolution = field(default_factory=lambda: Resolution(target=TARGET))
    diagnosis: Diagnosis = field(default_factory=lambda: Diagnosis(taken_at=AT, healthy=False, findings=(FINDING,)))
    gathered: int = 0

    async def resolve(self, incident: Incident) -> Resolution:
        return self.resolution

    async def gather(self, incident: Incident, report: ReportProgress) -> Gathered:
        self.gathered += 1
        report(ProgressItem(key="logs", label="Logs", state=ProgressState.OK, duration_ms=3))
        evidence = Evidence(
            id="E1",
            source="kubernetes.logs",
            label="Logs",
            status=EvidenceStatus.OK,
            detail="1 line",
            quotes=("PAYMENT_URL unset",),
            payload={"Pod/shop/checkout-1": "PAYMENT_URL unset"},
            gathered_at=AT,
            duration_ms=3,
        )
        return Gathered(evidence=(evidence,), diagnosis=self.diagnosis)

    def tools(self, incident: Incident, gathered: Gathered) -> tuple[EvidenceTool, ...]:
        return ()


@dataclass
class FakeRemediator:
    """Counts effects by action id, the way a cluster that recognises its annotation does."""

    effects: dict[str, int] = field(default_factory=dict)
    helps: bool = True
    fail: list[OncallError] = field(default_factory=list)
    conflict: bool = False
    risk: RiskClass = "D"
    undo_risk: RiskClass | None = None  # the same as `risk` unless set

    def specs(self) -> tuple[ActionSpec, ...]:
        return (
            ActionSpec(
                name="rollback",
                summary="Roll back",
                risk="D",
                reversible=True,
                params_schema={"type": "object"},
                verbs=("patch deployments.apps",),
            ),
        )

    def validate(self, request: ActionRequest) -> ActionRequest:
        return request

    async def preview(self, request: ActionRequest) -> Preview:
        return Preview(
            command=f"kubectl rollout undo deployment/{request.target.name}",
            diff="-a\n+b",
            risk=self.undo_risk if self.undo_risk and request.params == UNDO_PARAMS else self.risk,
            blast_radius="2 replicas",
            reversible=True,
            precondition={"uid": "u-1", "generation": 4},
        )

    async def apply(self, request: ActionRequest, preview: Preview, action_id: str) -> Applied:
        if self.fail:
            raise self.fail.pop(0)
        if self.conflict:
            raise Conflict("The object changed since it was looked at.")
        already = action_id in self.effects
        self.effects[action_id] = self.effects.get(action_id, 0) + (0 if already else 1)
        undo = request.model_copy(update={"params": UNDO_PARAMS, "finding": None})
        return Applied(summary="Rolled back to revision 3.", already_done=already, undo=undo)

    async def verify(self, request: ActionRequest, applied: Applied, report: Callable[[str], None]) -> Verification:
        report("2 of 2 ready")
        check = Check(name="ready", passed=self.helps, detail="2 of 2")
        return Verification(passed=self.helps, summary="2 of 2 ready for 10 s", checks=(check,), duration_ms=10)


@dataclass
class FakeIncidentSource:
    """PagerDuty, as far as the core is concerned."""

    name: str = "PagerDuty"
    notes: list[tuple[str, str]] = field(default_factory=list)
    calls: list[tuple[str, str, str | None]] = field(default_factory=list)
    details: dict[str, Any] = field(default_factory=dict)

    async def fetch(self, external_id: str) -> Alert:
        return make_alert(99, external_id=external_id, details=self.details)

    async def acknowledge(self, external_id: str, email: str | None) -> None:
        self.calls.append(("acknowledge", external_id, email))

    async def resolve(self, external_id: str, email: str | None) -> None:
        self.calls.append(("resolve", external_id, email))

    async def add_note(self, external_id: str, text: str, email: str | None = None) -> str:
        self.notes.append((external_id, text))
        return f"N{len(self.notes)}"

    async def find_note(self, external_id: str, text: str) -> str | None:
        return next((f"N{n}" for n, (_, note) in enumerate(self.notes, 1) if text in note), None)

    async def check(self) -> str:
        return "ok"


@dataclass
class FakeAnalyst:
    """A model that answers, or raises."""

    name: str = "Claude"
    answer: Analysis | None = None
    error: OncallError | None = None

    async def analyse(self, brief: Brief, tools: tuple[EvidenceTool, ...], report: ReportProgress) -> Analysis:
        if self.error is not None:
            raise self.error
        assert self.answer is not None
        return self.answer
