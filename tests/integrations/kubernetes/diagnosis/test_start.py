"""Pods that do not start: images, configuration, volumes, nodes, refusals of the API server."""

from typing import Any

import pytest

from tests.integrations.kubernetes.builders import (
    NS,
    Object,
    ago,
    config_map,
    container,
    deployment,
    event,
    meta,
    node,
    pending,
    pod,
    replica_set,
    template,
    waiting,
)
from tests.integrations.kubernetes.diagnosis.checks import judge, only_root, roots

WEB = f"Deployment/{NS}/web"
IMAGE = "registry.example/team/web:1.0"


def world(
    state: Object, *, earlier: Object | None = None, present: Object | None = None
) -> tuple[Object, Object, Object]:
    pattern = present or template()
    owner = deployment(pattern)
    current = replica_set(owner, pattern, 2, age=60)
    return owner, current, pod(current, state)


@pytest.mark.parametrize(
    ("message", "key"),
    [
        (f"rpc error: code = NotFound desc = failed to resolve reference: {IMAGE}: not found", "image.not_found"),
        (f"manifest for {IMAGE} not found: manifest unknown", "image.not_found"),
        ("failed to authorize: failed to fetch oauth token: 401 Unauthorized", "image.auth"),
        ("unexpected status from HEAD request: 403 Forbidden", "image.auth"),
        ("429 Too Many Requests - toomanyrequests: You have reached your pull rate limit", "image.rate_limit"),
        ("dial tcp: lookup registry.example on 10.0.0.10:53: no such host", "image.unreachable"),
        ("x509: certificate signed by unknown authority", "image.unreachable"),
    ],
)
@pytest.mark.parametrize("place", ["status", "event"])
def test_why_an_image_cannot_be_had(message: str, key: str, place: str) -> None:
    state = waiting("ImagePullBackOff", message if place == "status" else f'Back-off pulling image "{IMAGE}"')
    owner, current, sick = world(state)
    failed = event(sick, "Failed", f'Failed to pull image "{IMAGE}": {message}')
    found = only_root(judge(owner, current, sick, *([failed] if place == "event" else [])))
    assert (found.key, found.entity) == (key, WEB)


def test_an_ambiguous_refusal_is_less_sure_and_depends_on_pull_secrets() -> None:
    message = "pull access denied, repository does not exist or may require authorization: insufficient_scope"
    plain = only_root(judge(*world(waiting("ErrImagePull", message))))
    present = template(imagePullSecrets=[{"name": "regcred"}])
    with_secret = only_root(judge(*world(waiting("ErrImagePull", message), present=present)))
    assert (plain.key, with_secret.key) == ("image.not_found", "image.auth")
    assert plain.confidence < 0.7


def test_an_image_is_set_back_to_the_one_that_ran() -> None:
    owner, current, sick = world(waiting("ImagePullBackOff", "code = NotFound"))
    before = template(container(image="registry.example/team/web:0.9"))
    earlier = replica_set(owner, before, 1, replicas=1, ready=1)
    found = only_root(judge(owner, current, earlier, sick))
    assert [item.action for item in found.actions] == ["rollback", "set_image"]
    assert found.actions[1].params == {"container": "main", "image": "registry.example/team/web:0.9"}


def test_a_pulled_image_with_a_stale_failure_is_healthy() -> None:
    pattern = template()
    owner = deployment(pattern, ready=1)
    current = replica_set(owner, pattern, 1, ready=1)
    well = pod(current, {"state": {"running": {"startedAt": ago(30)}}}, ready=True)
    assert judge(owner, current, well, event(well, "Failed", f"Failed to pull image {IMAGE}: not found")).healthy


@pytest.mark.parametrize(
    ("reason", "message", "key"),
    [
        ("CreateContainerConfigError", 'secret "db" not found', "config.missing_ref"),
        ("CreateContainerConfigError", 'configmap "app" not found', "config.missing_ref"),
        ("CreateContainerConfigError", f"couldn't find key log-level in ConfigMap {NS}/app", "config.missing_key"),
        (
            "CreateContainerConfigError",
            "container has runAsNonRoot and image will run as root",
            "config.nonroot",
        ),
        ("CreateContainerError", "failed to create subPath directory for volumeMount", "create.error"),
    ],
)
def test_containers_that_cannot_be_created(reason: str, message: str, key: str) -> None:
    assert roots(judge(*world(waiting(reason, message)))) == [(key, WEB)]


def test_a_misspelt_key_is_added_under_its_name() -> None:
    state = waiting("CreateContainerConfigError", f"couldn't find key log-level in ConfigMap {NS}/app")
    found = only_root(judge(*world(state), config_map("app", LOG_LEVEL="info")))
    assert found.actions[0].params == {"key": "log-level", "value": "info"}


@pytest.mark.parametrize(
    ("reason", "message", "key"),
    [
        ("FailedMount", 'MountVolume.SetUp failed for volume "c" : configmap "app" not found', "mount.missing_ref"),
        ("FailedMount", "references non-existent config key: app.yaml", "mount.missing_ref"),
        ("FailedAttachVolume", "Multi-Attach error for volume pvc-1: already used by pod(s) web-0", "mount.attach"),
        ("FailedCreatePodSandBox", 'plugin type="calico" failed: no IP addresses available', "sandbox.cni"),
        ("FailedCreatePodSandBox", "container init was OOM-killed (memory limit too low?)", "oom.init"),
    ],
)  # fmt: skip
def test_pods_that_wait_for_volumes_and_networks(reason: str, message: str, key: str) -> None:
    owner, current, sick = world(waiting("ContainerCreating"))
    assert roots(judge(owner, current, sick, event(sick, reason, message))) == [(key, WEB)]
    stale = event(sick, reason, message, age=7000)
    assert judge(owner, current, sick, stale).findings == ()


def homeless(message: str, *nodes: Object, **spec: Any) -> list[tuple[str, str]]:
    pattern = template(**spec)
    owner = deployment(pattern)
    current = replica_set(owner, pattern, 1)
    return roots(judge(owner, current, pending(current, message), *nodes))


@pytest.mark.parametrize(
    ("message", "key"),
    [
        ("0/3 nodes are available: 3 Insufficient memory.", "sched.insufficient"),
        ("0/3 nodes are available: 1 node(s) were unschedulable, 2 Insufficient nvidia.com/gpu.", "sched.insufficient"),
        ("0/3 nodes are available: 3 node(s) had untolerated taint {a: b}.", "sched.taint"),
        ("0/3 nodes are available: 3 node(s) didn't match pod anti-affinity rules.", "sched.anti_affinity"),
        ("0/1 nodes are available: 1 node(s) didn't have free ports for the requested pod ports.", "sched.hostport"),
        ("0/1 nodes are available: 1 node(s) had volume node affinity conflict.", "sched.volume_affinity"),
        ("0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims.", "pvc.pending"),
        ('0/1 nodes are available: persistentvolumeclaim "data" not found.', "pvc.claim_missing"),
    ],
)
def test_why_a_pod_finds_no_node(message: str, key: str) -> None:
    assert homeless(message) == [(key, WEB)]


def test_a_cordoned_node_is_told_from_a_missing_label() -> None:
    message = (
        "0/2 nodes are available: 1 node(s) didn't match Pod's node affinity/selector, 1 node(s) were unschedulable."
    )
    disk = {"disk": "ssd"}
    control_plane = node("cp", labels={"node-role.kubernetes.io/control-plane": ""}, unschedulable=True)
    cordoned = node("node-2", labels=disk, unschedulable=True)
    assert homeless(message, control_plane, cordoned, node(), nodeSelector=disk) == [("sched.cordoned", WEB)]
    assert homeless(message, control_plane, node(), nodeSelector=disk) == [("sched.affinity", WEB)]


@pytest.mark.parametrize(
    ("message", "key"),
    [
        ('pods "web-1" is forbidden: exceeded quota: compute, requested: cpu=1', "quota.exceeded"),
        ('pods "web-1" is forbidden: failed quota: compute: must specify limits.cpu', "quota.requires_limits"),
        ('pods "web-1" is forbidden: error looking up service account shop/x: serviceaccount "x" not found',
         "admission.sa_missing"),
        ('Internal error occurred: failed calling webhook "v.example": connect: refused', "admission.webhook"),
        ('pods "web-1" is forbidden: violates PodSecurity "restricted:latest"', "admission.policy"),
    ],
)  # fmt: skip
def test_refused_pods_count_only_while_they_are_missing(message: str, key: str) -> None:
    pattern = template()
    owner = deployment(pattern, replicas=2)
    condition = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": message}
    short = replica_set(owner, pattern, 1, replicas=2, conditions=[condition])
    short["status"]["replicas"] = 0
    assert roots(judge(owner, short)) == [(key, WEB)]

    satisfied = deployment(pattern, ready=1)
    full = replica_set(satisfied, pattern, 1, ready=1)
    well = pod(full, {"state": {"running": {}}}, ready=True)
    assert judge(satisfied, full, well, event(full, "FailedCreate", message)).healthy


def test_a_deadline_is_explained_by_the_pods_cause() -> None:
    pattern = template()
    late = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}
    owner = deployment(pattern, conditions=[late])
    current = replica_set(owner, pattern, 1)
    sick = pod(current, waiting("ErrImagePull", "code = NotFound"))
    diagnosis = judge(owner, current, sick)
    assert roots(diagnosis) == [("image.not_found", WEB)]
    assert [(item.key, item.root) for item in diagnosis.findings][1:] == [("rollout.deadline", False)]


def claim(storage_class: str | None = None) -> Object:
    spec: Object = {"resources": {"requests": {"storage": "1Gi"}}}
    if storage_class:
        spec["storageClassName"] = storage_class
    return {"kind": "PersistentVolumeClaim", "metadata": meta("data"), "spec": spec, "status": {"phase": "Pending"}}


def storage_class(name: str, mode: str = "Immediate") -> Object:
    return {"kind": "StorageClass", "metadata": {"name": name}, "volumeBindingMode": mode}


def test_a_claim_without_consumer_that_waits_for_one_is_healthy() -> None:
    assert judge(claim("fast"), storage_class("fast", "WaitForFirstConsumer")).healthy
    missing = judge(claim("fats"), storage_class("fast"))
    assert roots(missing) == [("pvc.class", f"PersistentVolumeClaim/{NS}/data")]
