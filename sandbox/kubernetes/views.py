"""How stored objects are shown in the group that is asked: core Events as events.k8s.io, everything else as it is."""

from typing import Any

from sandbox.kubernetes.kinds import Kind
from sandbox.kubernetes.objects import Obj, now_text


def present(kind: Kind, obj: Obj) -> Obj:
    """Return an object as `kind`'s group shows it, with kind and apiVersion first."""
    shown: Obj = {"kind": kind.name, "apiVersion": kind.api_version}
    content = _event_view(obj) if kind.group == "events.k8s.io" else obj
    for key, value in content.items():
        shown.setdefault(key, value)
    return shown


def receive(kind: Kind, body: Obj) -> Obj:
    """Return a written object in the form it is stored in: an events.k8s.io Event becomes a core one."""
    if kind.group != "events.k8s.io":
        return body
    stored: Obj = {
        "metadata": body.get("metadata", {}),
        "involvedObject": body.get("regarding", {}),
        "reason": body.get("reason", ""),
        "message": body.get("note", ""),
        "type": body.get("type", "Normal"),
        "source": {"component": body.get("reportingController", "")},
        "reportingComponent": body.get("reportingController", ""),
        "reportingInstance": body.get("reportingInstance", ""),
        "firstTimestamp": body.get("deprecatedFirstTimestamp") or now_text(),
        "lastTimestamp": body.get("deprecatedLastTimestamp") or now_text(),
        "count": body.get("deprecatedCount", 1),
    }
    stored.update({key: body[key] for key in ("eventTime", "action", "series") if body.get(key)})
    return stored


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
