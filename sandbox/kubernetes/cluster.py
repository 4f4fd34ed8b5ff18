"""The one way to change the cluster: defaulting, validation, admission, managed fields, then the store.

The HTTP layer and the controllers both come through here, so a controller's pod meets the same quota as a person's.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from itertools import count
from typing import Any

from sandbox.kubernetes.admission import admit
from sandbox.kubernetes.defaults import apply_defaults
from sandbox.kubernetes.errors import StatusError
from sandbox.kubernetes.kinds import Kind, kind_named
from sandbox.kubernetes.managed_fields import record_update
from sandbox.kubernetes.objects import Obj, clone, now_text, random_suffix, time_text, without_nulls
from sandbox.kubernetes.store import Store
from sandbox.kubernetes.usage import UsageBoard
from sandbox.kubernetes.validation import check_create, check_update

_CONTROLLER = "kube-controller-manager"
# Kinds whose metadata.generation counts the changes of spec, as in the real server.
_GENERATIONAL = frozenset(
    {
        "Pod",
        "Deployment",
        "ReplicaSet",
        "StatefulSet",
        "DaemonSet",
        "Job",
        "CronJob",
        "Ingress",
        "NetworkPolicy",
        "PodDisruptionBudget",
    }
)

_ALWAYS_WRITTEN = {"EndpointSlice": ("endpoints", "ports"), "Role": ("rules",), "ClusterRole": ("rules",)}


@dataclass(frozen=True, slots=True)
class Write:
    """How a write is made: by which field manager, through which subresource, and whether only as a rehearsal."""

    manager: str = _CONTROLLER
    subresource: str = ""
    dry_run: bool = False
    operation: str = "Update"


@dataclass(frozen=True, slots=True)
class Deletion:
    """The options of a delete. `grace` is seconds, None for the object's own; the rest as in DeleteOptions."""

    grace: int | None = None
    propagation: str = "Background"
    uid: str | None = None
    version: str | None = None
    dry_run: bool = False


BY_CONTROLLER = Write()
BY_STATUS_CONTROLLER = Write(subresource="status")
BY_KUBELET = Write(manager="kubelet", subresource="status")


class Cluster:
    """The store with the rules of the API server around it."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.usage = UsageBoard()
        self._service_addresses = count(int(IPv4Address("10.96.0.10")))

    def create(self, kind: Kind, namespace: str, body: Obj, write: Write = BY_CONTROLLER) -> Obj:
        """Create an object and return it as stored. Raise StatusError as the real server would answer."""
        obj: Obj = _normalised(kind, body)
        stored = kind_named(kind.storage)
        obj["kind"], obj["apiVersion"] = stored.name, stored.api_version
        self._prepare_metadata(kind, namespace, obj)
        name = str(obj["metadata"].get("name", ""))
        if not self._may_set_status(kind):
            obj.pop("status", None)
        apply_defaults(kind.name, obj)
        check_create(kind, obj)
        if kind.namespaced:
            self._check_namespace(kind, namespace, name)
        if self.store.get(kind.storage, namespace, name) is not None:
            raise StatusError.already_exists(kind, name)
        self._fill(kind, obj)
        admit(self.store, kind, obj, None)
        if kind.name in _GENERATIONAL:
            obj["metadata"]["generation"] = 1
        record_update(None, obj, write.manager, write.operation, write.subresource)
        if write.dry_run:
            obj["metadata"]["uid"] = "00000000-0000-4000-8000-000000000000"
            obj["metadata"]["creationTimestamp"] = now_text()
            return obj
        return self.store.create(kind.storage, obj)

    def update(
        self,
        kind: Kind,
        namespace: str,
        name: str,
        change: Callable[[Obj], Obj | None],
        write: Write = BY_CONTROLLER,
    ) -> Obj:
        """Change an object: `change` gets a copy to edit, or returns the new one. Raise StatusError when refused."""
        before = self.store.get(kind.storage, namespace, name)
        if before is None:
            raise StatusError.not_found(kind, name)
        draft = clone(before)
        draft = change(draft) or draft
        expected = draft["metadata"].get("resourceVersion")
        if expected and expected != before["metadata"]["resourceVersion"]:
            raise StatusError.conflict(kind, name)
        if draft["metadata"].get("uid", before["metadata"]["uid"]) != before["metadata"]["uid"]:
            wanted, present = draft["metadata"]["uid"], before["metadata"]["uid"]
            why = f"Precondition failed: UID in precondition: {wanted}, UID in object meta: {present}"
            raise StatusError.conflict(kind, name, why)
        after = self._merge_parts(kind, before, _normalised(kind, draft), write.subresource)
        if write.subresource != "status":
            apply_defaults(kind.name, after)
            check_update(kind, before, after, write.subresource)
            admit(self.store, kind, after, before)
        if kind.name in _GENERATIONAL and after.get("spec") != before.get("spec"):
            after["metadata"]["generation"] = before["metadata"].get("generation", 0) + 1
        if write.operation == "Update":
            record_update(before, after, write.manager, write.operation, write.subresource)
        if write.dry_run:
            return after
        if after["metadata"].get("deletionTimestamp") and _may_go(kind, after):
            self.store.replace(kind.storage, after)
            return self.store.remove(kind.storage, namespace, name) or after
        return self.store.replace(kind.storage, after)

    def delete(self, kind: Kind, namespace: str, name: str, deletion: Deletion = Deletion()) -> Obj:
        """Delete an object or begin to: finalizers and a pod's grace period keep it until they are done."""
        before = self.store.get(kind.storage, namespace, name)
        if before is None:
            raise StatusError.not_found(kind, name)
        _check_preconditions(kind, before, deletion)
        if deletion.dry_run:
            return before
        after = clone(before)
        metadata = after["metadata"]
        finalizers = list(metadata.get("finalizers") or [])
        wanted = {"Foreground": "foregroundDeletion", "Orphan": "orphan"}.get(deletion.propagation)
        if wanted and wanted not in finalizers and self.store.owned_keys(metadata["uid"]):
            finalizers.append(wanted)
            metadata["finalizers"] = finalizers
        grace = _grace_seconds(kind, after, deletion)
        if "deletionTimestamp" not in metadata or grace < metadata.get("deletionGracePeriodSeconds", 0):
            metadata["deletionTimestamp"] = time_text(datetime.now(UTC) + timedelta(seconds=grace))
            metadata["deletionGracePeriodSeconds"] = grace
            if kind.name in _GENERATIONAL:
                metadata["generation"] = metadata.get("generation", 0) + 1
        if kind.name == "Namespace":
            after["status"] = {**after.get("status", {}), "phase": "Terminating"}
        stays = grace > 0 or finalizers or kind.name == "Namespace"
        if stays:
            return self.store.replace(kind.storage, after)
        return self.store.remove(kind.storage, namespace, name) or after

    def set_status(self, kind_name: str, obj: Obj, status: Obj, write: Write = BY_STATUS_CONTROLLER) -> None:
        """Write the status of an object if it differs; quietly do nothing when the object is gone."""
        if obj.get("status") == status:
            return
        kind = kind_named(kind_name)
        namespace, name = obj["metadata"].get("namespace", ""), obj["metadata"]["name"]
        current = self.store.get(kind.storage, namespace, name)
        if current is None or current["metadata"]["uid"] != obj["metadata"]["uid"]:
            return
        self.update(kind, namespace, name, lambda draft: {**draft, "status": status}, write)

    def edit(self, kind_name: str, obj: Obj, change: Callable[[Obj], None], write: Write = BY_CONTROLLER) -> Obj:
        """Change an object a controller holds; `change` edits the copy in place."""

        def edit_copy(draft: Obj) -> Obj:
            change(draft)
            return draft

        return self.update(
            kind_named(kind_name), obj["metadata"].get("namespace", ""), obj["metadata"]["name"], edit_copy, write
        )

    def _prepare_metadata(self, kind: Kind, namespace: str, obj: Obj) -> None:
        metadata = obj.setdefault("metadata", {})
        if kind.namespaced:
            stated = metadata.setdefault("namespace", namespace)
            if stated != namespace:
                raise StatusError.bad_request(
                    "the namespace of the provided object does not match the namespace sent on the request"
                )
        else:
            metadata.pop("namespace", None)
        if not metadata.get("name") and metadata.get("generateName"):
            metadata["name"] = metadata["generateName"][:58] + random_suffix()
        for field in ("uid", "resourceVersion", "creationTimestamp", "deletionTimestamp", "managedFields", "selfLink"):
            metadata.pop(field, None)

    @staticmethod
    def _may_set_status(kind: Kind) -> bool:
        """Whether a creator may set status: kinds without a status subresource, and objects seeded by the server."""
        return "status" not in kind.subresources or kind.name in ("Node", "Namespace", "PersistentVolume")

    def _check_namespace(self, kind: Kind, namespace: str, name: str) -> None:
        found = self.store.get("Namespace", "", namespace)
        if found is None:
            raise StatusError.not_found(kind_named("Namespace"), namespace)
        if found["metadata"].get("deletionTimestamp") and kind.name != "Event":
            why = f"unable to create new content in namespace {namespace} because it is being terminated"
            raise StatusError.forbidden(kind, name, why)

    def _fill(self, kind: Kind, obj: Obj) -> None:
        """Give what the server itself allocates: service addresses, a pod's class of service, a namespace's state."""
        if kind.name == "Service" and obj["spec"].get("type") != "ExternalName":
            spec = obj["spec"]
            spec.setdefault("clusterIP", str(IPv4Address(next(self._service_addresses))))
            spec.setdefault("clusterIPs", [spec["clusterIP"]])
        elif kind.name == "Pod":
            obj["status"] = {"phase": "Pending", "qosClass": _quality_of_service(obj["spec"])}
        elif kind.name == "Namespace":
            obj.setdefault("spec", {"finalizers": ["kubernetes"]})
            obj.setdefault("status", {"phase": "Active"})
            obj["metadata"].setdefault("labels", {})["kubernetes.io/metadata.name"] = obj["metadata"]["name"]
        elif kind.name == "Job":
            _label_job(obj)
        if "status" in kind.subresources:
            obj.setdefault("status", {})

    @staticmethod
    def _merge_parts(kind: Kind, before: Obj, draft: Obj, subresource: str) -> Obj:
        """Take from a draft only what its path may change, and keep what the server owns."""
        metadata = draft["metadata"]
        kept = (
            "uid",
            "creationTimestamp",
            "generation",
            "deletionTimestamp",
            "deletionGracePeriodSeconds",
            "namespace",
        )
        for field in (*kept, "name"):
            if field in before["metadata"]:
                metadata[field] = before["metadata"][field]
            elif field != "generation":
                metadata.pop(field, None)
        if subresource == "status":
            return {**before, "metadata": {**before["metadata"]}, "status": draft.get("status", {})}
        if "status" in kind.subresources and "status" in before:
            draft["status"] = before["status"]
        draft["kind"], draft["apiVersion"] = kind.name, kind.api_version
        return draft


def _normalised(kind: Kind, obj: Obj) -> Obj:
    """Drop nulls and empty lists, but for the fields the real server always writes."""
    result: Obj = without_nulls(obj)
    for field in _ALWAYS_WRITTEN.get(kind.name, ()):
        result.setdefault(field, None)
    return result


def _check_preconditions(kind: Kind, obj: Obj, deletion: Deletion) -> None:
    metadata = obj["metadata"]
    name = metadata["name"]
    if deletion.uid and deletion.uid != metadata["uid"]:
        why = f"Precondition failed: UID in precondition: {deletion.uid}, UID in object meta: {metadata['uid']}"
        raise StatusError.conflict(kind, name, why)
    if deletion.version and deletion.version != metadata["resourceVersion"]:
        why = (
            f"Precondition failed: ResourceVersion in precondition: {deletion.version}, "
            f"ResourceVersion in object meta: {metadata['resourceVersion']}"
        )
        raise StatusError.conflict(kind, name, why)


def _grace_seconds(kind: Kind, obj: Obj, deletion: Deletion) -> int:
    if kind.name != "Pod":
        return 0
    if not obj["spec"].get("nodeName") or obj.get("status", {}).get("phase") in ("Succeeded", "Failed"):
        return 0
    if deletion.grace is not None:
        return deletion.grace
    return int(obj["spec"].get("terminationGracePeriodSeconds", 30))


def _may_go(kind: Kind, obj: Obj) -> bool:
    metadata = obj["metadata"]
    if kind.name == "Namespace":
        return False
    return not metadata.get("finalizers") and not metadata.get("deletionGracePeriodSeconds")


def _quality_of_service(spec: Obj) -> str:
    stated: list[dict[str, Any]] = [c.get("resources") or {} for c in spec.get("containers") or ()]
    if not any(r.get("requests") or r.get("limits") for r in stated):
        return "BestEffort"
    for resources in stated:
        limits, requests = resources.get("limits") or {}, resources.get("requests") or {}
        if not {"cpu", "memory"} <= limits.keys() or any(requests.get(k, v) != v for k, v in limits.items()):
            return "Burstable"
    return "Guaranteed"


def _label_job(obj: Obj) -> None:
    """Let a Job without a selector of its own select its pods by its name's label."""
    name = obj["metadata"]["name"]
    labels = {"batch.kubernetes.io/job-name": name, "job-name": name}
    template = obj["spec"]["template"]
    template.setdefault("metadata", {}).setdefault("labels", {}).update(labels)
    obj["spec"].setdefault("selector", {"matchLabels": {"batch.kubernetes.io/job-name": name}})
