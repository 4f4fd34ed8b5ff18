"""A compact schema of the structures people write by hand, for strict validation and for explain.

A shape is a dictionary of the known fields, a list of one shape for arrays, `{}` for a plain value, and None for
anything at all (free-form maps, and structures not worth spelling out here).
"""

from collections.abc import Mapping
from typing import Any, Final

Shape = Any  # A recursive type: dict[str, Shape | None] | list[Shape | None].

_VALUE: Final[dict[str, Any]] = {}
_FREE: Final = None


def _plain(*names: str) -> dict[str, Any]:
    return dict.fromkeys(names, _VALUE)


def _free(*names: str) -> dict[str, Any]:
    return dict.fromkeys(names, _FREE)


_SELECTOR = {
    "matchLabels": _FREE,
    "matchExpressions": [{**_plain("key", "operator"), "values": [_VALUE]}],
}
_METADATA = {
    **_plain(
        "name",
        "generateName",
        "namespace",
        "uid",
        "resourceVersion",
        "generation",
        "creationTimestamp",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "selfLink",
    ),
    **_free("labels", "annotations", "ownerReferences", "managedFields"),
    "finalizers": [_VALUE],
}
_PROBE = {
    **_plain(
        "initialDelaySeconds",
        "timeoutSeconds",
        "periodSeconds",
        "successThreshold",
        "failureThreshold",
        "terminationGracePeriodSeconds",
    ),
    "httpGet": {**_plain("path", "port", "host", "scheme"), "httpHeaders": [_plain("name", "value")]},
    "exec": {"command": [_VALUE]},
    "tcpSocket": _plain("port", "host"),
    "grpc": _plain("port", "service"),
}
_RESOURCES = _free("limits", "requests", "claims")
_CONTAINER = {
    **_plain(
        "name",
        "image",
        "workingDir",
        "imagePullPolicy",
        "terminationMessagePath",
        "terminationMessagePolicy",
        "stdin",
        "stdinOnce",
        "tty",
        "restartPolicy",
    ),
    "command": [_VALUE],
    "args": [_VALUE],
    "ports": [_plain("name", "hostPort", "containerPort", "protocol", "hostIP")],
    "env": [
        {
            **_plain("name", "value"),
            "valueFrom": {
                "fieldRef": _plain("apiVersion", "fieldPath"),
                "resourceFieldRef": _plain("containerName", "resource", "divisor"),
                "configMapKeyRef": _plain("name", "key", "optional"),
                "secretKeyRef": _plain("name", "key", "optional"),
            },
        }
    ],
    "envFrom": [
        {"prefix": _VALUE, "configMapRef": _plain("name", "optional"), "secretRef": _plain("name", "optional")}
    ],
    "resources": _RESOURCES,
    "resizePolicy": _FREE,
    "volumeMounts": [
        _plain(
            "name",
            "readOnly",
            "mountPath",
            "subPath",
            "mountPropagation",
            "subPathExpr",
            "recursiveReadOnly",
        )
    ],
    "volumeDevices": _FREE,
    "livenessProbe": _PROBE,
    "readinessProbe": _PROBE,
    "startupProbe": _PROBE,
    "lifecycle": _FREE,
    "securityContext": _FREE,
}
_POD_SPEC = {
    **_plain(
        "restartPolicy",
        "terminationGracePeriodSeconds",
        "activeDeadlineSeconds",
        "dnsPolicy",
        "serviceAccountName",
        "serviceAccount",
        "automountServiceAccountToken",
        "nodeName",
        "hostNetwork",
        "hostPID",
        "hostIPC",
        "hostUsers",
        "shareProcessNamespace",
        "hostname",
        "subdomain",
        "schedulerName",
        "priorityClassName",
        "priority",
        "runtimeClassName",
        "enableServiceLinks",
        "preemptionPolicy",
        "setHostnameAsFQDN",
    ),
    "containers": [_CONTAINER],
    "initContainers": [_CONTAINER],
    "ephemeralContainers": _FREE,
    **_free(
        "volumes",
        "nodeSelector",
        "securityContext",
        "imagePullSecrets",
        "affinity",
        "hostAliases",
        "dnsConfig",
        "readinessGates",
        "overhead",
        "topologySpreadConstraints",
        "os",
        "schedulingGates",
        "resourceClaims",
        "resources",
    ),
    "tolerations": [_plain("key", "operator", "value", "effect", "tolerationSeconds")],
}
_TEMPLATE = {"metadata": _METADATA, "spec": _POD_SPEC}
_JOB_SPEC = {
    **_plain(
        "parallelism",
        "completions",
        "activeDeadlineSeconds",
        "backoffLimit",
        "backoffLimitPerIndex",
        "maxFailedIndexes",
        "manualSelector",
        "ttlSecondsAfterFinished",
        "completionMode",
        "suspend",
        "podReplacementPolicy",
        "managedBy",
    ),
    **_free("podFailurePolicy", "successPolicy"),
    "selector": _SELECTOR,
    "template": _TEMPLATE,
}


def _kind(spec: dict[str, Any]) -> dict[str, Any]:
    return {"spec": spec}


SCHEMAS: Final[Mapping[str, Mapping[str, Any]]] = {
    "Pod": _kind(_POD_SPEC),
    "Deployment": _kind(
        {
            **_plain("replicas", "minReadySeconds", "revisionHistoryLimit", "paused", "progressDeadlineSeconds"),
            "selector": _SELECTOR,
            "template": _TEMPLATE,
            "strategy": {"type": _VALUE, "rollingUpdate": _plain("maxUnavailable", "maxSurge")},
        }
    ),
    "ReplicaSet": _kind({**_plain("replicas", "minReadySeconds"), "selector": _SELECTOR, "template": _TEMPLATE}),
    "StatefulSet": _kind(
        {
            **_plain("replicas", "serviceName", "podManagementPolicy", "revisionHistoryLimit", "minReadySeconds"),
            **_free("volumeClaimTemplates", "persistentVolumeClaimRetentionPolicy", "ordinals"),
            "selector": _SELECTOR,
            "template": _TEMPLATE,
            "updateStrategy": {"type": _VALUE, "rollingUpdate": _plain("partition", "maxUnavailable")},
        }
    ),
    "DaemonSet": _kind(
        {
            **_plain("minReadySeconds", "revisionHistoryLimit"),
            "selector": _SELECTOR,
            "template": _TEMPLATE,
            "updateStrategy": {"type": _VALUE, "rollingUpdate": _plain("maxUnavailable", "maxSurge")},
        }
    ),
    "Job": _kind(_JOB_SPEC),
    "CronJob": _kind(
        {
            **_plain(
                "schedule",
                "timeZone",
                "startingDeadlineSeconds",
                "concurrencyPolicy",
                "suspend",
                "successfulJobsHistoryLimit",
                "failedJobsHistoryLimit",
            ),
            "jobTemplate": {"metadata": _METADATA, "spec": _JOB_SPEC},
        }
    ),
    "Service": _kind(
        {
            **_plain(
                "clusterIP",
                "type",
                "sessionAffinity",
                "loadBalancerIP",
                "externalName",
                "externalTrafficPolicy",
                "healthCheckNodePort",
                "publishNotReadyAddresses",
                "ipFamilyPolicy",
                "allocateLoadBalancerNodePorts",
                "loadBalancerClass",
                "internalTrafficPolicy",
                "trafficDistribution",
            ),
            **_free(
                "selector",
                "clusterIPs",
                "externalIPs",
                "loadBalancerSourceRanges",
                "sessionAffinityConfig",
                "ipFamilies",
            ),
            "ports": [_plain("name", "protocol", "appProtocol", "port", "targetPort", "nodePort")],
        }
    ),
    "ConfigMap": {"immutable": _VALUE, **_free("data", "binaryData")},
    "Secret": {**_plain("immutable", "type"), **_free("data", "stringData")},
    "PodDisruptionBudget": _kind(
        {**_plain("minAvailable", "maxUnavailable", "unhealthyPodEvictionPolicy"), "selector": _SELECTOR}
    ),
    "HorizontalPodAutoscaler": _kind(
        {
            "scaleTargetRef": _plain("apiVersion", "kind", "name"),
            **_plain("minReplicas", "maxReplicas"),
            **_free("metrics", "behavior"),
        }
    ),
}
METADATA: Final[Mapping[str, Any]] = _METADATA
