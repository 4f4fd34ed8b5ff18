"""Judging a snapshot: every family, then causes before symptoms, then the order in which people should read."""

from collections.abc import Callable, Iterable

import structlog

from bot.domain.alert import Severity
from bot.domain.entity import ObjectRef
from bot.domain.finding import Abstention, Diagnosis, Finding, SourceStatus
from integrations.kubernetes.diagnosis import (
    autoscaling,
    batch,
    certificates,
    config,
    crash,
    dialogue,
    disruption,
    image,
    ingress,
    lifecycle,
    nodes,
    readiness,
    resources,
    rollout,
    routes,
    scheduling,
    service,
    storage,
    workload,
)
from integrations.kubernetes.diagnosis.causality import explain, related_to
from integrations.kubernetes.diagnosis.dialogue import unexplained
from integrations.kubernetes.diagnosis.findings import Judged
from integrations.kubernetes.diagnosis.graph import Graph
from integrations.kubernetes.diagnosis.recent import WEIGHT, attach
from integrations.kubernetes.snapshot import Snapshot

logger = structlog.get_logger(__name__)

Analyzer = Callable[[Graph], Iterable[Judged]]

ANALYZERS: tuple[Analyzer, ...] = tuple(
    module.analyze
    for module in (
        image, config, scheduling, storage, resources, crash, rollout, workload, batch,
        readiness, service, ingress, routes, certificates, lifecycle, nodes, autoscaling, disruption, dialogue,
    )
)  # fmt: skip
"""Pure functions from the indexed snapshot to findings and abstentions."""
_ESSENTIAL = frozenset({"Workload", "Pods"})


def diagnose(snapshot: Snapshot, focus: ObjectRef | None = None) -> Diagnosis:
    """Return all that is wrong in a snapshot, or with `focus` all that concerns one object.

    The result depends on the snapshot's content alone: the same content gives the same bytes.
    """
    graph = Graph(snapshot)
    judged, defects = _run(graph)
    findings = sorted((item for item in judged if isinstance(item, Finding)), key=_order)
    abstentions = sorted(
        {item for item in judged if isinstance(item, Abstention)}, key=lambda item: (item.entity, item.reason)
    )
    explained = explain(graph, findings)
    abstentions += unexplained(graph, explained)
    findings, sudden = attach(graph, explained)
    ranked = sorted(enumerate(findings), key=lambda pair: _order(pair[1], WEIGHT if pair[0] in sudden else 0.0))
    findings = [found for _, found in ranked]
    if focus is not None:
        findings, abstentions = _focus(graph, str(focus), findings, abstentions)
    unseen = [source for source in snapshot.sources if source.status == "error" and source.name in _ESSENTIAL]
    quiet = not abstentions and all(item.severity is Severity.INFO for item in findings)
    return Diagnosis(
        taken_at=snapshot.taken_at,
        healthy=quiet and not unseen and not defects,
        findings=tuple(findings),
        abstentions=tuple(abstentions),
        sources=(*snapshot.sources, *defects),
    )


def _run(graph: Graph) -> tuple[list[Judged], list[SourceStatus]]:
    """Run every analyzer; the defect of one is reported in its place and does not cost what the others see."""
    judged: list[Judged] = []
    defects: list[SourceStatus] = []
    for analyze in ANALYZERS:
        try:
            judged += analyze(graph)
        except (AttributeError, LookupError, TypeError, ValueError) as error:
            family = analyze.__module__.rpartition(".")[2]
            logger.exception("analyzer_failed", family=family)
            detail = f"not judged: {type(error).__name__} on an object of an unexpected form"
            defects.append(SourceStatus(name=f"analyzer {family}", status="error", detail=detail))
    return judged, defects


def _order(found: Finding, more: float = 0.0) -> tuple[bool, int, float, str, str, str]:
    return (not found.root, found.severity.rank, -found.confidence - more, found.key, found.entity, found.summary)


def _focus(
    graph: Graph, about: str, findings: list[Finding], abstentions: list[Abstention]
) -> tuple[list[Finding], list[Abstention]]:
    """Keep what concerns the object: findings on it or around it, and the roots that explain those."""
    near = related_to(graph, about)
    kept = [
        item
        for item in findings
        if item.entity in near
        or near.intersection(item.explains)
        or any(citation.entity == about for citation in item.evidence)
    ]
    return kept, [item for item in abstentions if item.entity in near]
