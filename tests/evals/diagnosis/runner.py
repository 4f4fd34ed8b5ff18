"""Judging every case and counting: right, wrong, abstained, false alarms, evidence, time."""

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass

from bot.domain.alert import Severity
from bot.domain.finding import Citation, Diagnosis, Finding
from integrations.kubernetes.diagnosis import diagnose, resolve_citation
from integrations.kubernetes.snapshot import Snapshot, SnapshotBuilder
from tests.evals.diagnosis.world import Case, take


@dataclass(frozen=True, slots=True)
class Result:
    """One judged case. `verdict` is right, wrong, abstained or (of a healthy one) silent, noisy, alarmed."""

    case: Case
    verdict: str
    answer: str
    complaints: tuple[str, ...]
    cited: int
    resolved: int
    seconds: float
    stable: bool
    confidence: float


def judge(case: Case) -> Result:
    """Diagnose a case twice, the second time with everything in another order."""
    taken = take(case)
    started = time.process_time()
    diagnosis = diagnose(taken)
    seconds = time.process_time() - started
    stable = diagnose(_shuffled(taken)).model_dump_json() == diagnosis.model_dump_json()
    roots = [found for found in diagnosis.findings if found.root]
    citations = [citation for found in diagnosis.findings for citation in found.evidence]
    resolved = sum(1 for citation in citations if _holds(taken, citation))
    verdict = _verdict(case, diagnosis, roots)
    answer = "; ".join(f"{found.key} {found.entity}" for found in roots[:3]) or "nothing"
    confidence = roots[0].confidence if roots else 0.0
    return Result(
        case, verdict, answer, _complaints(case, roots), len(citations), resolved, seconds, stable, confidence
    )


def _verdict(case: Case, diagnosis: Diagnosis, roots: list[Finding]) -> str:
    if not case.cause:
        loud = any(found.severity in {Severity.CRITICAL, Severity.HIGH} for found in diagnosis.findings)
        return "alarmed" if loud else "silent" if diagnosis.healthy else "noisy"
    if "two-faults" in case.name:
        return "right" if case.wanted & {(found.key, found.entity) for found in roots[:2]} else "wrong"
    if not roots:
        return "abstained"
    return "right" if (roots[0].key, roots[0].entity) in case.wanted else "wrong"


def _complaints(case: Case, roots: list[Finding]) -> tuple[str, ...]:
    """Return what else of the expectation does not hold."""
    found = next((item for item in roots if (item.key, item.entity) in case.wanted), None)
    said = [f"{c.kind} {c.entity} {c.pointer} {c.value}" for c in found.evidence] if found else []
    missing = [f"does not cite {text!r}" for text in case.must_cite if not any(text in item for item in said)]
    if found and case.action and case.action not in {item.action for item in found.actions}:
        missing.append(f"does not offer {case.action}")
    return (*missing, *(f"says {item.key}" for item in roots if item.key in case.never))


def _holds(taken: Snapshot, citation: Citation) -> bool:
    try:
        return bool(resolve_citation(taken, citation) == citation.value)
    except LookupError:
        return False


def _shuffled(taken: Snapshot) -> Snapshot:
    """Return the same content, filled in in another order."""
    builder = SnapshotBuilder(taken.taken_at)
    items = [*taken.objects.values(), *taken.events, *taken.metrics.values()]
    random.Random(5).shuffle(items)
    builder.add(items)
    for key, lines in reversed(list(taken.logs.items())):
        builder.add_log(key, lines)
    for source in taken.sources:
        builder.add_source(source.name, source.status, source.detail)
    return builder.build()


def judge_all(cases: Sequence[Case]) -> list[Result]:
    return [judge(case) for case in cases]
