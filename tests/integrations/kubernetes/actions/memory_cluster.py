"""A cluster without controllers: objects in memory, with the writes of the API server that actions rely on."""

import copy
from collections.abc import Callable
from typing import Any

import jsonpatch

from bot.domain.entity import CLUSTER_SCOPED, ObjectRef
from bot.errors import Conflict, InvalidInput, NotFound
from integrations.kubernetes.errors import EvictionBlocked

Obj = dict[str, Any]


class MemoryCluster:
    """Bumps resourceVersion on every write and generation on changes of spec; `before_patch` runs before each write."""

    def __init__(self, *objects: Obj) -> None:
        self.objects: dict[tuple[str, str | None, str], Obj] = {}
        self.writes: list[tuple[str, str, Any]] = []
        self.blocked: dict[str, str] = {}
        """By the name of a pod: why a disruption budget does not let it go."""
        self.before_patch: Callable[[], None] | None = None
        self._version = 100
        for obj in objects:
            self.add(obj)

    def add(self, obj: Obj) -> Obj:
        obj = copy.deepcopy(obj)
        self._version += 1
        metadata = obj["metadata"]
        metadata.setdefault("uid", f"uid-{self._version}")
        metadata["resourceVersion"] = str(self._version)
        if obj["kind"] not in {"ConfigMap", "Service", "Event"}:
            metadata.setdefault("generation", 1)
        self.objects[obj["kind"], metadata.get("namespace"), metadata["name"]] = obj
        return obj

    def find(self, kind: str, name: str, namespace: str = "shop") -> Obj:
        return self.objects[kind, None if kind in CLUSTER_SCOPED else namespace, name]

    def touch(self, kind: str, name: str, namespace: str = "shop") -> None:
        """Move the resourceVersion, as an update of the status does."""
        self._version += 1
        self.find(kind, name, namespace)["metadata"]["resourceVersion"] = str(self._version)

    async def get(self, ref: ObjectRef) -> Obj:
        try:
            return copy.deepcopy(self.objects[ref.kind, ref.namespace, ref.name])
        except KeyError:
            raise NotFound(f"{ref} not found", vendor="Kubernetes") from None

    async def list(
        self,
        kind: str,
        namespace: str | None = None,
        *,
        label_selector: str | None = None,
        field_selector: str | None = None,
    ) -> list[Obj]:
        wanted = dict(part.split("=") for part in (label_selector or "").split(",") if part)
        return [
            copy.deepcopy(obj)
            for (of_kind, of_namespace, _), obj in self.objects.items()
            if of_kind == kind
            and namespace in {None, of_namespace}
            and wanted.items() <= (obj["metadata"].get("labels") or {}).items()
        ]

    async def patch(
        self,
        ref: ObjectRef,
        body: Any,
        *,
        content_type: str = "",
        dry_run: bool = False,
        subresource: str | None = None,
    ) -> Obj:
        if self.before_patch is not None and not dry_run:
            self.before_patch()
        before = await self.get(ref)
        try:
            after: Obj = jsonpatch.JsonPatch(body).apply(before)
        except (jsonpatch.JsonPatchException, jsonpatch.JsonPointerException) as error:
            raise InvalidInput(f"Could not patch {ref}: {error}") from error
        if dry_run:
            return after
        self.writes.append(("patch", str(ref) + (f"/{subresource}" if subresource else ""), body))
        if after.get("spec") != self.objects[ref.kind, ref.namespace, ref.name].get("spec"):
            after["metadata"]["generation"] = before["metadata"].get("generation", 0) + 1
        return self.add(after)

    async def create(
        self,
        kind: str,
        namespace: str | None,
        body: Obj,
        *,
        name: str | None = None,
        subresource: str | None = None,
        dry_run: bool = False,
    ) -> Obj:
        if subresource == "eviction":
            target = ObjectRef(kind=kind, name=name or "", namespace=namespace)
            if blocked := self.blocked.get(target.name):
                raise EvictionBlocked(f"Could not evict {target}", blocked, None)
            uid = body["deleteOptions"]["preconditions"]["uid"]
            return await self.delete(target, uid=uid, dry_run=dry_run)
        wanted = ObjectRef(kind=kind, name=body["metadata"]["name"], namespace=namespace)
        if (kind, namespace, wanted.name) in self.objects:
            raise Conflict(f"{wanted} exists already")
        if dry_run:
            return copy.deepcopy(body)
        self.writes.append(("create", str(wanted), body))
        return copy.deepcopy(self.add(body))

    async def delete(
        self,
        ref: ObjectRef,
        *,
        uid: str | None = None,
        resource_version: str | None = None,
        dry_run: bool = False,
        grace_period_seconds: int | None = None,
    ) -> Obj:
        if self.before_patch is not None and not dry_run:
            self.before_patch()
        found = await self.get(ref)
        for key, wanted in (("uid", uid), ("resourceVersion", resource_version)):
            if wanted is not None and found["metadata"][key] != wanted:
                raise Conflict(f"the {key} of {ref} is another one")
        if not dry_run:
            self.writes.append(("delete", str(ref), None))
            del self.objects[ref.kind, ref.namespace, ref.name]
        return found


def deployment(name: str = "web", **changes: Any) -> Obj:
    """A healthy Deployment of two replicas at revision 2, with a container `app`."""
    container: Obj = {"name": "app", "image": "registry.example.com/web:1.0", **changes.pop("container", {})}
    metadata = {
        "name": name,
        "namespace": "shop",
        "annotations": {"deployment.kubernetes.io/revision": "2"},
        **changes.pop("metadata", {}),
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata,
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": {"app": name}},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": 0}},
            "template": {"metadata": {"labels": {"app": name}}, "spec": {"containers": [container]}},
            **changes.pop("spec", {}),
        },
        "status": {
            "observedGeneration": 1,
            "replicas": 2,
            "updatedReplicas": 2,
            "readyReplicas": 2,
            "availableReplicas": 2,
        },
    }


def pod(name: str, labels: dict[str, str], *, ready: bool = True, owner: Obj | None = None, restarts: int = 0) -> Obj:
    metadata: Obj = {"name": name, "namespace": "shop", "labels": labels}
    if owner is not None:
        reference = {"kind": owner["kind"], "name": owner["metadata"]["name"], "uid": owner["metadata"]["uid"]}
        metadata["ownerReferences"] = [{"apiVersion": "apps/v1", "controller": True, **reference}]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata,
        "spec": {"containers": [{"name": "app", "ports": [{"name": "http", "containerPort": 8080}]}]},
        "status": {
            "phase": "Running",
            "conditions": [{"type": "Ready", "status": "True" if ready else "False"}],
            "containerStatuses": [{"name": "app", "restartCount": restarts, "state": {"running": {}}}],
        },
    }


def service(name: str = "web", selector: dict[str, str] | None = None) -> Obj:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": "shop"},
        "spec": {
            "selector": selector or {"app": "wbe"},
            "ports": [{"name": "http", "port": 80, "targetPort": 80, "protocol": "TCP"}],
        },
    }


def config_map(name: str = "web-config", **fields: Any) -> Obj:
    metadata = {"name": name, "namespace": "shop"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"mode": "fast"}, **fields}
