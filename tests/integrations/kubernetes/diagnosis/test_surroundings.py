"""Claims, Jobs, schedules, autoscalers, budgets, quotas and nodes: each fault beside its nearest healthy twin."""

from typing import Any

import pytest

from tests.integrations.kubernetes.builders import (
    NS,
    RUNNING,
    Object,
    ago,
    container,
    crashed,
    deployment,
    event,
    meta,
    node,
    pending,
    pod,
    replica_set,
    template,
)
from tests.integrations.kubernetes.diagnosis.checks import judge, roots

CLAIM = f"PersistentVolumeClaim/{NS}/data"
GI10: Object = {"storage": "10Gi"}


def claim(**spec: Any) -> Object:
    whole = {"accessModes": ["ReadWriteOnce"], "storageClassName": "local", "resources": {"requests": GI10}, **spec}
    return {"kind": "PersistentVolumeClaim", "metadata": meta("data"), "spec": whole, "status": {"phase": "Pending"}}


def volume(labels: dict[str, str] | None = None, **spec: Any) -> Object:
    whole = {"accessModes": ["ReadWriteOnce"], "storageClassName": "local", "capacity": {"storage": "20Gi"}, **spec}
    return {"kind": "PersistentVolume", "metadata": {"name": "disk-1", "labels": labels or {}}, "spec": whole}


def storage_class(name: str = "local", provisioner: str = "kubernetes.io/no-provisioner", **more: Any) -> Object:
    return {"kind": "StorageClass", "metadata": {"name": name}, "provisioner": provisioner, **more}


def waiting_user() -> tuple[Object, Object, Object]:
    volumes = [{"name": "d", "persistentVolumeClaim": {"claimName": "data"}}]
    pattern = template(volumes=volumes)
    owner = deployment(pattern)
    current = replica_set(owner, pattern, 1)
    return (
        owner,
        current,
        pending(current, "0/3 nodes are available: pod has unbound immediate PersistentVolumeClaims."),
    )


@pytest.mark.parametrize(
    ("wanted", "offered", "key"),
    [
        (claim(resources={"requests": {"storage": "50Gi"}}), volume(), "pvc.capacity"),
        (claim(accessModes=["ReadWriteMany"]), volume(), "pvc.access_mode"),
        (claim(selector={"matchLabels": {"disk": "fast"}}), volume({"disk": "slow"}), "pvc.selector"),
        (claim(), volume(claimRef={"namespace": "other", "name": "taken", "uid": "u1"}), "pvc.occupied"),
        (claim(storageClassName="lokal"), volume(), "pvc.class"),
        (claim(storageClassName="lokal", resources={"requests": {"storage": "50Gi"}}), volume(), "pvc.class"),
        (claim(), volume(), "pvc.pending"),
    ],
)
def test_a_claim_is_compared_with_its_volumes(wanted: Object, offered: Object, key: str) -> None:
    diagnosis = judge(*waiting_user(), wanted, offered, storage_class(), node())
    assert roots(diagnosis) == [(key, CLAIM)]
    assert f"Deployment/{NS}/web" in diagnosis.findings[0].explains


def test_volumes_of_a_provisioner_say_nothing_about_a_new_claim() -> None:
    dynamic = storage_class("fast", "csi.example", volumeBindingMode="WaitForFirstConsumer")
    held = volume(storageClassName="fast", claimRef={"namespace": "other", "name": "taken"})
    assert judge(claim(storageClassName="fast"), held, dynamic).healthy


def job(name: str = "load", owner: Object | None = None, age: float = 600, **condition: Any) -> Object:
    metadata = meta(name, owner=owner, creationTimestamp=ago(age))
    conditions = [{"status": "True", **condition}] if condition else []
    return {"kind": "Job", "metadata": metadata, "spec": {"template": template()},
            "status": {"conditions": conditions, "failed": 3}}  # fmt: skip


def cron(schedule: str = "*/10 * * * *", last: float = 300, **spec: Any) -> Object:
    inner = {"spec": {"template": template()}}
    return {
        "kind": "CronJob",
        "metadata": meta("nightly"),
        "spec": {"schedule": schedule, "jobTemplate": inner, **spec},
        "status": {"lastScheduleTime": ago(last)},
    }


GAVE_UP: Any = {"type": "Failed", "reason": "BackoffLimitExceeded", "message": "Job has reached the backoff limit"}
DONE: Any = {"type": "Complete"}


def cron_key(schedule: Object, *others: Object) -> list[str]:
    found = judge(schedule, *others)
    assert {item.entity for item in found.findings} <= {f"CronJob/{NS}/nightly"}
    return [item.key for item in found.findings if item.root]


def test_a_schedule_is_judged_by_its_newest_run() -> None:
    plan = cron()
    failed, done = job("a", plan, 500, **GAVE_UP), job("b", plan, 60, **DONE)
    assert cron_key(plan, failed) == ["cron.failing"]
    assert cron_key(plan, failed, done) == []
    assert roots(judge(job(**GAVE_UP))) == [("job.failed", f"Job/{NS}/load")]
    assert judge(job(**DONE)).healthy


@pytest.mark.parametrize(
    ("plan", "keys"),
    [
        (cron(), []),
        (cron(last=7200), ["cron.missed"]),
        (cron("0 3 * * *", last=7200), []),
        (cron("@hourly", last=90000), ["cron.missed"]),
        (cron("0 3 1 * *", last=1e6), []),
        (cron(suspend=True, last=1e6), ["cron.suspended"]),
    ],
)
def test_late_schedules_are_told_from_rare_and_suspended_ones(plan: Object, keys: list[str]) -> None:
    assert cron_key(plan) == keys
    assert judge(plan).healthy == ("cron.missed" not in keys)


def test_a_run_that_never_ends_blocks_the_next() -> None:
    plan = cron(last=7200, concurrencyPolicy="Forbid")
    assert cron_key(plan, job("a", plan, 7200)) == ["cron.blocked"]
    assert cron_key(cron(), event(cron(), "UnparseableSchedule", "unparseable schedule: x")) == ["cron.bad_schedule"]
    assert cron_key(cron(last=10), event(cron(), "MissSchedule", "Missed scheduled time", age=900)) == []


@pytest.mark.parametrize(("since", "stuck"), [(3600, True), (20, False)])
def test_a_companion_keeps_a_finished_job_alive(since: float, stuck: bool) -> None:
    run = job()
    made = pod(run, {"state": {"terminated": {"exitCode": 0, "reason": "Completed", "finishedAt": ago(since)}}})
    made["spec"]["restartPolicy"] = "Never"
    made["status"]["containerStatuses"].append({"name": "mesh", "restartCount": 0, **RUNNING})
    assert roots(judge(run, made)) == ([("job.never_completes", f"Job/{NS}/load")] if stuck else [])


def scaler(target: str = "web", **condition: Any) -> Object:
    conditions = [{"lastTransitionTime": ago(900), **condition}] if condition else []
    reference = {"kind": "Deployment", "name": target}
    return {"kind": "HorizontalPodAutoscaler", "metadata": meta("web"),
            "spec": {"scaleTargetRef": reference, "maxReplicas": 3},
            "status": {"conditions": conditions, "currentReplicas": 3}}  # fmt: skip


@pytest.mark.parametrize(
    ("found", "key"),
    [
        (scaler(type="ScalingActive", status="False", reason="FailedGetResourceMetric",
                message="missing request for cpu in container main of Pod web-1"), "hpa.broken"),
        (scaler("wbe"), "hpa.broken"),
        (scaler(type="ScalingLimited", status="True", reason="TooManyReplicas"), "hpa.maxed"),
        (scaler(type="ScalingLimited", status="True", reason="TooFewReplicas"), None),
        (scaler(type="ScalingActive", status="False", reason="ScalingDisabled"), None),
        (scaler(), None),
    ],
)  # fmt: skip
def test_autoscalers(found: Object, key: str | None) -> None:
    pattern = template()
    owner = deployment(pattern, ready=1)
    current = replica_set(owner, pattern, 1, ready=1)
    judged = roots(judge(owner, current, pod(current, RUNNING, ready=True), found))
    assert judged == ([(key, f"HorizontalPodAutoscaler/{NS}/web")] if key else [])


@pytest.mark.parametrize(("cordoned", "allowed", "blocks"), [(True, 0, True), (False, 0, False), (True, 1, False)])
def test_a_budget_matters_when_somebody_drains(cordoned: bool, allowed: int, blocks: bool) -> None:
    pattern = template()
    owner = deployment(pattern, ready=1)
    current = replica_set(owner, pattern, 1, ready=1)
    budget: Object = {"kind": "PodDisruptionBudget", "metadata": meta("web")}
    budget["spec"] = {"minAvailable": 1, "selector": {"matchLabels": {"app": "web"}}}
    budget["status"] = {"disruptionsAllowed": allowed, "expectedPods": 1, "desiredHealthy": 1, "currentHealthy": 1}
    found = judge(owner, current, pod(current, RUNNING, ready=True), budget, node(unschedulable=cordoned))
    assert roots(found) == ([("pdb.blocks", f"PodDisruptionBudget/{NS}/web")] if blocks else [])


@pytest.mark.parametrize(
    ("hard", "used", "full"),
    [({"services": "5"}, {"services": "5"}, True), ({"services": "5"}, {"services": "4"}, False),
     ({"services.loadbalancers": "0"}, {"services.loadbalancers": "0"}, False), ({"pods": "5"}, {"pods": "5"}, False)],
)  # fmt: skip
def test_a_quota_without_failing_pods(hard: Object, used: Object, full: bool) -> None:
    quota = {"kind": "ResourceQuota", "metadata": meta("all"), "status": {"hard": hard, "used": used}}
    assert roots(judge(quota)) == ([("quota.exceeded", f"ResourceQuota/{NS}/all")] if full else [])


@pytest.mark.parametrize("starved", [True, False])
def test_a_node_out_of_memory_is_told_from_a_program_that_ends(starved: bool) -> None:
    pattern = template(container(resources={"limits": {"memory": "1Gi"}}))
    owner = deployment(pattern)
    current = replica_set(owner, pattern, 1)
    place = node()
    said = event(place, "SystemOOM", "System OOM encountered, victim process: java", age=90 if starved else 1e5)
    diagnosis = judge(owner, current, pod(current, crashed(137, "Error")), place, said)
    assert roots(diagnosis) == [
        ("oom.node", "Node/node-1") if starved else ("crash.app_exception", f"Deployment/{NS}/web")
    ]


@pytest.mark.parametrize(
    ("states", "found"),
    [((True, True), []), ((True, False), ["Node/n2"]), ((True, None), ["Node/n2"]), ((None, None), [])],
)
def test_a_node_without_kube_proxy(states: tuple[bool | None, ...], found: list[str]) -> None:
    objects: list[Object] = [node("n1"), node("n2")]
    pattern = template(labels={"k8s-app": "kube-proxy"})
    owner = {"kind": "DaemonSet", "metadata": meta("kube-proxy"), "spec": {"template": pattern}, "status": {}}
    for number, ready in enumerate(states, start=1):
        if ready is not None:
            made = pod(owner, RUNNING, suffix=f"n{number}", ready=ready)
            objects.append({**made, "spec": {**made["spec"], "nodeName": f"n{number}"}})
    assert roots(judge(*objects, owner)) == [("node.kube_proxy_down", name) for name in found]


def test_a_drained_node_that_was_switched_off_is_only_mentioned() -> None:
    away = node(unschedulable=True)
    away["status"]["conditions"] = [{"type": "Ready", "status": "Unknown", "message": "Kubelet stopped posting."}]
    assert judge(away).healthy
