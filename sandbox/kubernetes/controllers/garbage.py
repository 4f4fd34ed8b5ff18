"""Garbage: dependents of owners that are gone, foreground and orphan deletions, and namespaces that are ending."""

from collections.abc import Iterable

from sandbox.kubernetes.cluster import Cluster, Deletion
from sandbox.kubernetes.errors import StatusError
from sandbox.kubernetes.kinds import ROWS, kind_named
from sandbox.kubernetes.objects import Obj
from sandbox.kubernetes.pod_logs import PodLogs
from sandbox.kubernetes.store import Change, Key

_STORED = tuple(dict.fromkeys(row.storage for row in ROWS if row.namespaced and "delete" in row.verbs))


class GarbageCollector:
    """Keys are ("uid", x) for the dependents of an owner, ("Kind/namespace", name) for an object that is ending."""

    kinds = frozenset({row.storage for row in ROWS if "delete" in row.verbs})

    def __init__(self, cluster: Cluster, logs: PodLogs) -> None:
        self.cluster = cluster
        self.logs = logs

    def keys(self, change: Change) -> Iterable[Key]:
        metadata = change.after["metadata"]
        found: list[Key] = []
        if change.type == "DELETED":
            if change.kind == "Pod":
                self.logs.forget(metadata["uid"])
                self.cluster.usage.clear(metadata["uid"])
            found.append(("uid", metadata["uid"]))
            owners = metadata.get("ownerReferences") or ()
            found.extend((f"{owner['kind']}/{change.namespace}", owner["name"]) for owner in owners)
            ending = self.cluster.store.get("Namespace", "", change.namespace)
            if ending is not None and "deletionTimestamp" in ending["metadata"]:
                found.append(("Namespace/", change.namespace))
        elif "deletionTimestamp" in metadata:
            found.append((f"{change.kind}/{change.namespace}", change.name))
        elif change.type == "ADDED":
            owners = metadata.get("ownerReferences") or ()
            found.extend(("uid", o["uid"]) for o in owners if not self.cluster.store.has_uid(o["uid"]))
        return found

    def reconcile(self, key: Key) -> float | None:
        if key[0] == "uid":
            self._collect(key[1])
            return None
        kind, _, namespace = key[0].partition("/")
        obj = self.cluster.store.get(kind, namespace, key[1])
        if obj is None or "deletionTimestamp" not in obj["metadata"]:
            return None
        if kind == "Namespace":
            self._end_namespace(obj)
            return None
        finalizers = obj["metadata"].get("finalizers") or []
        if "foregroundDeletion" in finalizers:
            self._foreground(kind, obj)
        elif "orphan" in finalizers:
            for dependent_kind, dependent in self.cluster.store.owned_keys(obj["metadata"]["uid"]):
                self._disown(dependent_kind, dependent, obj["metadata"]["uid"])
            self._unfinalize(kind, obj, "orphan")
        return None

    def _collect(self, uid: str) -> None:
        if self.cluster.store.has_uid(uid):
            return
        for kind, key in self.cluster.store.owned_keys(uid):
            dependent = self.cluster.store.get(kind, *key)
            others = [r for r in (dependent or {}).get("metadata", {}).get("ownerReferences") or () if r["uid"] != uid]
            if any(self.cluster.store.has_uid(r["uid"]) for r in others):
                self._disown(kind, key, uid)
            else:
                self._delete(kind, key, "Background")

    def _foreground(self, kind: str, obj: Obj) -> None:
        blocking = False
        for dependent_kind, key in self.cluster.store.owned_keys(obj["metadata"]["uid"]):
            dependent = self.cluster.store.get(dependent_kind, *key)
            if dependent is None:
                continue
            blocking = blocking or any(
                r["uid"] == obj["metadata"]["uid"] and r.get("blockOwnerDeletion")
                for r in dependent["metadata"]["ownerReferences"]
            )
            if "deletionTimestamp" not in dependent["metadata"]:
                self._delete(dependent_kind, key, "Foreground")
        left = self.cluster.store.owned_keys(obj["metadata"]["uid"])
        if not left or not blocking:
            self._unfinalize(kind, obj, "foregroundDeletion")

    def _delete(self, kind: str, key: Key, propagation: str) -> None:
        try:
            self.cluster.delete(kind_named(kind), key[0], key[1], Deletion(propagation=propagation))
        except StatusError as error:
            if error.code != 404:
                raise

    def _disown(self, kind: str, key: Key, uid: str) -> None:
        dependent = self.cluster.store.get(kind, *key)
        if dependent is None:
            return

        def change(draft: Obj) -> None:
            kept = [r for r in draft["metadata"]["ownerReferences"] if r["uid"] != uid]
            draft["metadata"]["ownerReferences"] = kept
            if not kept:
                del draft["metadata"]["ownerReferences"]

        self.cluster.edit(kind, dependent, change)

    def _unfinalize(self, kind: str, obj: Obj, finalizer: str) -> None:
        def change(draft: Obj) -> None:
            draft["metadata"]["finalizers"] = [f for f in draft["metadata"]["finalizers"] if f != finalizer]

        self.cluster.edit(kind, obj, change)

    def _end_namespace(self, namespace: Obj) -> None:
        name = namespace["metadata"]["name"]
        left = False
        for kind in _STORED:
            for obj in self.cluster.store.list_of(kind, name):
                left = True
                if "deletionTimestamp" not in obj["metadata"]:
                    self._delete(kind, (name, obj["metadata"]["name"]), "Background")
        remaining = any(self.cluster.store.list_of(kind, name) for kind in _STORED) if left else False
        if not remaining:
            self.cluster.store.remove("Namespace", "", name)
