"""The ServiceAccount the bot uses in the sandbox, with no more rights than its actions need."""

from typing import Any, Final

from sandbox.kubernetes.client import ClusterClient

SERVICE_ACCOUNT: Final = "oncall-agent"

_READ: Final = ["get", "list", "watch"]
_CHANGE: Final = ["patch", "update"]

# RBAC can only add, so "everything but Secrets" is written out.
READ_RULES: Final[tuple[dict[str, Any], ...]] = (
    {
        "apiGroups": [""],
        "resources": [
            "configmaps",
            "endpoints",
            "events",
            "limitranges",
            "namespaces",
            "nodes",
            "persistentvolumeclaims",
            "persistentvolumes",
            "pods",
            "pods/log",
            "pods/status",
            "replicationcontrollers",
            "resourcequotas",
            "serviceaccounts",
            "services",
        ],
        "verbs": _READ,
    },
    {
        "apiGroups": ["apps"],
        "resources": ["controllerrevisions", "daemonsets", "deployments", "deployments/scale", "replicasets",
                      "statefulsets", "statefulsets/scale"],
        "verbs": _READ,
    },
    {
        "apiGroups": ["admissionregistration.k8s.io"],
        "resources": ["mutatingwebhookconfigurations", "validatingwebhookconfigurations"],
        "verbs": _READ,
    },
    {"apiGroups": ["autoscaling"], "resources": ["horizontalpodautoscalers"], "verbs": _READ},
    {"apiGroups": ["batch"], "resources": ["cronjobs", "jobs"], "verbs": _READ},
    {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": _READ},
    {"apiGroups": ["events.k8s.io"], "resources": ["events"], "verbs": _READ},
    {"apiGroups": ["metrics.k8s.io"], "resources": ["nodes", "pods"], "verbs": _READ},
    {
        "apiGroups": ["networking.k8s.io"],
        "resources": ["ingressclasses", "ingresses", "networkpolicies"],
        "verbs": _READ,
    },
    {"apiGroups": ["policy"], "resources": ["poddisruptionbudgets"], "verbs": _READ},
    {"apiGroups": ["rbac.authorization.k8s.io"], "resources": ["rolebindings", "roles"], "verbs": _READ},
    {"apiGroups": ["storage.k8s.io"], "resources": ["storageclasses"], "verbs": _READ},
)  # fmt: skip

WRITE_RULES: Final[tuple[dict[str, Any], ...]] = (
    {
        "apiGroups": ["apps"],
        "resources": ["daemonsets", "deployments", "deployments/scale", "statefulsets", "statefulsets/scale"],
        "verbs": _CHANGE,
    },
    {"apiGroups": [""], "resources": ["configmaps", "persistentvolumeclaims", "services"], "verbs": _CHANGE},
    {"apiGroups": [""], "resources": ["pods"], "verbs": ["delete"]},
    {"apiGroups": [""], "resources": ["pods/eviction"], "verbs": ["create"]},
    {"apiGroups": ["autoscaling"], "resources": ["horizontalpodautoscalers"], "verbs": _CHANGE},
    {"apiGroups": ["batch"], "resources": ["cronjobs"], "verbs": _CHANGE},
    {"apiGroups": ["batch"], "resources": ["jobs"], "verbs": ["create", "delete"]},
)
NODE_RULES: Final[tuple[dict[str, Any], ...]] = ({"apiGroups": [""], "resources": ["nodes"], "verbs": _CHANGE},)
"""What changes nodes, which live in no namespace: cordon and uncordon."""

_RBAC: Final = "rbac.authorization.k8s.io"


async def grant(client: ClusterClient, namespace: str) -> None:
    """Create the account, its roles for the cluster and its write role for one namespace. Raise APIError."""
    account = {"kind": "ServiceAccount", "name": SERVICE_ACCOUNT, "namespace": namespace}
    reading, writing, nodes = (f"{SERVICE_ACCOUNT}-{name}" for name in ("read", "remediate", "remediate-nodes"))
    base, local = f"/apis/{_RBAC}/v1", f"/apis/{_RBAC}/v1/namespaces/{namespace}"
    await client.request(
        "POST",
        f"/api/v1/namespaces/{namespace}/serviceaccounts",
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": SERVICE_ACCOUNT, "namespace": namespace}},
    )
    for path, kind, name, content in (
        (f"{base}/clusterroles", "ClusterRole", reading, {"rules": list(READ_RULES)}),
        (f"{base}/clusterrolebindings", "ClusterRoleBinding", reading, _bind("ClusterRole", reading, account)),
        (f"{base}/clusterroles", "ClusterRole", nodes, {"rules": list(NODE_RULES)}),
        (f"{base}/clusterrolebindings", "ClusterRoleBinding", nodes, _bind("ClusterRole", nodes, account)),
        (f"{local}/roles", "Role", writing, {"rules": list(WRITE_RULES)}),
        (f"{local}/rolebindings", "RoleBinding", writing, _bind("Role", writing, account)),
    ):
        metadata = {"name": name} if kind.startswith("Cluster") else {"name": name, "namespace": namespace}
        body = {"apiVersion": f"{_RBAC}/v1", "kind": kind, "metadata": metadata, **content}
        await client.request("POST", path, body)


def _bind(kind: str, role: str, account: dict[str, str]) -> dict[str, Any]:
    return {"roleRef": {"apiGroup": _RBAC, "kind": kind, "name": role}, "subjects": [account]}
