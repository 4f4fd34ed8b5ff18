"""One crashing container with what its end says, and the finding that tells of it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from bot.domain.alert import Severity
from bot.domain.finding import Citation, SuggestedAction
from integrations.kubernetes.diagnosis.changes import describe_change, rollback_action
from integrations.kubernetes.diagnosis.citations import cite_log, cite_present
from integrations.kubernetes.diagnosis.containers import ContainerView
from integrations.kubernetes.diagnosis.crash_signs import Sign
from integrations.kubernetes.diagnosis.findings import Judged, finding, outage, ready_text
from integrations.kubernetes.diagnosis.graph import Graph


@dataclass(frozen=True, slots=True)
class CrashCase:
    """One crashing container with what its end says."""

    graph: Graph
    view: ContainerView
    pointer: str
    terminated: dict[str, Any]
    previous: bool
    lines: tuple[str, ...]

    @property
    def exit_code(self) -> int:
        return int(self.terminated.get("exitCode") or 0)

    @property
    def workload(self) -> dict[str, Any] | None:
        return self.graph.snapshot.objects.get(self.view.owner)

    def evidence(self, sign: Sign | None = None) -> tuple[Citation, ...]:
        pointers = (f"{self.pointer}/exitCode", f"{self.pointer}/reason", f"{self.view.pointer}/restartCount")
        found = cite_present(self.view.pod, *pointers)
        if sign is not None and 0 < sign.number <= len(self.lines):
            line = self.lines[sign.number - 1]
            cited = cite_log(self.view.pod, self.view.name, previous=self.previous, number=sign.number, line=line)
            return (cited, *found)
        return found


def report(
    case: CrashCase,
    key: str,
    what: str,
    confidence: float,
    *,
    sign: Sign | None = None,
    actions: Iterable[SuggestedAction | None] = (),
    decide: str = "",
    evidence: Iterable[Citation] = (),
    rollback: bool = True,
    is_good: Callable[[dict[str, Any]], bool] | None = None,
    verb: str = "crashes",
) -> Judged:
    """Return the finding: container, what, how often, how many pods are left, what changed before."""
    view = case.view
    severity, _, _ = outage(case.graph, view.owner)
    offered = [item for item in actions if item is not None]
    if rollback and (undo := rollback_action(case.graph, case.workload, view.entity, is_good)):
        offered.insert(0, undo)  # what ran before is surer than anything that is put together now
    times = f" ({view.restarts} restarts)" if view.restarts > 1 else ""
    who = "Init container" if view.init else "Container"
    summary = (
        f"{who} {view.name} {verb}{times}: {what}; {ready_text(case.graph, view.owner)}."
        f"{describe_change(case.graph, case.workload)}"
    )
    return finding(
        "init.failing" if view.init and key in {"crash.clean_exit", "crash.app_exception"} else key,
        view.entity,
        summary,
        severity=Severity.HIGH if severity is Severity.WARNING else severity,
        confidence=confidence,
        evidence=(*case.evidence(sign), *evidence),
        actions=offered,
        person_decides=decide or "No earlier revision is known to be better; somebody has to look at the program.",
    )
