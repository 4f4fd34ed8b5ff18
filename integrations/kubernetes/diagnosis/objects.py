"""Questions to one object of the API: its name, labels, owner, conditions, template, and whether a selector fits."""

from collections.abc import Iterable, Mapping
from typing import Any

from integrations.kubernetes.snapshot import Object, ref_of

REVISION = "deployment.kubernetes.io/revision"


def controller_of(item: Object) -> Object | None:
    """Return the owner reference that controls an object."""
    owners: Iterable[Object] = (item.get("metadata") or {}).get("ownerReferences") or ()
    return next((owner for owner in owners if owner.get("controller")), None)


def labels_of(item: Object) -> dict[str, str]:
    return (item.get("metadata") or {}).get("labels") or {}


def namespace_of(item: Object) -> str:
    return str((item.get("metadata") or {}).get("namespace") or "")


def name_of(item: Object) -> str:
    return str((item.get("metadata") or {}).get("name") or "")


def entity(item: Object) -> str:
    """Return `Kind/namespace/name` of the object itself."""
    return str(ref_of(item))


def spec_of(item: Object) -> dict[str, Any]:
    return item.get("spec") or {}


def status_of(item: Object) -> dict[str, Any]:
    return item.get("status") or {}


def template_of(workload: Object) -> dict[str, Any]:
    """Return a workload's pod template; of a pod the pod itself."""
    if workload.get("kind") == "Pod":
        return workload
    if workload.get("kind") == "CronJob":
        return ((spec_of(workload).get("jobTemplate") or {}).get("spec") or {}).get("template") or {}
    return spec_of(workload).get("template") or {}


def revision_of(replica_set: Object) -> int:
    """Return a ReplicaSet's revision, 0 when it carries none."""
    text = ((replica_set.get("metadata") or {}).get("annotations") or {}).get(REVISION, "0")
    return int(text) if str(text).isdigit() else 0


def condition_of(item: Object, kind: str) -> tuple[int, dict[str, Any]] | None:
    """Return a condition with its position in the list."""
    for position, condition in enumerate(status_of(item).get("conditions") or ()):
        if condition.get("type") == kind:
            return position, condition
    return None


_NETWORK_AGENTS = (
    "calico", "cilium", "flannel", "weave", "kube-proxy", "antrea", "canal", "kube-router", "aws-node", "ovnkube",
    "azure-cni", "kindnet", "multus",
)  # fmt: skip


def is_network_agent(pod: Object) -> bool:
    """Say whether a pod is a network plugin's or kube-proxy's agent on its node, going by its name."""
    return name_of(pod).startswith(_NETWORK_AGENTS)


def matches(labels: Mapping[str, str], selector: Mapping[str, str]) -> bool:
    """Say whether labels satisfy a selector of equalities."""
    return all(str(labels.get(name)) == str(value) for name, value in selector.items())


def selector_matches(labels: Mapping[str, str], selector: Mapping[str, Any]) -> bool:
    """Say whether labels satisfy a LabelSelector; an empty one selects everything."""
    if not matches(labels, selector.get("matchLabels") or {}):
        return False
    for entry in selector.get("matchExpressions") or ():
        value, wanted = labels.get(str(entry.get("key"))), [str(item) for item in entry.get("values") or ()]
        verdict = {
            "In": value is not None and str(value) in wanted,
            "NotIn": value is None or str(value) not in wanted,
            "Exists": value is not None,
            "DoesNotExist": value is None,
        }.get(str(entry.get("operator")), False)
        if not verdict:
            return False
    return True


def timestamp_of(item: Object) -> object:
    """Return an object's creationTimestamp as the API wrote it."""
    return (item.get("metadata") or {}).get("creationTimestamp")
