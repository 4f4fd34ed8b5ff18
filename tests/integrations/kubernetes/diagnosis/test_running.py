"""What is wrong with things that run: memory, CPU, Services, sizes, nodes, autoscalers, Jobs."""

from typing import Any

import pytest

from bot.domain.alert import Severity
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
    pod,
    pod_metrics,
    replica_set,
    service,
    template,
)
from tests.integrations.kubernetes.diagnosis.checks import judge, only_root, roots

WEB = f"Deployment/{NS}/web"


def limited(**limits: str) -> Object:
    return template(container(resources={"limits": limits}))


def running(pattern: Object, state: Object = RUNNING, *, ready: bool = True) -> tuple[Object, Object, Object]:
    owner = deployment(pattern, ready=1 if ready else 0)
    current = replica_set(owner, pattern, 2, ready=1 if ready else 0)
    return owner, current, pod(current, state, ready=ready)


def test_memory_is_doubled_and_bounded_by_the_nodes() -> None:
    found = only_root(judge(*running(limited(memory="64Mi"), crashed(137, "OOMKilled"), ready=False), node()))
    assert (found.key, found.severity) == ("oom.container", Severity.CRITICAL)
    assert found.actions[0].params == {"container": "main", "limits": {"memory": "128Mi"}}
    huge = only_root(judge(*running(limited(memory="12Gi"), crashed(137, "OOMKilled"), ready=False), node()))
    assert huge.actions == ()
    assert huge.person_decides


def test_memory_returns_to_what_an_earlier_revision_had() -> None:
    owner, current, sick = running(limited(memory="64Mi"), crashed(137, "OOMKilled"), ready=False)
    earlier = replica_set(owner, limited(memory="512Mi"), 1, replicas=0)
    found = only_root(judge(owner, current, earlier, sick))
    assert [item.action for item in found.actions] == ["set_resources", "rollback"]
    assert found.actions[0].params["limits"] == {"memory": "512Mi"}


def test_a_recent_memory_kill_counts_although_the_pod_runs_again() -> None:
    ended = {"exitCode": 137, "reason": "OOMKilled", "startedAt": ago(9000), "finishedAt": ago(900)}
    state = {**RUNNING, "restartCount": 1, "lastState": {"terminated": ended}}
    found = only_root(judge(*running(limited(memory="64Mi"), state)))
    assert found.key == "oom.container"
    assert "leak" in found.summary
    old = {**state, "lastState": {"terminated": {**ended, "finishedAt": ago(90000)}}}
    assert judge(*running(limited(memory="64Mi"), old)).healthy


@pytest.mark.parametrize(("usage", "hot"), [("498213441n", True), ("470m", True), ("300m", False), ("0", False)])
def test_cpu_at_its_limit_shows_in_the_metrics_alone(usage: str, hot: bool) -> None:
    owner, current, well = running(limited(cpu="500m"))
    diagnosis = judge(owner, current, well, pod_metrics(well, usage))
    assert roots(diagnosis) == ([("cpu.throttled", WEB)] if hot else [])
    if hot:
        assert [item.action for item in diagnosis.findings[0].actions] == ["set_resources", "scale"]
        assert diagnosis.findings[0].actions[0].params["limits"] == {"cpu": "1"}
    assert judge(owner, current, well).healthy  # without metrics nothing looks wrong


def test_zero_replicas_matter_only_to_those_who_count_on_them() -> None:
    pattern = template()
    owner = deployment(pattern, replicas=0)
    empty = replica_set(owner, pattern, 1, replicas=0)
    scaled = event(owner, "ScalingReplicaSet", "Scaled down replica set web-r1 from 3 to 0", kind="Normal")
    found = only_root(judge(owner, empty, scaled, service()))
    assert (found.key, found.actions[0].params) == ("workload.zero_replicas", {"replicas": 3})
    assert judge(owner, empty).healthy

    other = deployment(pattern, name="web-green", ready=1)
    green = replica_set(other, pattern, 1, ready=1)
    assert judge(owner, empty, service(), other, green, pod(green, RUNNING, ready=True)).healthy


def test_a_selector_that_misses_by_one_label_is_mended() -> None:
    pattern = template(container(ports=[{"containerPort": 8080}]), labels={"app": "web", "tier": "backend"})
    objects = running(pattern)
    found = only_root(judge(*objects, service(selector={"app": "web", "tier": "back-end"}, targetPort=8080)))
    assert (found.key, found.entity) == ("svc.selector", f"Service/{NS}/web")
    assert found.actions[0].params == {"selector": {"app": "web", "tier": "backend"}}
    assert judge(*objects, service(selector={"app": "web"}, targetPort=8080)).healthy


@pytest.mark.parametrize("selector", [{}, {"app": "something-quite-different"}])
def test_a_service_without_selector_or_near_workload_is_left_alone(selector: dict[str, str]) -> None:
    assert judge(*running(template()), service("external-billing", selector)).healthy


@pytest.mark.parametrize(
    ("declared", "target", "key"),
    [
        ({"containerPort": 8080}, 8080, None),
        ({"containerPort": 8080, "name": "http"}, "http", None),
        ({"containerPort": 8080, "name": "http"}, "web", "svc.port"),
        ({"containerPort": 8080}, 9090, "svc.port"),
        ({"containerPort": 8080, "protocol": "UDP"}, 8080, "svc.protocol"),
        (None, 9090, None),
    ],
)
def test_target_ports_have_to_exist(declared: Object | None, target: Any, key: str | None) -> None:
    pattern = template(container(ports=[declared] if declared else []))
    diagnosis = judge(*running(pattern), service(targetPort=target))
    assert roots(diagnosis) == ([(key, f"Service/{NS}/web")] if key else [])


def test_an_undeclared_port_that_a_probe_uses_is_believed() -> None:
    probe = {"httpGet": {"path": "/", "port": 9090}}
    pattern = template(container(ports=[{"containerPort": 8080}], readinessProbe=probe))
    assert judge(*running(pattern), service(targetPort=9090)).healthy


def test_pods_that_fail_their_readiness_probe() -> None:
    owner, current, sick = running(template(), ready=False)
    failing = event(sick, "Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 503")
    assert roots(judge(owner, current, sick, failing, service())) == [("probe.readiness", WEB)]
    owner, current, well = running(template())
    assert judge(owner, current, well, event(well, "Unhealthy", "Readiness probe failed: 503"), service()).healthy


@pytest.mark.parametrize(
    ("status", "message", "key"),
    [("Unknown", "Kubelet stopped posting node status.", "node.kubelet_down"),
     ("False", "container runtime is down", "node.runtime_down"),
     ("False", "kubelet is stopping", "node.not_ready")],
)  # fmt: skip
def test_silent_and_broken_nodes_are_told_apart(status: str, message: str, key: str) -> None:
    sick = node()
    sick["status"]["conditions"] = [{"type": "Ready", "status": status, "reason": "NodeStatus", "message": message}]
    owner, current, lost = running(template(), ready=False)
    diagnosis = judge(sick, owner, current, lost, service())
    assert roots(diagnosis) == [(key, "Node/node-1")]
    assert f"Service/{NS}/web" in diagnosis.findings[0].explains


def scaler(*conditions: Object) -> Object:
    return {
        "kind": "HorizontalPodAutoscaler",
        "metadata": meta("web"),
        "spec": {"maxReplicas": 3, "scaleTargetRef": {"kind": "Deployment", "name": "web"}},
        "status": {"currentReplicas": 3, "conditions": list(conditions)},
    }


def test_autoscalers_that_cannot_see_or_cannot_grow() -> None:
    blind = {"type": "ScalingActive", "status": "False", "reason": "FailedGetResourceMetric", "message": "no request"}
    about = f"HorizontalPodAutoscaler/{NS}/web"
    assert roots(judge(*running(template()), scaler(blind))) == [("hpa.broken", about)]
    full = {"type": "ScalingLimited", "status": "True", "reason": "TooManyReplicas"}
    assert roots(judge(*running(template()), scaler(full))) == [("hpa.maxed", about)]
    assert judge(*running(template()), scaler({**full, "status": "False"})).healthy
    off = {**blind, "reason": "ScalingDisabled"}
    assert judge(*running(template()), scaler(off)).healthy


def job(condition: str, reason: str = "") -> Object:
    conditions = [{"type": condition, "status": "True", "reason": reason, "message": reason}]
    return {"kind": "Job", "metadata": meta("import"), "spec": {}, "status": {"failed": 3, "conditions": conditions}}


def test_a_failed_job_is_told_from_a_complete_one() -> None:
    assert roots(judge(job("Failed", "BackoffLimitExceeded"))) == [("job.failed", f"Job/{NS}/import")]
    done = job("Complete")
    ended = {"state": {"terminated": {"exitCode": 1, "reason": "Error", "finishedAt": ago(60)}}}
    leftover = pod({**done, "spec": {"template": template()}}, ended, phase="Failed")
    assert judge(done, leftover).healthy


def test_evicted_pods_are_cleared_away() -> None:
    owner, current, well = running(template())
    message = "The node was low on resource: memory."
    gone = pod(current, {}, suffix="x2", phase="Failed", reason="Evicted", message=message, startTime=ago(600))
    found = only_root(judge(owner, current, well, gone))
    assert (found.key, found.actions[0].action) == ("pod.evicted", "delete_pod")


def test_a_deliberate_old_zero_is_no_emergency() -> None:
    pattern = template()
    owner = deployment(pattern, replicas=0)
    written = {"manager": "kubectl", "subresource": "scale", "time": ago(3 * 86400)}
    owner["metadata"]["managedFields"] = [written]
    old = only_root(judge(owner, service()))
    owner["metadata"]["managedFields"] = [{**written, "time": ago(600)}]
    recent = only_root(judge(owner, service()))
    assert (old.severity, recent.severity) == (Severity.WARNING, Severity.CRITICAL)
    assert "by kubectl" in recent.summary


def test_pods_that_have_just_started_are_given_time() -> None:
    owner, current, young = running(template(), {"state": {"running": {}}}, ready=False)
    found = only_root(judge(owner, current, young, service()))
    assert (found.key, found.entity) == ("svc.not_ready", f"Service/{NS}/web")
    assert "probe or the program" in found.person_decides
    young["metadata"]["creationTimestamp"] = ago(20)
    assert judge(owner, current, young, service()).healthy


def test_a_named_port_that_nobody_declares_is_wrong() -> None:
    assert roots(judge(*running(template()), service(targetPort="http"))) == [("svc.port", f"Service/{NS}/web")]


def stateful(*, ready: int, replicas: int = 3) -> Object:
    return {
        "kind": "StatefulSet",
        "metadata": meta("queue"),
        "spec": {"replicas": replicas, "template": template(labels={"app": "queue"})},
        "status": {"readyReplicas": ready},
    }


def test_a_stuck_ordinal_is_named_and_gives_way_to_its_cause() -> None:
    owner = stateful(ready=1)
    first = pod(owner, RUNNING, suffix="0", ready=True)
    second = pod(owner, {"state": {"running": {}}}, suffix="1")
    found = only_root(judge(owner, first, second))
    assert (found.key, found.entity) == ("sts.stuck", f"StatefulSet/{NS}/queue")
    assert "queue-1" in found.summary
    broken = pod(owner, crashed(137, "OOMKilled"), suffix="1")
    assert roots(judge(owner, first, broken)) == [("oom.container", f"StatefulSet/{NS}/queue")]
    assert judge(stateful(ready=1, replicas=1), first).healthy


def test_a_daemon_set_that_misses_nodes() -> None:
    owner: Object = {"kind": "DaemonSet", "metadata": meta("agent"), "spec": {"template": template()}}
    owner["status"] = {"desiredNumberScheduled": 3, "currentNumberScheduled": 2}
    assert roots(judge(owner)) == [("ds.not_scheduled", f"DaemonSet/{NS}/agent")]
    owner["status"]["currentNumberScheduled"] = 3
    assert judge(owner).healthy
