"""The words and icons that stand for states. An icon never stands alone: not everybody sees it."""

from typing import Any

from bot.domain.action import ActionRequest, Proposal
from bot.domain.alert import Severity
from bot.domain.evidence import EvidenceStatus, ProgressState
from bot.domain.finding import RiskClass
from bot.domain.incident import Incident, IncidentStatus, TriageState
from bot.domain.policy import approvals_needed

SEVERITY = {
    Severity.CRITICAL: "🔴 Critical",
    Severity.HIGH: "🟠 High",
    Severity.WARNING: "🟡 Warning",
    Severity.INFO: "🔵 Info",
}
STATUS = {
    IncidentStatus.TRIGGERED: "🔔 Triggered",
    IncidentStatus.ACKNOWLEDGED: "👀 Acknowledged",
    IncidentStatus.RESOLVED: "✅ Resolved",
}
TRIAGE = {
    TriageState.WANTED: "investigation about to start",
    TriageState.RUNNING: "investigation running",
    TriageState.WAITING: "waiting for you to choose the workload",
    TriageState.DONE: "investigated",
    TriageState.FAILED: "investigation failed",
}
PROGRESS = {
    ProgressState.WAITING: ("⏸️", "waiting"),
    ProgressState.RUNNING: ("⏳", "looking"),
    ProgressState.OK: ("✅", "done"),
    ProgressState.NO_DATA: ("⚪", "nothing there"),
    ProgressState.ERROR: ("❌", "failed"),
}
EVIDENCE = {
    EvidenceStatus.OK: ("✅", "seen"),
    EvidenceStatus.NO_DATA: ("⚪", "nothing there"),
    EvidenceStatus.ERROR: ("❌", "failed"),
}
RISK: dict[RiskClass, str] = {
    "S": "Low: it can be undone",
    "D": "Medium: it disrupts the workload for a moment",
    "X": "High: it stops or destroys something",
}


def confidence(value: float) -> str:
    """Return a confidence between 0 and 1 in words and in percent."""
    word = "very high" if value >= 0.9 else "high" if value >= 0.75 else "medium" if value >= 0.5 else "low"
    return f"{word} ({round(value * 100)} %)"


def thing(request: ActionRequest) -> str:
    """Return what an action works on, as people say it: `deployment payment-service`."""
    return f"{request.target.kind.lower()} {request.target.name}"


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 60 else text[:59] + "…"


def _one_of(params: dict[str, Any], *names: str) -> str | None:
    return next((_short(params[name]) for name in names if params.get(name) not in (None, "", {})), None)


def do(request: ActionRequest) -> str:
    """Return the action as an order: `Roll back deployment payment-service`."""
    what, params = thing(request), request.params
    match request.action:
        case "rollout_restart":
            return f"Restart {what}"
        case "rollback":
            revision = _one_of(params, "to_revision", "revision")
            return f"Roll back {what}" + (f" to revision {revision}" if revision else "")
        case "scale":
            replicas = _one_of(params, "replicas")
            return f"Scale {what}" + (f" to {replicas} replicas" if replicas else "")
        case "set_image":
            image = _one_of(params, "image")
            return f"Change the image of {what}" + (f" to {image}" if image else "")
        case "set_env":
            name = _one_of(params, "name")
            return f"Set {name} in {what}" if name else f"Change the environment of {what}"
        case "set_resources":
            return f"Change the resources of {what}"
        case "patch_service" | "patch_configmap":
            return f"Change {what}"
        case "delete_pod" | "delete_pvc":
            return f"Delete {what}"
        case "set_probe":
            probe = _one_of(params, "probe")
            return f"Change the {probe} probe of {what}" if probe else f"Change a probe of {what}"
        case "evict" | "cordon" | "uncordon" | "drain":
            return f"{request.action.capitalize()} {what}"
        case "suspend_cronjob" | "resume_cronjob":
            return f"{request.action.partition('_')[0].capitalize()} {what}"
        case "hpa_bounds":
            return f"Change the bounds of {what}"
        case "expand_pvc":
            size = _one_of(params, "size")
            return f"Grow {what}" + (f" to {size}" if size else "")
        case "rerun_job":
            return f"Run {what} again"
        case "strip_finalizer":
            finalizer = _one_of(params, "finalizer")
            return f"Take the finalizer {finalizer} off {what}" if finalizer else f"Take a finalizer off {what}"
    return f"{request.action.replace('_', ' ').capitalize()} {what}"


VERBS = {
    "rollout_restart": "Restart",
    "rollback": "Roll back",
    "scale": "Scale",
    "set_image": "Change image",
    "set_env": "Set variable",
    "set_resources": "Change resources",
    "patch_service": "Change service",
    "patch_configmap": "Change config",
    "delete_pod": "Delete pod",
    "set_probe": "Change probe",
    "evict": "Evict pod",
    "cordon": "Cordon node",
    "uncordon": "Uncordon node",
    "drain": "Drain node",
    "suspend_cronjob": "Suspend",
    "resume_cronjob": "Resume",
    "hpa_bounds": "Change bounds",
    "expand_pvc": "Grow claim",
    "rerun_job": "Run again",
    "strip_finalizer": "Take it off",
    "delete_pvc": "Delete claim",
}


def verb(request: ActionRequest) -> str:
    """Return the label of the button that carries the action out."""
    return VERBS.get(request.action, "Carry out")


def title(proposal: Proposal) -> str:
    return ("Undo: " if proposal.undo_of else "") + do(proposal.request)


def approvals(proposal: Proposal) -> str:
    """Return how many of the approvals that are needed have been given: `1 of 2 approvals`."""
    return f"{len(proposal.approvals)} of {approvals_needed(proposal.preview.risk)} approvals"


def subject(incident: Incident) -> str:
    """Return what an incident is about: its target, else its service, else nothing."""
    return str(incident.target) if incident.target is not None else incident.service or ""
