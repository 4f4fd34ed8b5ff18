"""How stored objects are shown in the group that is asked: core Events as events.k8s.io, everything else as it is."""

from typing import Any

from sandbox.kubernetes.kinds import Kind
from sandbox.kubernetes.objects import Obj


def present(kind: Kind, obj: Obj) -> Obj:
    """Return an object as `kind`'s group shows it, with kind and apiVersion first."""
    shown: Obj = {"kind": kind.name, "apiVersion": kind.api_version}
    content = _event_view(obj) if kind.group == "events.k8s.io" else obj
    for key, value in content.items():
        shown.setdefault(key, value)
    return shown


def _event_view(event: Obj) -> dict[str, Any]:
    view: dict[str, Any] = {
        "metadata": event["metadata"],
        "eventTime": event.get("eventTime"),
        "reason": event.get("reason", ""),
        "note": event.get("message", ""),
        "type": event.get("type", "Normal"),
        "regarding": event.get("involvedObject", {}),
        "reportingController": event.get("reportingComponent") or event.get("source", {}).get("component", ""),
        "reportingInstance": event.get("reportingInstance", ""),
        "deprecatedSource": event.get("source", {}),
        "deprecatedFirstTimestamp": event.get("firstTimestamp"),
        "deprecatedLastTimestamp": event.get("lastTimestamp"),
        "deprecatedCount": event.get("count", 1),
    }
    if event.get("action"):
        view["action"] = event["action"]
    return view
