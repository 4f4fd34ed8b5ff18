"""What every diagnosis has to satisfy, whatever it says."""

from bot.domain.finding import Diagnosis, Finding
from integrations.kubernetes.diagnosis import KEYS, diagnose, resolve_citation
from integrations.kubernetes.snapshot import Snapshot
from tests.integrations.kubernetes.builders import Object, snapshot


def judge(*objects: Object, logs: dict[tuple[str, bool], str] | None = None) -> Diagnosis:
    """Diagnose and check the citations."""
    taken = snapshot(*objects, logs=logs)
    diagnosis = diagnose(taken)
    assert_citations_hold(taken, diagnosis)
    return diagnosis


def assert_citations_hold(taken: Snapshot, diagnosis: Diagnosis) -> None:
    for found in diagnosis.findings:
        assert found.key in KEYS
        assert found.evidence, f"{found.key} cites nothing"
        assert found.actions or found.person_decides, f"{found.key} says nothing about what to do"
        for citation in found.evidence:
            assert resolve_citation(taken, citation) == citation.value


def roots(diagnosis: Diagnosis) -> list[tuple[str, str]]:
    return [(found.key, found.entity) for found in diagnosis.findings if found.root]


def only_root(diagnosis: Diagnosis) -> Finding:
    found = [item for item in diagnosis.findings if item.root]
    assert len(found) == 1, [(item.key, item.entity) for item in found]
    return found[0]
