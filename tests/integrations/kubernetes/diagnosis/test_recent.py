"""Changes before the trouble, bounds of what is offered, saturated nodes, and where alerts point."""

import pytest

from integrations.kubernetes.diagnosis.alerts import FIRST_LOOK, where_to_look
from integrations.kubernetes.diagnosis.keys import KEYS
from tests.integrations.kubernetes.builders import (
    NS,
    RUNNING,
    Object,
    ago,
    config_map,
    container,
    crashed,
    deployment,
    meta,
    node,
    pod,
    pod_metrics,
    replica_set,
    template,
)
from tests.integrations.kubernetes.diagnosis.checks import judge, only_root, roots


def written(item: Object, manager: str, age: float, subresource: str = "") -> Object:
    entry = {"manager": manager, "time": ago(age), **({"subresource": subresource} if subresource else {})}
    item["metadata"].setdefault("managedFields", []).append(entry)
    return item


def world(pattern: Object, state: Object) -> tuple[Object, Object, Object]:
    lost = {"type": "Available", "status": "False", "lastTransitionTime": ago(500)}
    owner = deployment(pattern, conditions=[lost])
    current = replica_set(owner, pattern, 1)
    return owner, current, pod(current, state)


@pytest.mark.parametrize(
    ("manager", "age", "words"),
    [
        ("helm", 540, "broke 40 s after helm changed it."),
        ("helm", 9000, "helm changed it 2 h before the snapshot."),
        ("kube-controller-manager", 540, None),
        ("helm", 90000, None),
    ],
)
def test_who_changed_it_before_it_broke(manager: str, age: float, words: str | None) -> None:
    owner, current, sick = world(template(), crashed(139))
    found = only_root(judge(written(owner, manager, age), current, sick))
    assert ((words or "helm") in found.summary) == (words is not None)
    assert any(c.value == manager for c in found.evidence) == (words is not None)


def test_a_changed_config_map_is_named() -> None:
    owner, current, sick = world(template(container(envFrom=[{"configMapRef": {"name": "settings"}}])), crashed(139))
    held = written(config_map("settings", MODE="fast"), "kubectl-edit", 560)
    found = only_root(judge(owner, current, sick, held))
    assert f"60 s after kubectl-edit changed ConfigMap/{NS}/settings" in found.summary


@pytest.mark.parametrize(
    ("bound", "offered"),
    [
        (None, "128Mi"),
        ({"kind": "LimitRange", "spec": {"limits": [{"type": "Container", "max": {"memory": "100Mi"}}]}}, "100Mi"),
        ({"kind": "LimitRange", "spec": {"limits": [{"type": "Container", "max": {"memory": "64Mi"}}]}}, None),
        (
            {"kind": "ResourceQuota", "status": {"hard": {"limits.memory": "1Gi"}, "used": {"limits.memory": "992Mi"}}},
            "96Mi",
        ),
    ],
)
def test_more_memory_stays_within_quota_and_range(bound: Object | None, offered: str | None) -> None:
    pattern = template(container(resources={"limits": {"memory": "64Mi"}}))
    extra = [{**bound, "metadata": meta("bound")}] if bound else []
    found = only_root(judge(*world(pattern, crashed(137, "OOMKilled")), *extra))
    assert [item.params["limits"]["memory"] for item in found.actions] == ([offered] if offered else [])


@pytest.mark.parametrize(("used", "found"), [("3900m", True), ("1500m", False)])
def test_one_workload_that_takes_a_whole_node(used: str, found: bool) -> None:
    owner, current, busy = world(template(), RUNNING)
    busy["status"]["conditions"] = [{"type": "Ready", "status": "True"}]
    measured = {"kind": "NodeMetrics", "metadata": {"name": "node-1"}, "usage": {"cpu": used}}
    diagnosis = judge(owner, current, busy, node(), measured, pod_metrics(busy, used))
    assert roots(diagnosis) == ([("cpu.overload", f"Deployment/{NS}/web")] if found else [])


def test_alerts_point_to_objects_and_to_keys_that_exist() -> None:
    ref, families = where_to_look("KubeDeploymentReplicasMismatch", {"namespace": NS, "deployment": "web"})
    assert str(ref) == f"Deployment/{NS}/web"
    assert "image" in families
    ref, _ = where_to_look("KubeNodeNotReady", {"node": "node-1", "namespace": "monitoring"})
    assert str(ref) == "Node/node-1"
    assert where_to_look("SomethingElse", {"pod": "web"}) == (None, ())
    known = {key.partition(".")[0] for key in KEYS}
    assert {family for look in FIRST_LOOK.values() for family in look.families} <= known
