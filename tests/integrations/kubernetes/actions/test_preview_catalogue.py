"""What people are shown of probes, nodes, Jobs, claims and autoscalers, and what is refused before it is shown."""

from typing import Any

import pytest

from bot.errors import InvalidInput
from tests.integrations.kubernetes.actions.apply_cases import CASES, shop
from tests.integrations.kubernetes.actions.memory_cluster import MemoryCluster, deployment, pod
from tests.integrations.kubernetes.actions.shapes import (
    PROBE,
    autoscaler,
    claim,
    cron_job,
    job,
    mounting,
    node,
    on_node,
    storage_class,
    volume,
)
from tests.integrations.kubernetes.actions.test_params import TARGETS
from tests.integrations.kubernetes.actions.test_preview import preview

Obj = dict[str, Any]
SHOP = "kubectl --namespace shop "
DELETED = {"deletionTimestamp": "2026-01-01T00:00:00Z", "finalizers": ["kubernetes.io/pvc-protection"]}


@pytest.mark.parametrize(
    ("action", "params", "command"),
    [
        ("cordon", {}, "kubectl cordon worker-1"),
        ("drain", {}, "kubectl drain worker-1 --ignore-daemonsets"),
        ("suspend_cronjob", {}, SHOP + """patch cronjob/report '--patch={"spec":{"suspend":true}}'"""),
        (
            "expand_pvc",
            {"size": "2Gi"},
            SHOP
            + """patch persistentvolumeclaim/data '--patch={"spec":{"resources":{"requests":{"storage":"2Gi"}}}}'""",
        ),
        ("delete_pvc", {}, SHOP + "delete persistentvolumeclaim/data"),
        (
            "set_probe",
            {"container": "app", "probe": "readiness", "port": 8080},
            SHOP + "patch deployment/web --type=json '--patch="
            """[{"op":"replace","path":"/spec/template/spec/containers/0/readinessProbe/httpGet/port","value":8080}]'""",
        ),
        (
            "evict",
            {},
            (
                'echo \'{"apiVersion":"policy/v1","kind":"Eviction",'
                '"metadata":{"name":"web-1","namespace":"shop"}}\' | '
                "kubectl create --raw=/api/v1/namespaces/shop/pods/web-1/eviction --filename=-"
            ),
        ),
    ],
)
async def test_the_command_can_be_pasted(action: str, params: Obj, command: str) -> None:
    shown = await preview(shop(), action, params, TARGETS.get(action))
    assert shown.command == command


@pytest.mark.parametrize(("action", "params", "target", "undo"), CASES)
async def test_every_preview_is_complete(action: str, params: Obj, target: str, undo: Obj | None) -> None:
    shown = await preview(shop(), action, params, target)
    assert shown.diff.startswith("--- ")
    assert shown.blast_radius
    assert shown.command
    assert shown.precondition["uid"]
    assert shown.reversible == (undo is not None)


async def test_a_copy_of_a_job_is_free_of_what_ties_it_to_the_old_one() -> None:
    shown = await preview(MemoryCluster(job()), "rerun_job", {}, "Job/shop/import")
    for tie in ("controller-uid", "selector", "job-name"):
        assert tie not in shown.diff
    assert "+    team: data" in shown.diff.splitlines()
    assert "+  ttlSecondsAfterFinished: 600" in shown.diff.splitlines()
    assert " jq " in shown.command


@pytest.mark.parametrize(
    ("deadline", "sentence"), [(None, "in a burst"), (3600, "in the last 3600 s starts at once"), (10, "")]
)
async def test_a_resumed_schedule_warns_of_missed_runs(deadline: int | None, sentence: str) -> None:
    spec = {} if deadline is None else {"startingDeadlineSeconds": deadline}
    shown = await preview(MemoryCluster(cron_job(suspend=True, **spec)), "resume_cronjob", {}, "CronJob/shop/report")
    assert any(sentence in warning for warning in shown.warnings) if sentence else shown.warnings == ()


async def test_what_a_probe_becomes_is_said_in_words() -> None:
    params = {"container": "app", "probe": "liveness", "port": 9090, "path": "/live", "period_seconds": 5}
    container = {"ports": [{"containerPort": 8080}]}
    shown = await preview(MemoryCluster(deployment(container=container)), "set_probe", params)
    assert shown.blast_radius.startswith(
        "liveness probe of app: HTTP GET /live on port 9090 every 5 s after 0 s, failed after 15 s"
    )
    assert "app does not declare port 9090." in shown.warnings
    assert "A container that fails it for 15 s is killed and restarted." in shown.warnings


async def test_bounds_warn_of_quota_and_nodes() -> None:
    container = {"resources": {"requests": {"cpu": "1"}}}
    quota = {
        "kind": "ResourceQuota",
        "metadata": {"name": "team", "namespace": "shop"},
        "status": {"hard": {"pods": "5", "requests.cpu": "4"}, "used": {"pods": "2", "requests.cpu": "2"}},
    }
    cluster = MemoryCluster(deployment(container=container), autoscaler(), node(), quota)
    params = {"max_replicas": 8}
    shown = await preview(cluster, "hpa_bounds", params, "HorizontalPodAutoscaler/shop/web")
    assert any("ResourceQuota team allows 5 of pods" in warning for warning in shown.warnings)
    assert any("ResourceQuota team allows 4 of requests.cpu" in warning for warning in shown.warnings)
    assert any("together lack cpu" in warning for warning in shown.warnings)


async def test_the_last_node_that_takes_pods_is_not_closed_in_silence() -> None:
    shown = await preview(MemoryCluster(node()), "cordon", {}, "Node/worker-1")
    assert any("stays Pending" in warning for warning in shown.warnings)


@pytest.mark.parametrize(("policy", "words"), [("Delete", "destroyed"), ("Retain", "are kept")])
async def test_what_becomes_of_the_data_is_said(policy: str, words: str) -> None:
    shown = await preview(MemoryCluster(claim(), volume(policy)), "delete_pvc", {}, TARGETS["delete_pvc"])
    assert words in shown.blast_radius


WEB = "Deployment/shop/web"
EXEC = {"livenessProbe": {"exec": {"command": ["true"]}}}
REFUSED: list[tuple[list[Obj], str, Obj, str, str]] = [
    ([deployment()], "set_probe", {"container": "app", "probe": "startup", "period_seconds": 5}, WEB, "a port adds"),
    (
        [deployment(container=EXEC)],
        "set_probe",
        {"container": "app", "probe": "liveness", "port": 80},
        WEB,
        "runs a command",
    ),
    (
        [deployment(container=EXEC)],
        "set_probe",
        {"container": "app", "probe": "liveness", "path": "/"},
        WEB,
        "no path or scheme",
    ),
    (
        [deployment(container={"readinessProbe": PROBE})],
        "set_probe",
        {"container": "app", "probe": "readiness", "port": "http"},
        WEB,
        "declares no port named http",
    ),
    (
        [deployment(container={"readinessProbe": PROBE})],
        "set_probe",
        {"container": "app", "probe": "readiness", "path": "/health"},
        WEB,
        "already as",
    ),
    ([node()], "uncordon", {}, "Node/worker-1", "already as uncordon"),
    ([node(unschedulable=True)], "cordon", {}, "Node/worker-1", "already as cordon"),
    ([node(), on_node(pod("bare", {}))], "drain", {}, "Node/worker-1", "nothing would replace: shop/bare"),
    ([cron_job()], "resume_cronjob", {}, "CronJob/shop/report", "already as"),
    ([job(failed=False)], "rerun_job", {}, "Job/shop/import", "has succeeded"),
    ([job(owner="report"), cron_job()], "rerun_job", {}, "Job/shop/import", "starts the next run"),
    (
        [deployment(), autoscaler()],
        "hpa_bounds",
        {"min_replicas": 5},
        TARGETS["hpa_bounds"],
        "lower bound 5 would be above the upper bound 4",
    ),
    (
        [claim(), storage_class(grows=False)],
        "expand_pvc",
        {"size": "2Gi"},
        TARGETS["expand_pvc"],
        "does not allow expansion",
    ),
    ([claim("2Gi"), storage_class()], "expand_pvc", {"size": "1Gi"}, TARGETS["expand_pvc"], "can only grow"),
    (
        [claim(status={"phase": "Pending"}), storage_class()],
        "expand_pvc",
        {"size": "2Gi"},
        TARGETS["expand_pvc"],
        "only a bound claim",
    ),
    ([claim(), mounting(pod("db-0", {}))], "delete_pvc", {}, TARGETS["delete_pvc"], "Pods use .*db-0"),
    (
        [claim(metadata=DELETED), mounting(pod("db-0", {}))],
        "strip_finalizer",
        {"finalizer": "kubernetes.io/pvc-protection"},
        TARGETS["strip_finalizer"],
        "protects their data",
    ),
    (
        [claim(metadata=DELETED)],
        "strip_finalizer",
        {"finalizer": "example.com/other"},
        TARGETS["strip_finalizer"],
        "it has kubernetes.io/pvc-protection",
    ),
]


@pytest.mark.parametrize(("objects", "action", "params", "target", "sentence"), REFUSED)
async def test_preconditions(objects: list[Obj], action: str, params: Obj, target: str, sentence: str) -> None:
    with pytest.raises(InvalidInput, match=sentence):
        await preview(MemoryCluster(*objects), action, params, target)
