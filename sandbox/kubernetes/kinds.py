"""Every kind the server knows, one row each; behaviour that differs by kind is looked up, never subclassed."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_ALL_VERBS: Final = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")
_READ_ONLY: Final = ("get", "list")


@dataclass(frozen=True, slots=True, eq=False)
class Kind:
    """A row: names as in discovery. `stored_as` is the kind name that objects are kept under."""

    group: str
    version: str
    name: str
    plural: str
    short_names: tuple[str, ...] = ()
    namespaced: bool = True
    subresources: tuple[str, ...] = ()
    verbs: tuple[str, ...] = _ALL_VERBS
    categories: tuple[str, ...] = ()
    field_labels: tuple[str, ...] = ()
    stored_as: str = ""

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def resource(self) -> str:
        """The plural with its group, as error messages say it: `deployments.apps`, `pods`."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def singular(self) -> str:
        return self.name.lower()

    @property
    def storage(self) -> str:
        return self.stored_as or self.name


_POD_FIELDS = (
    "spec.nodeName",
    "spec.restartPolicy",
    "spec.schedulerName",
    "spec.serviceAccountName",
    "spec.hostNetwork",
    "status.phase",
    "status.podIP",
    "status.nominatedNodeName",
)
_EVENT_FIELDS = (
    "involvedObject.kind",
    "involvedObject.namespace",
    "involvedObject.name",
    "involvedObject.uid",
    "involvedObject.apiVersion",
    "involvedObject.resourceVersion",
    "involvedObject.fieldPath",
    "reason",
    "reportingComponent",
    "source",
    "type",
)
_ALL = ("all",)
_STATUS = ("status",)
_SCALED = ("scale", "status")
_POD_SUBRESOURCES = ("binding", "eviction", "log", "resize", "status")
_RBAC = "rbac.authorization.k8s.io"

ROWS: Final[tuple[Kind, ...]] = (
    Kind("", "v1", "Pod", "pods", ("po",), True, _POD_SUBRESOURCES, categories=_ALL, field_labels=_POD_FIELDS),
    Kind("", "v1", "Service", "services", ("svc",), True, _STATUS, categories=_ALL),
    Kind("", "v1", "Endpoints", "endpoints", ("ep",)),
    Kind("", "v1", "ConfigMap", "configmaps", ("cm",)),
    Kind("", "v1", "Secret", "secrets", field_labels=("type",)),
    Kind("", "v1", "Namespace", "namespaces", ("ns",), False, ("finalize", "status"), field_labels=("status.phase",)),
    Kind("", "v1", "Node", "nodes", ("no",), False, ("proxy", "status"), field_labels=("spec.unschedulable",)),
    Kind("", "v1", "Event", "events", ("ev",), field_labels=_EVENT_FIELDS),
    Kind("", "v1", "PersistentVolume", "persistentvolumes", ("pv",), False, _STATUS),
    Kind("", "v1", "PersistentVolumeClaim", "persistentvolumeclaims", ("pvc",), True, _STATUS),
    Kind("", "v1", "ServiceAccount", "serviceaccounts", ("sa",), True, ("token",)),
    Kind("", "v1", "ResourceQuota", "resourcequotas", ("quota",), True, _STATUS),
    Kind("", "v1", "LimitRange", "limitranges", ("limits",)),
    Kind("", "v1", "ReplicationController", "replicationcontrollers", ("rc",), True, _SCALED, categories=_ALL),
    Kind("apps", "v1", "Deployment", "deployments", ("deploy",), True, _SCALED, categories=_ALL),
    Kind(
        "apps",
        "v1",
        "ReplicaSet",
        "replicasets",
        ("rs",),
        True,
        _SCALED,
        categories=_ALL,
        field_labels=("status.replicas",),
    ),
    Kind("apps", "v1", "StatefulSet", "statefulsets", ("sts",), True, _SCALED, categories=_ALL),
    Kind("apps", "v1", "DaemonSet", "daemonsets", ("ds",), True, _STATUS, categories=_ALL),
    Kind("apps", "v1", "ControllerRevision", "controllerrevisions"),
    Kind("batch", "v1", "Job", "jobs", (), True, _STATUS, categories=_ALL, field_labels=("status.successful",)),
    Kind("batch", "v1", "CronJob", "cronjobs", ("cj",), True, _STATUS, categories=_ALL),
    Kind(
        "autoscaling",
        "v2",
        "HorizontalPodAutoscaler",
        "horizontalpodautoscalers",
        ("hpa",),
        True,
        _STATUS,
        categories=_ALL,
    ),
    Kind("policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets", ("pdb",), True, _STATUS),
    Kind("discovery.k8s.io", "v1", "EndpointSlice", "endpointslices"),
    Kind("networking.k8s.io", "v1", "Ingress", "ingresses", ("ing",), True, _STATUS),
    Kind("networking.k8s.io", "v1", "IngressClass", "ingressclasses", (), False),
    Kind("networking.k8s.io", "v1", "NetworkPolicy", "networkpolicies", ("netpol",)),
    Kind(_RBAC, "v1", "Role", "roles"),
    Kind(_RBAC, "v1", "ClusterRole", "clusterroles", (), False),
    Kind(_RBAC, "v1", "RoleBinding", "rolebindings"),
    Kind(_RBAC, "v1", "ClusterRoleBinding", "clusterrolebindings", (), False),
    Kind("storage.k8s.io", "v1", "StorageClass", "storageclasses", ("sc",), False),
    Kind("scheduling.k8s.io", "v1", "PriorityClass", "priorityclasses", ("pc",), False),
    Kind("coordination.k8s.io", "v1", "Lease", "leases"),
    Kind("events.k8s.io", "v1", "Event", "events", ("ev",), field_labels=_EVENT_FIELDS, stored_as="Event"),
    Kind("metrics.k8s.io", "v1beta1", "PodMetrics", "pods", verbs=_READ_ONLY),
    Kind("metrics.k8s.io", "v1beta1", "NodeMetrics", "nodes", (), False, verbs=_READ_ONLY),
    Kind(
        "authorization.k8s.io", "v1", "SelfSubjectAccessReview", "selfsubjectaccessreviews", (), False, (), ("create",)
    ),
    Kind("authorization.k8s.io", "v1", "SelfSubjectRulesReview", "selfsubjectrulesreviews", (), False, (), ("create",)),
    Kind("authorization.k8s.io", "v1", "SubjectAccessReview", "subjectaccessreviews", (), False, (), ("create",)),
    Kind("authentication.k8s.io", "v1", "SelfSubjectReview", "selfsubjectreviews", (), False, (), ("create",)),
    Kind("authentication.k8s.io", "v1", "TokenReview", "tokenreviews", (), False, (), ("create",)),
)

_BY_PATH: Final = {(kind.group, kind.version, kind.plural): kind for kind in ROWS}
_BY_NAME: Final = {kind.name: kind for kind in reversed(ROWS)}


def find_kind(group: str, version: str, plural: str) -> Kind | None:
    """Return the row behind a request path, or None."""
    return _BY_PATH.get((group, version, plural))


def kind_named(name: str) -> Kind:
    """Return the row of a kind by its name, the core one where two groups share it. Raise KeyError when unknown."""
    return _BY_NAME[name]


def group_versions() -> Iterator[tuple[str, str, list[Kind]]]:
    """Yield (group, version, kinds) in the order of the table, the core group first."""
    grouped: dict[tuple[str, str], list[Kind]] = {}
    for kind in ROWS:
        grouped.setdefault((kind.group, kind.version), []).append(kind)
    for (group, version), kinds in grouped.items():
        yield group, version, kinds
