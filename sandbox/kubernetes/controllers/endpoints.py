"""Services: the EndpointSlice and the Endpoints of the pods they select."""

from collections.abc import Iterable

from sandbox.kubernetes.cluster import Cluster, Write
from sandbox.kubernetes.kinds import kind_named
from sandbox.kubernetes.objects import Obj, clone, is_finished, is_ready, matches_labels, owner_reference
from sandbox.kubernetes.store import Change, Key

_BY = Write(manager="kube-controller-manager")


class EndpointsController:
    """Rewrites the endpoints of a Service when it or a pod it selects changes."""

    kinds = frozenset({"Service", "Pod"})

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster

    def keys(self, change: Change) -> Iterable[Key]:
        if change.kind == "Service":
            return [(change.namespace, change.name)]
        if change.before is not None and change.type == "MODIFIED" and _same(change.before, change.after):
            return []
        found = []
        for service in self.cluster.store.list_of("Service", change.namespace):
            selector = service["spec"].get("selector")
            if any(o and matches_labels(selector, o["metadata"].get("labels")) for o in (change.after, change.before)):
                found.append((change.namespace, service["metadata"]["name"]))
        return found

    def reconcile(self, key: Key) -> float | None:
        service = self.cluster.store.get("Service", *key)
        if service is None:
            if self.cluster.store.get("Endpoints", *key) is not None:
                self.cluster.delete(kind_named("Endpoints"), *key)
            return None
        if not service["spec"].get("selector"):
            return None
        pods = [
            pod
            for pod in self.cluster.store.list_of("Pod", key[0])
            if matches_labels(service["spec"]["selector"], pod["metadata"].get("labels"))
            and pod.get("status", {}).get("podIP")
            and not is_finished(pod)
        ]
        self._write_slice(service, pods)
        self._write_endpoints(service, pods)
        return None

    def _write_slice(self, service: Obj, pods: list[Obj]) -> None:
        metadata = service["metadata"]
        existing = self.cluster.store.owned_by(metadata["uid"], "EndpointSlice")
        content: Obj = {
            "addressType": "IPv4",
            "endpoints": [_endpoint(pod) for pod in pods] or None,
            "ports": [_port(port, pods) for port in service["spec"].get("ports") or ()] if pods else None,
        }
        if existing:

            def change(draft: Obj) -> None:
                draft.update(clone(content))

            self.cluster.edit("EndpointSlice", existing[0], change, _BY)
            return
        labels = {
            **(metadata.get("labels") or {}),
            "kubernetes.io/service-name": metadata["name"],
            "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
        }
        body = {
            "metadata": {
                "generateName": f"{metadata['name']}-",
                "labels": labels,
                "ownerReferences": [owner_reference("v1", "Service", service)],
            },
            **content,
        }
        self.cluster.create(kind_named("EndpointSlice"), metadata["namespace"], body, _BY)

    def _write_endpoints(self, service: Obj, pods: list[Obj]) -> None:
        metadata = service["metadata"]
        subset: Obj = {}
        for field, ready in (("addresses", True), ("notReadyAddresses", False)):
            chosen = [_address(pod) for pod in pods if is_ready(pod) is ready]
            if chosen:
                subset[field] = chosen
        if subset:
            subset["ports"] = [_port(port, pods) for port in service["spec"].get("ports") or ()]
        subsets = [subset] if subset else None
        current = self.cluster.store.get("Endpoints", metadata["namespace"], metadata["name"])
        if current is None:
            body = {"metadata": {"name": metadata["name"], "labels": metadata.get("labels")}, "subsets": subsets}
            self.cluster.create(kind_named("Endpoints"), metadata["namespace"], body, _BY)
            return

        def change(draft: Obj) -> None:
            draft["subsets"] = subsets

        self.cluster.edit("Endpoints", current, change, _BY)


def _same(before: Obj, after: Obj) -> bool:
    def seen(pod: Obj) -> tuple[object, ...]:
        metadata, status = pod["metadata"], pod.get("status", {})
        return (
            is_ready(pod),
            status.get("podIP"),
            status.get("phase"),
            metadata.get("labels"),
            metadata.get("deletionTimestamp"),
        )

    return seen(before) == seen(after)


def _reference(pod: Obj) -> Obj:
    metadata = pod["metadata"]
    return {"kind": "Pod", "namespace": metadata["namespace"], "name": metadata["name"], "uid": metadata["uid"]}


def _endpoint(pod: Obj) -> Obj:
    ready, leaving = is_ready(pod), "deletionTimestamp" in pod["metadata"]
    return {
        "addresses": [pod["status"]["podIP"]],
        "conditions": {"ready": ready and not leaving, "serving": ready, "terminating": leaving},
        "nodeName": pod["spec"].get("nodeName"),
        "targetRef": _reference(pod),
    }


def _address(pod: Obj) -> Obj:
    return {"ip": pod["status"]["podIP"], "nodeName": pod["spec"].get("nodeName"), "targetRef": _reference(pod)}


def _port(port: Obj, pods: list[Obj]) -> Obj:
    return {
        "name": port.get("name", ""),
        "port": target_number(port, pods),
        "protocol": port.get("protocol", "TCP"),
        **({"appProtocol": port["appProtocol"]} if port.get("appProtocol") else {}),
    }


def target_number(port: Obj, pods: list[Obj]) -> int | None:
    """Return the number behind a Service port's targetPort, looking up a name in the pods' containers."""
    target = port.get("targetPort", port["port"])
    if isinstance(target, int):
        return target
    for pod in pods:
        for container in pod["spec"]["containers"]:
            for offered in container.get("ports") or ():
                if offered.get("name") == target:
                    return int(offered["containerPort"])
    return None
