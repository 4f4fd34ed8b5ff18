"""Writes Events the way the real recorder does: the same thing again raises a count instead of adding a row."""

import random

from sandbox.kubernetes.cluster import Cluster, Write
from sandbox.kubernetes.errors import StatusError
from sandbox.kubernetes.kinds import kind_named
from sandbox.kubernetes.objects import Obj, clone, now_text

_KEPT = 4_000
_EVENT = kind_named("Event")


class Recorder:
    """`record` writes an Event about an object; it never fails the caller."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self._names: dict[tuple[str, ...], tuple[str, str]] = {}

    def record(
        self,
        about: Obj,
        reason: str,
        message: str,
        *,
        component: str,
        kind: str = "Normal",
        host: str = "",
        field_path: str = "",
    ) -> None:
        """Record one Event. `kind` is Normal or Warning, `component` who reports, `host` the node of a kubelet."""
        metadata = about["metadata"]
        namespace = metadata.get("namespace") or "default"
        slot = (metadata["uid"], reason, message, kind, component, host, field_path)
        known = self._names.get(slot)
        before = self.cluster.store.get("Event", *known) if known else None
        if before is not None:
            again = clone(before)
            again["count"] = before.get("count", 1) + 1
            again["lastTimestamp"] = now_text()
            self.cluster.store.replace("Event", again)
            return
        involved = {
            "kind": about["kind"],
            "namespace": metadata.get("namespace"),
            "name": metadata["name"],
            "uid": metadata["uid"],
            "apiVersion": about["apiVersion"],
            "resourceVersion": metadata["resourceVersion"],
            "fieldPath": field_path or None,
        }
        stamp = now_text()
        event = {
            "metadata": {"name": f"{metadata['name']}.{random.getrandbits(64):016x}", "namespace": namespace},
            "involvedObject": involved,
            "reason": reason,
            "message": message,
            "source": {"component": component, **({"host": host} if host else {})},
            "firstTimestamp": stamp,
            "lastTimestamp": stamp,
            "count": 1,
            "type": kind,
            "reportingComponent": component,
            "reportingInstance": host,
        }
        try:
            written = self.cluster.create(_EVENT, namespace, event, Write(manager=component))
        except StatusError:
            return  # The namespace went away while its last objects still had something to say.
        self._names[slot] = (namespace, written["metadata"]["name"])
        if len(self._names) > _KEPT:
            self._forget_oldest()

    def _forget_oldest(self) -> None:
        """Events live an hour in a real cluster; here the number is what must stay bounded."""
        for slot in list(self._names)[: _KEPT // 4]:
            namespace, name = self._names.pop(slot)
            self.cluster.store.remove("Event", namespace, name)
