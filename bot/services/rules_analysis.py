"""The analysis that needs no model: a diagnosis put into the words of the report."""

from collections.abc import Sequence

from bot.domain.action import ActionRequest
from bot.domain.alert import Severity
from bot.domain.analysis import Analysis, CitedEvidence, Provenance
from bot.domain.base import canonical_json
from bot.domain.entity import ObjectRef
from bot.domain.evidence import Evidence, EvidenceStatus
from bot.domain.finding import Citation, Diagnosis, Finding, SuggestedAction
from bot.domain.incident import Incident
from bot.services.advice import advice_for

_MOST_QUOTES = 5
_MOST_PROPOSALS = 3
_SHORT_VALUE = 40


def write_analysis(
    incident: Incident, diagnosis: Diagnosis | None, evidence: Sequence[Evidence], *, duration_ms: float
) -> Analysis:
    """Return the rule-based analysis: the root finding first, or plainly that nothing was found."""
    provenance = Provenance(method="rules", duration_ms=duration_ms)
    roots = [f for f in diagnosis.findings if f.root] if diagnosis else []
    if not roots:
        return _without_finding(incident, diagnosis, evidence, provenance)
    finding, others = roots[0], roots[1:]
    advice = advice_for(finding.key)
    actions = [_step(action) for action in finding.actions[:_MOST_PROPOSALS]]
    if finding.person_decides:
        actions.append(finding.person_decides)
    actions += [f"Also look at {f.entity}: {f.summary}" for f in others[:3]]
    return Analysis(
        headline=_headline(finding),
        severity=max_severity(incident.severity, finding.severity),
        root_cause=finding.summary,
        confidence=finding.confidence,
        evidence=tuple(_cite(finding.evidence, evidence))[:_MOST_QUOTES],
        immediate_actions=tuple(actions),
        long_term_fixes=advice.long_term,
        monitoring=advice.monitoring,
        proposals=tuple(to_request(a, finding) for a in finding.actions[:_MOST_PROPOSALS]),
        provenance=provenance,
    )


def _headline(finding: Finding) -> str:
    entity = ObjectRef.parse(finding.entity)
    return f"{entity.name}: {advice_for(finding.key).title}"


_STEPS = {
    "rollback": "Roll back to revision {to_revision}",
    "scale": "Scale to {replicas} replicas",
    "set_image": "Set the image of {container} to {image}",
    "set_env": "Set {name} in {container}",
    "set_resources": "Change the resources of {container}",
    "rollout_restart": "Restart the rollout",
    "patch_service": "Correct the Service",
    "patch_configmap": "Add the key {key}",
    "delete_pod": "Delete the pod, so that its controller replaces it",
    "set_probe": "Change the {probe} probe of {container}",
    "evict": "Evict the pod, so that its controller replaces it",
    "cordon": "Cordon the node",
    "uncordon": "Uncordon the node",
    "suspend_cronjob": "Suspend the schedule",
    "resume_cronjob": "Resume the schedule",
    "hpa_bounds": "Change the bounds of the autoscaler",
    "expand_pvc": "Grow the claim to {size}",
    "rerun_job": "Run the Job again",
}


def _step(suggestion: SuggestedAction) -> str:
    """Return a suggestion as one line for a person: what to do, to what, and why."""
    try:
        what = _STEPS[suggestion.action].format(**suggestion.params)
    except KeyError:  # another action, or one without this parameter
        what = suggestion.action.replace("_", " ").capitalize()
    why = f": {suggestion.reason.rstrip('.')}." if suggestion.reason else "."
    return f"{what} (`{ObjectRef.parse(suggestion.target).short}`){why}"


def max_severity(first: Severity, second: Severity) -> Severity:
    """Return the worse of two severities."""
    return min(first, second, key=lambda severity: severity.rank)


def to_request(suggestion: SuggestedAction, finding: Finding) -> ActionRequest:
    """Turn a finding's suggestion into an action request."""
    return ActionRequest(
        action=suggestion.action,
        target=ObjectRef.parse(suggestion.target),
        params=suggestion.params,
        reason=suggestion.reason,
        finding=finding.key,
    )


def _without_finding(
    incident: Incident, diagnosis: Diagnosis | None, evidence: Sequence[Evidence], provenance: Provenance
) -> Analysis:
    failed = [e.label for e in evidence if e.status is EvidenceStatus.ERROR]
    seen = [e for e in evidence if e.status is EvidenceStatus.OK]
    quotes = tuple(CitedEvidence(evidence_id=e.id, source=e.label, quote=e.detail) for e in seen[:_MOST_QUOTES])
    subject = str(incident.target) if incident.target else "this incident"
    if diagnosis is not None and diagnosis.abstentions:
        reasons = "; ".join(f"{a.entity}: {a.reason}" for a in diagnosis.abstentions[:3])
        return Analysis(
            headline="Something is off, but the evidence does not name the cause",
            severity=incident.severity,
            root_cause=reasons,
            confidence=0.2,
            evidence=quotes,
            immediate_actions=("Look at the evidence and the logs yourself; the rules will not guess.",),
            provenance=provenance,
        )
    if diagnosis is not None and diagnosis.healthy and not failed:
        return Analysis(
            headline=f"Nothing is wrong with {incident.target.name if incident.target else 'the cluster'} right now",
            severity=Severity.INFO,
            root_cause=f"Everything looked at around {subject} is in order. The alert may have cleared itself.",
            confidence=0.8,
            healthy=True,
            evidence=quotes,
            immediate_actions=("Check whether the alert's own condition still holds before closing it.",),
            monitoring=("Watch whether the alert comes back; a flapping alert deserves another threshold.",),
            provenance=provenance,
        )
    what = f"These could not be looked at: {', '.join(failed)}." if failed else "There was nothing to look at."
    return Analysis(
        headline="No diagnosis",
        severity=incident.severity,
        root_cause=f"{what} The alert's own text is all there is.",
        confidence=0.0,
        evidence=quotes,
        immediate_actions=("Investigate by hand, or name a workload: `/oncall investigate deployment/<name>`.",),
        provenance=provenance,
    )


def _cite(citations: Sequence[Citation], evidence: Sequence[Evidence]) -> list[CitedEvidence]:
    """Find for each citation the evidence that it stands in; what was said comes before what was counted.

    Small values of one object become one line, such as `exitCode 1, restartCount 4`.
    """
    homes = _Homes(evidence)
    cited: list[CitedEvidence] = []
    values: dict[tuple[str, str], list[str]] = {}
    for citation in sorted(citations, key=lambda c: {"log": 0, "event": 1}.get(c.kind, 2)):
        quote = citation.value if isinstance(citation.value, str) else canonical_json(citation.value)
        home = homes.find(citation, quote)
        if home is None:
            continue
        subject = ObjectRef.parse(citation.entity).short
        if citation.kind in {"object", "metric"} and len(quote) <= _SHORT_VALUE:
            field = citation.pointer.rsplit("/", 1)[-1]
            values.setdefault((home.id, subject), []).append(f"{field} {quote}")
            continue
        source = f"log of {subject.partition('/')[2]}" if citation.kind == "log" else subject
        cited.append(CitedEvidence(evidence_id=home.id, source=source, quote=quote[:600]))
    cited += [
        CitedEvidence(evidence_id=evidence_id, source=subject, quote=", ".join(parts))
        for (evidence_id, subject), parts in values.items()
    ]
    return cited


class _Homes:
    """Where citations stand. Each payload is written out once, however many citations there are."""

    def __init__(self, evidence: Sequence[Evidence]) -> None:
        self._texts = [(e, canonical_json(e.payload)) for e in evidence if e.status is EvidenceStatus.OK]

    def find(self, citation: Citation, quote: str) -> Evidence | None:
        """Return the evidence whose source fits the citation best; among those, the one that holds its text."""
        usable = self._texts
        if citation.kind in {"log", "event", "metric"}:
            usable = [(e, text) for e, text in usable if citation.kind in e.source] or usable
        name, said = citation.entity.rsplit("/", 1)[-1], canonical_json(quote)[1:-1]
        named = [(e, text) for e, text in usable if name in text]
        holding = (e for e, text in named if said in text)
        return next(holding, named[0][0] if named else usable[0][0] if usable else None)
