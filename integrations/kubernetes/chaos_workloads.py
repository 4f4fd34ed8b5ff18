"""The five classic failures as manifests, from well-known public images and small amounts of everything."""

from dataclasses import dataclass
from typing import Any, Final

Obj = dict[str, Any]

LABEL: Final = "oncall-agent.dev/chaos"
"""Label of everything that chaos creates, its namespace included. What does not carry it is never touched."""

_WEB_IMAGE = "nginx:1.27-alpine"
_SHELL_IMAGE = "busybox:1.36"


@dataclass(frozen=True, slots=True)
class Failure:
    """One kind of failure: its number and name on the command line, and what will show."""

    number: int
    name: str
    shows: str


FAILURES: Final = (
    Failure(1, "pod-crash", "the container exits with 1 again and again: CrashLoopBackOff"),
    Failure(2, "image-pull", "the image has no such tag: ErrImagePull, ImagePullBackOff"),
    Failure(3, "oom", "the container uses more memory than its limit: OOMKilled"),
    Failure(4, "failed-deployment", "a new revision never becomes ready: ProgressDeadlineExceeded"),
    Failure(5, "unavailable-service", "the Service selects no pod: it has no endpoints"),
)


def workloads(failure: Failure, name: str) -> tuple[Obj, ...]:
    """Return the objects, called `name`, that show `failure` (the fourth only after `second_revision`)."""
    match failure.name:
        case "pod-crash":
            script = "echo starting; cat /etc/app/config.yaml; exit 1"
            return (_deployment(name, {"image": _SHELL_IMAGE, "command": ["sh", "-c", script]}),)
        case "image-pull":
            return (_deployment(name, {"image": "nginx:no-such-tag-anywhere"}),)
        case "oom":
            script = "echo filling the memory; tail /dev/zero"
            return (_deployment(name, {"image": _SHELL_IMAGE, "command": ["sh", "-c", script]}, memory="24Mi"),)
        case "failed-deployment":
            return (_deployment(name, _web()),)
    selector = {"app": f"{name}-misspelt"}
    service: Obj = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": _metadata(name),
        "spec": {"selector": selector, "ports": [{"name": "http", "port": 80, "targetPort": 80}]},
    }
    return _deployment(name, _web()), service


def second_revision() -> Obj:
    """Return the strategic merge patch whose rollout never becomes ready: it is probed on a port nobody listens on."""
    probe = {"httpGet": {"path": "/", "port": 8181}, "periodSeconds": 2, "failureThreshold": 1}
    return {"spec": {"template": {"spec": {"containers": [{"name": "app", "readinessProbe": probe}]}}}}


def namespace(name: str, created_at: str) -> Obj:
    """Return the namespace that chaos plays in."""
    metadata = {
        "name": name,
        "labels": {LABEL: "true"},
        "annotations": {"oncall-agent.dev/created-by": "oncall-agent chaos", "oncall-agent.dev/created-at": created_at},
    }
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}


def _metadata(name: str) -> Obj:
    return {
        "name": name,
        "labels": {"app": name, LABEL: "true"},
        "annotations": {"oncall-agent.dev/created-by": "oncall-agent chaos"},
    }


def _web() -> Obj:
    return {"image": _WEB_IMAGE, "ports": [{"name": "http", "containerPort": 80}]}


def _deployment(name: str, container: Obj, memory: str = "64Mi") -> Obj:
    amounts = {"cpu": "100m", "memory": memory}
    resources = {"requests": {**amounts, "cpu": "10m"}, "limits": amounts}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": _metadata(name),
        "spec": {
            "replicas": 1,
            "progressDeadlineSeconds": 30,
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name, LABEL: "true"}},
                "spec": {
                    "terminationGracePeriodSeconds": 1,
                    "containers": [{"name": "app", "resources": resources, **container}],
                },
            },
        },
    }
