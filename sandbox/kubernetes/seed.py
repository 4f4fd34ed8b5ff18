"""What a fresh cluster holds: namespaces, three nodes, service accounts, the usual cluster roles, a storage class."""

from typing import Any

from sandbox.kubernetes.cluster import Cluster, Write
from sandbox.kubernetes.image_stock import DNS_IMAGE
from sandbox.kubernetes.kinds import kind_named
from sandbox.kubernetes.objects import Obj, now_text

NAMESPACES = ("default", "kube-system", "kube-public", "demo")
_BY = Write(manager="kube-apiserver")
_CORE_READ = (
    "pods",
    "pods/log",
    "pods/status",
    "services",
    "endpoints",
    "configmaps",
    "events",
    "namespaces",
    "serviceaccounts",
    "persistentvolumeclaims",
    "resourcequotas",
    "limitranges",
    "replicationcontrollers",
)
_READ_GROUPS = {
    "apps": ("*",),
    "batch": ("*",),
    "autoscaling": ("*",),
    "policy": ("*",),
    "networking.k8s.io": ("ingresses", "networkpolicies"),
    "discovery.k8s.io": ("endpointslices",),
    "events.k8s.io": ("events",),
    "metrics.k8s.io": ("pods",),
}
_READ = ["get", "list", "watch"]
_WRITE = ["create", "delete", "deletecollection", "patch", "update"]


def seed(cluster: Cluster) -> None:
    """Fill an empty cluster."""
    for name in NAMESPACES:
        _create(cluster, "Namespace", {"metadata": {"name": name}})
        _create(cluster, "ServiceAccount", {"metadata": {"name": "default"}}, name)
    for number, role in enumerate(("control-plane", "", ""), start=0):
        _create(cluster, "Node", _node(number, role))
    for name in ("system-cluster-critical", "system-node-critical"):
        value = 2000000000 if "cluster" in name else 2000001000
        _create(cluster, "PriorityClass", {"metadata": {"name": name}, "value": value})
    storage = {
        "metadata": {"name": "standard", "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
        "provisioner": "rancher.io/local-path",
        "reclaimPolicy": "Delete",
        "volumeBindingMode": "Immediate",
        "allowVolumeExpansion": True,
    }
    _create(cluster, "StorageClass", storage)
    _roles(cluster)
    _dns(cluster)


def _dns(cluster: Cluster) -> None:
    """Create the cluster's name service, whose missing endpoints would be a finding of their own."""
    labels = {"k8s-app": "kube-dns"}
    ports = [{"name": "dns", "containerPort": 53, "protocol": "UDP"}]
    requests = {"requests": {"cpu": "100m", "memory": "70Mi"}, "limits": {"memory": "170Mi"}}
    container = {"name": "coredns", "image": DNS_IMAGE, "ports": ports, "resources": requests}
    corefile = (
        ".:53 {\n    errors\n    health\n    ready\n    kubernetes cluster.local\n    forward . /etc/resolv.conf\n}\n"
    )
    deployment = {
        "metadata": {"name": "coredns", "labels": labels},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [container], "priorityClassName": "system-cluster-critical"},
            },
        },
    }
    service = {
        "metadata": {"name": "kube-dns", "labels": labels},
        "spec": {
            "selector": labels,
            "clusterIP": "10.96.0.2",
            "ports": [{"name": "dns", "port": 53, "targetPort": 53, "protocol": "UDP"}],
        },
    }
    _create(cluster, "ConfigMap", {"metadata": {"name": "coredns"}, "data": {"Corefile": corefile}}, "kube-system")
    _create(cluster, "Deployment", deployment, "kube-system")
    _create(cluster, "Service", service, "kube-system")


def _roles(cluster: Cluster) -> None:
    everything = [
        {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]},
        {"nonResourceURLs": ["*"], "verbs": ["*"]},
    ]
    view = [{"apiGroups": [""], "resources": list(_CORE_READ), "verbs": _READ}]
    view += [{"apiGroups": [group], "resources": list(names), "verbs": _READ} for group, names in _READ_GROUPS.items()]
    writable = [name for name in _CORE_READ if name not in ("pods/log", "pods/status", "namespaces", "events")]
    edit = [
        *view,
        {"apiGroups": [""], "resources": ["secrets"], "verbs": _READ + _WRITE},
        {"apiGroups": [""], "resources": [*writable, "pods/eviction"], "verbs": _WRITE},
        {"apiGroups": ["apps", "batch", "autoscaling", "policy"], "resources": ["*"], "verbs": _WRITE},
        {"apiGroups": ["networking.k8s.io"], "resources": ["ingresses", "networkpolicies"], "verbs": _WRITE},
    ]
    nodes = [{"apiGroups": ["", "metrics.k8s.io"], "resources": ["nodes"], "verbs": _READ}]
    for name, rules in (
        ("cluster-admin", everything),
        ("admin", edit),
        ("edit", edit),
        ("view", view),
        ("system:node-reader", nodes),
    ):
        body = {"metadata": {"name": name, "labels": {"kubernetes.io/bootstrapping": "rbac-defaults"}}, "rules": rules}
        _create(cluster, "ClusterRole", body)
    reviews = {
        "metadata": {"name": "system:basic-user"},
        "rules": [
            {
                "apiGroups": ["authorization.k8s.io"],
                "resources": ["selfsubjectaccessreviews", "selfsubjectrulesreviews"],
                "verbs": ["create"],
            },
            {"apiGroups": ["authentication.k8s.io"], "resources": ["selfsubjectreviews"], "verbs": ["create"]},
        ],
    }
    _create(cluster, "ClusterRole", reviews)
    for role, group in (("cluster-admin", "system:masters"), ("system:basic-user", "system:authenticated")):
        subject = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": group}
        reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role}
        body = {"metadata": {"name": role}, "roleRef": reference, "subjects": [subject]}
        _create(cluster, "ClusterRoleBinding", body)


def _node(number: int, role: str) -> Obj:
    name = "sandbox-control-plane" if role else f"sandbox-worker-{number}"
    labels = {
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": "amd64",
        "topology.kubernetes.io/zone": f"zone-{'abc'[number]}",
    }
    spec: dict[str, Any] = {"podCIDR": f"10.244.{number}.0/24"}
    if role:
        labels[f"node-role.kubernetes.io/{role}"] = ""
        spec["taints"] = [{"key": f"node-role.kubernetes.io/{role}", "effect": "NoSchedule"}]
    resources = {"cpu": "8", "memory": "32Gi", "pods": "600", "ephemeral-storage": "200Gi"}
    good = {"lastHeartbeatTime": now_text(), "lastTransitionTime": now_text()}
    pressures = (
        ("MemoryPressure", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
        ("DiskPressure", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
        ("PIDPressure", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
    )
    conditions = [{"type": t, "status": "False", "reason": r, "message": m, **good} for t, r, m in pressures]
    ready = "kubelet is posting ready status"
    conditions.append({"type": "Ready", "status": "True", "reason": "KubeletReady", "message": ready, **good})
    status = {
        "capacity": resources,
        "allocatable": dict(resources),
        "conditions": conditions,
        "addresses": [
            {"type": "InternalIP", "address": f"172.18.0.{number + 2}"},
            {"type": "Hostname", "address": name},
        ],
        "nodeInfo": {
            "architecture": "amd64",
            "operatingSystem": "linux",
            "kubeletVersion": "v1.32.4",
            "kubeProxyVersion": "v1.32.4",
            "containerRuntimeVersion": "containerd://2.0.4",
            "osImage": "Debian GNU/Linux 12 (bookworm)",
            "kernelVersion": "6.8.0",
            "machineID": f"sandbox{number}",
            "bootID": f"sandbox{number}",
            "systemUUID": f"sandbox{number}",
        },
    }
    return {"metadata": {"name": name, "labels": labels}, "spec": spec, "status": status}


def _create(cluster: Cluster, kind: str, body: Obj, namespace: str = "") -> None:
    cluster.create(kind_named(kind), namespace, body, _BY)
