"""The objects of the cluster in memory, with one counter of versions and the recent changes for watchers.

Stored objects are never changed in place: whoever wants a change clones, edits and calls `replace`. That lets lists,
watches and controllers share them, and lets the JSON text of each be made once.
"""

import json
import uuid
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Literal

from sandbox.kubernetes.objects import Obj, now_text

ChangeType = Literal["ADDED", "MODIFIED", "DELETED"]
Key = tuple[str, str]

_HISTORY = 20_000


@dataclass(frozen=True, slots=True)
class Change:
    """One step of the cluster's history. `before` is None on ADDED; on DELETED `after` is the last state."""

    version: int
    type: ChangeType
    kind: str
    after: Obj
    before: Obj | None

    @property
    def namespace(self) -> str:
        return str(self.after["metadata"].get("namespace", ""))

    @property
    def name(self) -> str:
        return str(self.after["metadata"]["name"])


@dataclass(slots=True)
class Store:
    """Objects by kind name, then by (namespace, name); the namespace of a cluster-scoped object is empty."""

    version: int = 1000
    history: deque[Change] = field(default_factory=lambda: deque(maxlen=_HISTORY))
    oldest_version: int = 1000
    _objects: dict[str, dict[Key, Obj]] = field(default_factory=dict)
    _owned: dict[str, dict[tuple[str, Key], None]] = field(default_factory=dict)
    _uids: set[str] = field(default_factory=set)
    _encoded: dict[tuple[str, Key], tuple[str, str]] = field(default_factory=dict)
    _listeners: list[Callable[[Change], None]] = field(default_factory=list)

    def get(self, kind: str, namespace: str, name: str) -> Obj | None:
        return self._objects.get(kind, {}).get((namespace, name))

    def list_of(self, kind: str, namespace: str | None = None) -> list[Obj]:
        """Return the objects of a kind sorted by namespace and name; None is every namespace."""
        rows = self._objects.get(kind, {})
        keys = rows if namespace is None else [key for key in rows if key[0] == namespace]
        return [rows[key] for key in sorted(keys)]

    def owned_by(self, uid: str, kind: str | None = None) -> list[Obj]:
        """Return the objects that name `uid` among their owners, oldest first."""
        found = self._owned.get(uid, {})
        return [self._objects[k][key] for k, key in found if kind is None or k == kind]

    def owned_keys(self, uid: str) -> list[tuple[str, Key]]:
        return list(self._owned.get(uid, {}))

    def has_uid(self, uid: str) -> bool:
        return uid in self._uids

    def create(self, kind: str, obj: Obj) -> Obj:
        """Keep a new object; it gets a uid, a creation time and a version."""
        metadata = obj["metadata"]
        metadata["uid"] = str(uuid.uuid4())
        metadata["creationTimestamp"] = now_text()
        self._uids.add(metadata["uid"])
        return self._put(kind, obj, None)

    def replace(self, kind: str, obj: Obj) -> Obj:
        """Keep the next state of an object; nothing happens when it equals the current one."""
        key = _key(obj)
        before = self._objects[kind][key]
        obj["metadata"]["resourceVersion"] = before["metadata"]["resourceVersion"]
        if obj == before:
            return before
        return self._put(kind, obj, before)

    def remove(self, kind: str, namespace: str, name: str) -> Obj | None:
        """Take an object out; return its last state, or None when it was already gone."""
        before = self._objects.get(kind, {}).pop((namespace, name), None)
        if before is None:
            return None
        self._unindex(kind, before)
        self._uids.discard(before["metadata"]["uid"])
        self._encoded.pop((kind, (namespace, name)), None)
        self.version += 1
        last = {**before, "metadata": {**before["metadata"], "resourceVersion": str(self.version)}}
        self._announce(Change(self.version, "DELETED", kind, last, before))
        return last

    def listen(self, listener: Callable[[Change], None]) -> Callable[[], None]:
        """Call `listener` for every change from now on, until the returned function is called."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def since(self, version: int) -> Iterable[Change]:
        """Return the changes after `version`; empty when nothing happened since."""
        missed: list[Change] = []
        for change in reversed(self.history):
            if change.version <= version:
                break
            missed.append(change)
        return reversed(missed)

    def forget_history(self) -> None:
        """Drop the recent changes, as a compaction does: watches from an older version get 410 Gone."""
        self.history.clear()
        self.oldest_version = self.version

    def encoded(self, kind: str, obj: Obj) -> str:
        """Return the object's JSON without kind and apiVersion, made once per version."""
        slot = (kind, _key(obj))
        version = obj["metadata"].get("resourceVersion", "")
        cached = self._encoded.get(slot)
        if cached is not None and cached[0] == version:
            return cached[1]
        text = json.dumps({k: v for k, v in obj.items() if k not in ("kind", "apiVersion")}, separators=(",", ":"))
        if self._objects.get(kind, {}).get(slot[1]) is obj:
            self._encoded[slot] = (version, text)
        return text

    def _put(self, kind: str, obj: Obj, before: Obj | None) -> Obj:
        self.version += 1
        obj["metadata"]["resourceVersion"] = str(self.version)
        if before is not None:
            self._unindex(kind, before)
        self._objects.setdefault(kind, {})[_key(obj)] = obj
        for reference in obj["metadata"].get("ownerReferences") or ():
            self._owned.setdefault(reference["uid"], {})[(kind, _key(obj))] = None
        self._announce(Change(self.version, "MODIFIED" if before else "ADDED", kind, obj, before))
        return obj

    def _unindex(self, kind: str, obj: Obj) -> None:
        for reference in obj["metadata"].get("ownerReferences") or ():
            owned = self._owned.get(reference["uid"])
            if owned is not None:
                owned.pop((kind, _key(obj)), None)
                if not owned:
                    del self._owned[reference["uid"]]

    def _announce(self, change: Change) -> None:
        if len(self.history) == self.history.maxlen:
            self.oldest_version = self.history[0].version
        self.history.append(change)
        for listener in list(self._listeners):
            listener(change)


def _key(obj: Obj) -> Key:
    return (obj["metadata"].get("namespace", ""), obj["metadata"]["name"])
