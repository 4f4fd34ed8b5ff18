"""The kinds this product reads or writes, and where the API serves them."""

from dataclasses import dataclass

from bot.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind: its API group ("" for the core group), version, plural and whether it lives in a namespace."""

    name: str
    group: str
    version: str
    plural: str
    namespaced: bool = True

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(self, namespace: str | None = None, name: str | None = None, subresource: str | None = None) -> str:
        """Return the request path of the collection, or of one object. The parts must be percent-encoded already."""
        parts = ["/apis", self.group, self.version] if self.group else ["/api", self.version]
        if self.namespaced and namespace:
            parts += ["namespaces", namespace]
        parts.append(self.plural)
        parts += [part for part in (name, subresource) if part]
        return "/".join(parts)


_KINDS = (
    Kind("Pod", "", "v1", "pods"),
    Kind("Service", "", "v1", "services"),
    Kind("ConfigMap", "", "v1", "configmaps"),
    Kind("Event", "", "v1", "events"),
    Kind("PersistentVolumeClaim", "", "v1", "persistentvolumeclaims"),
    Kind("ResourceQuota", "", "v1", "resourcequotas"),
    Kind("LimitRange", "", "v1", "limitranges"),
    Kind("ServiceAccount", "", "v1", "serviceaccounts"),
    Kind("ReplicationController", "", "v1", "replicationcontrollers"),
    Kind("Namespace", "", "v1", "namespaces", namespaced=False),
    Kind("Node", "", "v1", "nodes", namespaced=False),
    Kind("PersistentVolume", "", "v1", "persistentvolumes", namespaced=False),
    Kind("Deployment", "apps", "v1", "deployments"),
    Kind("ReplicaSet", "apps", "v1", "replicasets"),
    Kind("StatefulSet", "apps", "v1", "statefulsets"),
    Kind("DaemonSet", "apps", "v1", "daemonsets"),
    Kind("ControllerRevision", "apps", "v1", "controllerrevisions"),
    Kind("Job", "batch", "v1", "jobs"),
    Kind("CronJob", "batch", "v1", "cronjobs"),
    Kind("HorizontalPodAutoscaler", "autoscaling", "v2", "horizontalpodautoscalers"),
    Kind("EndpointSlice", "discovery.k8s.io", "v1", "endpointslices"),
    Kind("Ingress", "networking.k8s.io", "v1", "ingresses"),
    Kind("NetworkPolicy", "networking.k8s.io", "v1", "networkpolicies"),
    Kind("IngressClass", "networking.k8s.io", "v1", "ingressclasses", namespaced=False),
    Kind("PodDisruptionBudget", "policy", "v1", "poddisruptionbudgets"),
    Kind("StorageClass", "storage.k8s.io", "v1", "storageclasses", namespaced=False),
    Kind(
        "ValidatingWebhookConfiguration",
        "admissionregistration.k8s.io",
        "v1",
        "validatingwebhookconfigurations",
        namespaced=False,
    ),
    Kind(
        "MutatingWebhookConfiguration",
        "admissionregistration.k8s.io",
        "v1",
        "mutatingwebhookconfigurations",
        namespaced=False,
    ),
    Kind("PodMetrics", "metrics.k8s.io", "v1beta1", "pods"),
    Kind("NodeMetrics", "metrics.k8s.io", "v1beta1", "nodes", namespaced=False),
    Kind("Role", "rbac.authorization.k8s.io", "v1", "roles"),
    Kind("RoleBinding", "rbac.authorization.k8s.io", "v1", "rolebindings"),
)

KINDS: dict[str, Kind] = {kind.name: kind for kind in _KINDS}
"""By kind name. Secrets are left out on purpose: nothing here may read one."""

_SHORT = {
    "po": "Pod",
    "svc": "Service",
    "cm": "ConfigMap",
    "ev": "Event",
    "pvc": "PersistentVolumeClaim",
    "quota": "ResourceQuota",
    "limits": "LimitRange",
    "sa": "ServiceAccount",
    "ns": "Namespace",
    "no": "Node",
    "pv": "PersistentVolume",
    "deploy": "Deployment",
    "rs": "ReplicaSet",
    "sts": "StatefulSet",
    "ds": "DaemonSet",
    "cj": "CronJob",
    "hpa": "HorizontalPodAutoscaler",
    "ing": "Ingress",
    "netpol": "NetworkPolicy",
    "pdb": "PodDisruptionBudget",
    "sc": "StorageClass",
}

WORKLOAD_KINDS = ("Deployment", "StatefulSet", "DaemonSet", "CronJob", "Job")
"""What runs pods and can be changed, in the order in which a name is looked up."""


def kind_named(name: str) -> Kind:
    """Return the kind for `Deployment`, `deployments`, `deploy` ... in any case. Raise InvalidInput for others."""
    wanted = name.lower()
    if short := _SHORT.get(wanted):
        return KINDS[short]
    for kind in _KINDS:
        if wanted in {kind.name.lower(), kind.plural} and kind.group != "metrics.k8s.io":
            return kind
    for kind in _KINDS:
        if wanted == kind.name.lower():
            return kind
    raise InvalidInput(f"{name!r} is not a kind that can be looked at.")
