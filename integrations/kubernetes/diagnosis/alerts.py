"""Where to look first for the alerts that clusters ship with: the object an alert names, and the keys to expect."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from bot.domain.entity import ObjectRef
from bot.domain.finding import Diagnosis

_KINDS = {
    "deployment": "Deployment", "statefulset": "StatefulSet", "daemonset": "DaemonSet", "job_name": "Job",
    "cronjob": "CronJob", "horizontalpodautoscaler": "HorizontalPodAutoscaler", "poddisruptionbudget":
    "PodDisruptionBudget", "persistentvolumeclaim": "PersistentVolumeClaim", "resourcequota": "ResourceQuota",
    "service": "Service", "pod": "Pod", "node": "Node",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class FirstLook:
    """Which label names the object (the first that is there), and which families of keys explain the alert."""

    labels: tuple[str, ...]
    families: tuple[str, ...]


_CRASH = ("crash", "oom", "probe", "init", "config", "db", "volume", "rbac")
_START = ("image", "config", "mount", "create", "sandbox", "sched", "pvc", "init", "preempted")
_ROLLOUT = (*_START, *_CRASH, "quota", "admission", "rollout", "workload", "node", "dns", "netpol")

FIRST_LOOK: Mapping[str, FirstLook] = {
    "KubePodCrashLooping": FirstLook(("pod",), _CRASH),
    "KubePodNotReady": FirstLook(("pod",), (*_START, *_CRASH, "node")),
    "KubeContainerWaiting": FirstLook(("pod",), _START),
    "KubeContainerOOMKilled": FirstLook(("pod",), ("oom",)),
    "KubeDeploymentReplicasMismatch": FirstLook(("deployment",), _ROLLOUT),
    "KubeDeploymentGenerationMismatch": FirstLook(("deployment",), ("rollout", "admission")),
    "KubeDeploymentRolloutStuck": FirstLook(("deployment",), _ROLLOUT),
    "KubeStatefulSetReplicasMismatch": FirstLook(("statefulset",), ("sts", *_ROLLOUT)),
    "KubeStatefulSetGenerationMismatch": FirstLook(("statefulset",), ("sts", "admission")),
    "KubeStatefulSetUpdateNotRolledOut": FirstLook(("statefulset",), ("sts", *_ROLLOUT)),
    "KubeDaemonSetRolloutStuck": FirstLook(("daemonset",), ("ds", *_ROLLOUT)),
    "KubeDaemonSetNotScheduled": FirstLook(("daemonset",), ("ds", "sched")),
    "KubeDaemonSetMisScheduled": FirstLook(("daemonset",), ("ds", "sched")),
    "KubeHpaMaxedOut": FirstLook(("horizontalpodautoscaler",), ("hpa", "cpu")),
    "KubeHpaReplicasMismatch": FirstLook(("horizontalpodautoscaler",), ("hpa", "quota", "sched")),
    "KubeJobFailed": FirstLook(("job_name",), ("job", "cron", *_CRASH)),
    "KubeJobNotCompleted": FirstLook(("job_name",), ("job", *_START)),
    "KubePdbNotEnoughHealthyPods": FirstLook(("poddisruptionbudget",), ("pdb", *_ROLLOUT)),
    "KubeQuotaAlmostFull": FirstLook(("resourcequota",), ("quota",)),
    "KubeQuotaFullyUsed": FirstLook(("resourcequota",), ("quota",)),
    "KubeQuotaExceeded": FirstLook(("resourcequota",), ("quota",)),
    "KubePersistentVolumeFillingUp": FirstLook(("persistentvolumeclaim",), ("pvc",)),
    "KubePersistentVolumeInodesFillingUp": FirstLook(("persistentvolumeclaim",), ("pvc",)),
    "KubePersistentVolumeErrors": FirstLook(("persistentvolumeclaim",), ("pvc", "mount")),
    "KubeNodeNotReady": FirstLook(("node",), ("node", "sandbox")),
    "KubeNodeUnreachable": FirstLook(("node",), ("node",)),
    "KubeNodeReadinessFlapping": FirstLook(("node",), ("node",)),
    "KubeNodePressure": FirstLook(("node",), ("node", "oom", "pod")),
    "KubeNodeEviction": FirstLook(("node",), ("pod", "node")),
    "KubeletTooManyPods": FirstLook(("node",), ("sched", "node")),
    "KubeletDown": FirstLook(("node",), ("node",)),
    "KubeProxyDown": FirstLook(("node",), ("node",)),
    "CPUThrottlingHigh": FirstLook(("pod",), ("cpu",)),
    "KubeCPUOvercommit": FirstLook(("node",), ("cpu", "sched")),
    "KubeMemoryOvercommit": FirstLook(("node",), ("oom", "sched")),
    "KubeClientCertificateExpiration": FirstLook((), ("cert",)),
    "KubeAggregatedAPIDown": FirstLook((), ("svc", "hpa")),
    "TargetDown": FirstLook(("service", "pod"), ("svc", "probe", *_CRASH)),
    "CoreDNSDown": FirstLook((), ("dns",)),
    "NodeFilesystemSpaceFillingUp": FirstLook(("node",), ("node", "pvc")),
    "NodeFilesystemAlmostOutOfSpace": FirstLook(("node",), ("node", "pvc")),
}
"""By alert name, as kube-prometheus names them."""


def expect(diagnosis: Diagnosis, families: Collection[str]) -> Diagnosis:
    """Return a diagnosis with the roots that explain an alert before others of the same severity."""
    if not families:
        return diagnosis
    ranked = sorted(
        diagnosis.findings,
        key=lambda found: (not found.root, found.severity.rank, found.key.partition(".")[0] not in families),
    )
    return diagnosis.model_copy(update={"findings": tuple(ranked)})


def where_to_look(alert: str, labels: Mapping[str, str]) -> tuple[ObjectRef | None, tuple[str, ...]]:
    """Return the object that an alert's labels name and the families of keys to expect, nothing for other alerts."""
    look = FIRST_LOOK.get(alert)
    if look is None:
        return None, ()
    for label in look.labels:
        if name := labels.get(label):
            kind = _KINDS[label]
            namespace = None if kind == "Node" else labels.get("namespace")
            return ObjectRef(kind=kind, namespace=namespace, name=name), look.families
    return None, look.families
