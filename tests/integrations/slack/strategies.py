"""Any domain object, with the texts that attackers and log lines are made of. Ids are ours, so they are well formed."""

from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st

from bot.domain.action import ActionRequest, Applied, Approval, Check, Preview, Proposal, ProposalState, Verification
from bot.domain.alert import AlertSource, MessageRef, Severity
from bot.domain.analysis import Analysis, CitedEvidence, Provenance
from bot.domain.entity import ObjectRef
from bot.domain.evidence import Evidence, EvidenceStatus, Progress, ProgressItem, ProgressState
from bot.domain.incident import Incident, IncidentStatus, TriageState
from bot.domain.metrics import DayFigures, Duration, Figures, ProposalFigures, ServiceFigures
from bot.settings import ALL_ACTIONS

NASTY = st.sampled_from(
    [
        "<!channel> look",
        "<https://evil.example|click>",
        "<@U01MAYACHEN>",
        "```code```",
        "`",
        "a & b < c > d",
        "&lt;!here&gt;",
        "x" * 5000,
        "<" * 4000,
        "line\n" * 400,
        "\u202eevil",
        "\x00\x07",
        "   ",
        "",
        "🙂" * 900,
        "@here #general https://evil.example",
    ]
)
TEXT = st.one_of(st.text(max_size=80), NASTY, st.tuples(NASTY, st.text(max_size=40)).map("".join))
TIME = st.datetimes(
    min_value=datetime(2020, 1, 1),  # noqa: DTZ001 - hypothesis wants naive bounds and adds the zone
    max_value=datetime(2040, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
)
MILLISECONDS = st.floats(min_value=0, max_value=1e10)
SHORT_NAME = st.text("abcdefghijklmnopqrstuvwxyz0123456789-", min_size=1, max_size=253)
TARGET = st.builds(
    ObjectRef, kind=st.sampled_from(["Deployment", "Pod", "Service"]), name=SHORT_NAME, namespace=SHORT_NAME
)
INCIDENT_ID = st.from_regex(r"INC-[0-9A-Z]{10}\Z", fullmatch=True)
PROPOSAL_ID = st.from_regex(r"P-[0-9A-Z]{6}\Z", fullmatch=True)
REF = st.just(MessageRef(channel="C01INCIDENT", ts="1795403565.000100"))
USER = st.one_of(st.none(), st.just("U01MAYACHEN"), TEXT)
JSON = st.recursive(st.one_of(st.none(), st.integers(), TEXT), lambda inner: st.lists(inner, max_size=4), max_leaves=8)


def _maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(st.none(), strategy)


def _many(strategy: st.SearchStrategy[Any], most: int) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(strategy, max_size=most).map(tuple)


INCIDENT = st.builds(
    Incident,
    id=INCIDENT_ID,
    dedup_key=st.just("pagerduty:P0EF57N"),
    source=st.sampled_from(AlertSource),
    external_id=_maybe(st.just("P0EF57N")),
    url=_maybe(st.one_of(TEXT, st.just("https://acme.pagerduty.com/incidents/P0EF57N"))),
    title=TEXT,
    service=_maybe(TEXT),
    severity=st.sampled_from(Severity),
    status=st.sampled_from(IncidentStatus),
    target=_maybe(TARGET),
    triage=st.sampled_from(TriageState),
    thread=_maybe(REF),
    opened_at=TIME,
    acknowledged_at=_maybe(TIME),
    resolved_at=_maybe(TIME),
    alert_count=st.integers(1, 100_000),
)
REQUEST = st.builds(
    ActionRequest,
    action=st.one_of(st.sampled_from(ALL_ACTIONS), st.just("other_thing")),
    target=TARGET,
    params=st.dictionaries(st.sampled_from(["image", "replicas", "name", "revision", "x"]), JSON, max_size=4),
    reason=TEXT,
)
PREVIEW = st.builds(
    Preview,
    command=TEXT,
    diff=TEXT,
    risk=st.sampled_from(["S", "D", "X"]),
    blast_radius=TEXT,
    warnings=_many(TEXT, 25),
    reversible=st.booleans(),
)
VERIFICATION = st.builds(
    Verification,
    passed=st.booleans(),
    summary=TEXT,
    checks=_many(st.builds(Check, name=TEXT, passed=st.booleans(), detail=TEXT), 12),
    duration_ms=MILLISECONDS,
)
PROPOSAL = st.builds(
    Proposal,
    id=PROPOSAL_ID,
    incident_id=INCIDENT_ID,
    request=REQUEST,
    preview=PREVIEW,
    fingerprint=st.just("f" * 64),
    state=st.sampled_from(ProposalState),
    rank=st.integers(0, 5),
    created_at=TIME,
    expires_at=TIME,
    approvals=_many(st.builds(Approval, by=st.from_regex(r"U[A-Z0-9]{8,10}\Z", fullmatch=True), at=TIME), 2),
    decided_at=_maybe(TIME),
    decided_by=USER,
    reason=_maybe(TEXT),
    applied=_maybe(
        st.builds(Applied, summary=TEXT, already_done=st.booleans(), undo=_maybe(REQUEST), state=st.just({}))
    ),
    verification=_maybe(VERIFICATION),
    error=_maybe(TEXT),
    undo_of=_maybe(PROPOSAL_ID),
    undone_by=_maybe(PROPOSAL_ID),
    message=_maybe(REF),
    finished_at=_maybe(TIME),
)
PROGRESS = st.builds(
    Progress,
    headline=TEXT,
    items=_many(
        st.builds(
            ProgressItem,
            key=st.just("k"),
            label=TEXT,
            state=st.sampled_from(ProgressState),
            detail=TEXT,
            duration_ms=_maybe(MILLISECONDS),
        ),
        40,
    ),
)
ANALYSIS = st.builds(
    Analysis,
    headline=TEXT,
    severity=st.sampled_from(Severity),
    root_cause=TEXT,
    confidence=st.floats(0, 1),
    healthy=st.booleans(),
    evidence=_many(st.builds(CitedEvidence, evidence_id=TEXT, source=TEXT, quote=TEXT), 8),
    immediate_actions=_many(TEXT, 9),
    long_term_fixes=_many(TEXT, 9),
    monitoring=_many(TEXT, 9),
    provenance=st.builds(
        Provenance,
        method=st.sampled_from(["rules", "runbook", "claude"]),
        model=_maybe(TEXT),
        runbook=_maybe(TEXT),
        duration_ms=MILLISECONDS,
        turns=st.integers(0, 50),
        cost_usd=st.floats(0, 100),
        note=TEXT,
    ),
)
EVIDENCE = st.builds(
    Evidence,
    id=st.from_regex(r"E[0-9]{1,3}\Z", fullmatch=True),
    source=TEXT,
    label=TEXT,
    status=st.sampled_from(EvidenceStatus),
    detail=TEXT,
    quotes=_many(TEXT, 8),
    payload=JSON,
    gathered_at=TIME,
    duration_ms=MILLISECONDS,
)
DURATION = st.builds(
    Duration,
    count=st.integers(0, 9),
    mean=_maybe(st.floats(0, 1e7)),
    median=_maybe(st.floats(0, 1e7)),
)
FIGURES = st.builds(
    Figures,
    since=TIME,
    until=TIME,
    incidents=st.integers(0, 1_000_000),
    open_now=st.integers(0, 1_000_000),
    mtta=DURATION,
    mttr=DURATION,
    by_service=_many(
        st.builds(ServiceFigures, service=TEXT, incidents=st.integers(0, 99_999), mtta=DURATION, mttr=DURATION), 14
    ),
    by_day=_many(
        st.builds(
            DayFigures,
            day=st.dates(),
            incidents=st.integers(0, 99_999),
            resolved=st.integers(0, 99_999),
        ),
        40,
    ),
    proposals=st.just(ProposalFigures()),
)
