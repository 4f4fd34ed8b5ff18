"""Jobs, CronJobs, autoscalers and claims, in the sandbox or in a real cluster."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot.domain.entity import ObjectRef
from bot.errors import InvalidInput, NotFound
from bot.settings import KubernetesSettings
from integrations.kubernetes.actions.catalogue import KubernetesRemediator
from integrations.kubernetes.actions.contract import ACTION_ID
from integrations.kubernetes.client import MERGE_PATCH
from tests.integrations.kubernetes.actions.live_cluster import CLUSTERS, SETTINGS, Live, live_shop
from tests.integrations.kubernetes.actions.test_live import ask, ignore

Obj = dict[str, Any]


@pytest.fixture(params=CLUSTERS)
async def anywhere(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Live]:
    async with live_shop(tmp_path, cluster=request.param) as shop:
        yield shop


@pytest.fixture
async def live(tmp_path: Path) -> AsyncIterator[Live]:
    async with live_shop(tmp_path) as shop:
        yield shop


def pod_spec(command: str) -> Obj:
    """A pod that needs a file of a ConfigMap that may be missing."""
    return {
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": 1,
        "containers": [
            {
                "name": "app",
                "image": "busybox:1.36",
                "command": ["sh", "-c", command],
                "volumeMounts": [{"name": "settings", "mountPath": "/settings"}],
            }
        ],
        "volumes": [{"name": "settings", "configMap": {"name": "import-settings", "optional": True}}],
    }


def job(name: str = "import") -> Obj:
    spec = {"backoffLimit": 0, "template": {"spec": pod_spec("cat /settings/ready")}}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name}, "spec": spec}


def cron_job(**spec: Any) -> Obj:
    template = {"spec": {"backoffLimit": 0, "template": {"spec": pod_spec("cat /settings/ready")}}}
    body = {"schedule": "0 3 1 1 *", "jobTemplate": template, **spec}
    return {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "report"}, "spec": body}


async def failed_job(live: Live, body: Obj | None = None) -> ObjectRef:
    made = await live.create(body or job())
    target = ObjectRef(kind="Job", namespace=live.namespace, name=made["metadata"]["name"])

    async def failed() -> bool:
        conditions = ((await live.client.get(target)).get("status") or {}).get("conditions") or []
        return any(item["type"] == "Failed" and item["status"] == "True" for item in conditions)

    await live.until(failed)
    return target


async def repair(live: Live) -> None:
    await live.create({"kind": "ConfigMap", "metadata": {"name": "import-settings"}, "data": {"ready": "yes"}})


@pytest.mark.parametrize("delete_failed", [False, True])
async def test_a_failed_job_runs_again_as_a_copy(anywhere: Live, delete_failed: bool) -> None:
    live = anywhere
    target = await failed_job(live)
    await repair(live)
    asked = ask("rerun_job", {"delete_failed": True} if delete_failed else {}, str(target))
    shown, applied, verification = await live.carry_out(asked)
    assert verification.passed, verification.summary
    assert "BackoffLimitExceeded" in shown.blast_radius
    copy = await live.client.get(ObjectRef(kind="Job", namespace=live.namespace, name=applied.state["name"]))
    assert copy["metadata"]["annotations"][ACTION_ID] == "ACT-1"
    assert copy["metadata"]["uid"] not in str(shown.precondition)
    assert applied.undo is None
    jobs = {item["metadata"]["name"] for item in await live.client.list("Job", live.namespace)}
    assert (target.name in jobs) is not delete_failed
    again = await live.remediator.apply(asked, shown, "ACT-1")
    assert (again.already_done, again.state) == (True, applied.state)
    assert len(await live.client.list("Job", live.namespace)) == len(jobs)


async def test_a_copy_that_fails_too_is_said_to(anywhere: Live) -> None:
    target = await failed_job(anywhere)
    _, _, verification = await anywhere.carry_out(ask("rerun_job", {}, str(target)))
    assert not verification.passed
    assert "failed as well" in verification.summary


async def test_a_job_of_a_schedule_is_run_again_only_when_accepted(live: Live) -> None:
    cron = await live.create(cron_job())
    owner = {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "name": "report",
        "uid": cron["metadata"]["uid"],
        "controller": True,
    }
    owned = {**job(), "metadata": {"name": "import", "ownerReferences": [owner]}}
    target = await failed_job(live, owned)
    with pytest.raises(InvalidInput, match="starts the next run"):
        await live.remediator.preview(ask("rerun_job", {}, str(target)))
    shown = await live.remediator.preview(ask("rerun_job", {"accept_schedule": True}, str(target)))
    assert any("may start a run of its own" in warning for warning in shown.warnings)


async def test_a_schedule_is_suspended_and_resumed(anywhere: Live) -> None:
    live = anywhere
    await live.create(cron_job())
    target = f"CronJob/{live.namespace}/report"
    before = await live.spec(target)
    shown, applied, verification = await live.carry_out(ask("suspend_cronjob", {}, target))
    assert verification.passed, verification.summary
    assert "schedule 0 3 1 1 *" in shown.blast_radius
    assert (await live.get(target))["spec"]["suspend"] is True
    assert applied.undo is not None
    shown, undone, verification = await live.carry_out(applied.undo, "ACT-2")
    assert verification.passed, verification.summary
    assert any("startingDeadlineSeconds is not set" in warning for warning in shown.warnings)
    assert undone.undo is not None
    assert undone.undo.action == "suspend_cronjob"
    assert await live.spec(target) == before


async def test_bounds_are_set_and_set_back(anywhere: Live) -> None:
    live = anywhere
    reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    spec = {"scaleTargetRef": reference, "minReplicas": 1, "maxReplicas": 4}
    metric = {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization"}}}
    metric["resource"]["target"]["averageUtilization"] = 80  # type: ignore[index]
    body = {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "web"}}
    await live.create({**body, "spec": {**spec, "metrics": [metric]}})
    target = f"HorizontalPodAutoscaler/{live.namespace}/web"
    before = await live.spec(target)
    shown, applied, verification = await live.carry_out(ask("hpa_bounds", {"min_replicas": 3}, target))
    assert verification.passed, verification.summary
    assert "bounds 1 to 4 become 3 to 4" in shown.blast_radius
    assert (await live.get(f"Deployment/{live.namespace}/web"))["spec"]["replicas"] >= 3
    assert applied.undo is not None
    _, _, verification = await live.carry_out(applied.undo, "ACT-2")
    assert verification.passed, verification.summary
    assert await live.spec(target) == before
    with pytest.raises(InvalidInput, match="above the upper bound"):
        await live.remediator.preview(ask("hpa_bounds", {"min_replicas": 9}, target))


def claim(**spec: Any) -> Obj:
    asked = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}, **spec}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data"}, "spec": asked}


async def bound_claim(live: Live, *, used: bool, **spec: Any) -> str:
    await live.create(claim(**spec))
    target = f"PersistentVolumeClaim/{live.namespace}/data"
    if used:
        body = pod_spec("sleep infinity")
        body["volumes"].append({"name": "data", "persistentVolumeClaim": {"claimName": "data"}})
        body["containers"][0]["volumeMounts"].append({"name": "data", "mountPath": "/data"})
        await live.create({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "user"}, "spec": body})

    async def bound() -> bool:
        pods = await live.client.list("Pod", live.namespace)
        waiting = any((pod.get("status") or {}).get("phase") == "Pending" for pod in pods)
        return (await live.get(target)).get("status", {}).get("phase") == "Bound" and not waiting

    await live.until(bound)
    return target


async def test_a_claim_grows(live: Live) -> None:
    target = await bound_claim(live, used=True)
    asked = ask("expand_pvc", {"size": "2Gi"}, target)
    shown, applied, verification = await live.carry_out(asked)
    assert verification.passed, verification.summary
    assert (await live.get(target))["status"]["capacity"]["storage"] == "2Gi"
    assert (applied.undo, shown.reversible) == (None, False)
    assert (await live.remediator.apply(asked, shown, "ACT-1")).already_done
    with pytest.raises(InvalidInput, match="can only grow"):
        await live.remediator.preview(ask("expand_pvc", {"size": "1Gi"}, target))


async def test_a_file_system_that_has_not_grown_yet_is_said_to(live: Live) -> None:
    target = await bound_claim(live, used=False)
    settings = KubernetesSettings(**{**SETTINGS, "K8S_VERIFY_TIMEOUT_SECONDS": 1})
    remediator = KubernetesRemediator(live.client, settings, poll_seconds=0.05)
    asked = ask("expand_pvc", {"size": "2Gi"}, target)
    shown = await remediator.preview(asked)
    assert any("No pod uses it" in warning for warning in shown.warnings)
    verification = await remediator.verify(asked, await remediator.apply(asked, shown, "ACT-1"), ignore)
    assert not verification.passed
    assert "file system has not yet" in verification.summary


async def test_what_forbids_a_claim_to_grow_is_said_before(live: Live) -> None:
    target = await bound_claim(live, used=False)
    quota = {"hard": {"requests.storage": "1536Mi"}}
    await live.create({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "team"}, "spec": quota})

    async def counted() -> bool:
        found = await live.get(f"ResourceQuota/{live.namespace}/team")
        return bool((found.get("status") or {}).get("used"))

    await live.until(counted)
    with pytest.raises(InvalidInput, match="ResourceQuota team allows 1536Mi"):
        await live.remediator.preview(ask("expand_pvc", {"size": "2Gi"}, target))
    storage_class = ObjectRef(kind="StorageClass", name="standard")
    await live.client.patch(storage_class, {"allowVolumeExpansion": False}, content_type=MERGE_PATCH)
    with pytest.raises(InvalidInput, match="does not allow expansion"):
        await live.remediator.preview(ask("expand_pvc", {"size": "1200Mi"}, target))


async def test_an_unused_claim_is_deleted_and_a_used_one_is_not(live: Live) -> None:
    target = await bound_claim(live, used=True)
    asked = ask("delete_pvc", {}, target)
    with pytest.raises(InvalidInput, match="Pods use"):
        await live.remediator.preview(asked)
    pod = ObjectRef(kind="Pod", namespace=live.namespace, name="user")
    await live.client.delete(pod, grace_period_seconds=0)

    async def gone() -> bool:
        return all(item["metadata"]["name"] != "user" for item in await live.client.list("Pod", live.namespace))

    await live.until(gone)
    shown, _, verification = await live.carry_out(asked)
    assert shown.risk == "X"
    assert "destroyed (Delete)" in shown.blast_radius
    assert verification.passed, verification.summary
    with pytest.raises(NotFound):
        await live.get(target)
    assert (await live.remediator.apply(asked, shown, "ACT-1")).already_done


async def test_a_stuck_claim_is_let_go(anywhere: Live) -> None:
    live = anywhere
    body = claim()
    body["metadata"]["finalizers"] = ["example.com/clean"]
    await live.create(body)
    target = ObjectRef(kind="PersistentVolumeClaim", namespace=live.namespace, name="data")
    asked = ask("strip_finalizer", {"finalizer": "example.com/clean"}, str(target))
    with pytest.raises(InvalidInput, match="not being deleted"):
        await live.remediator.preview(asked)
    await live.client.delete(target)
    shown, applied, verification = await live.carry_out(asked)
    assert (shown.risk, applied.undo) == ("X", None)
    assert verification.passed, verification.summary

    async def gone() -> bool:
        return not await live.client.list("PersistentVolumeClaim", live.namespace)

    await live.until(gone)
    assert (await live.remediator.apply(asked, shown, "ACT-1")).already_done


async def test_the_finalizers_of_a_namespaces_spec_are_refused(live: Live) -> None:
    with pytest.raises(InvalidInput, match=r"spec\.finalizers, which the bot does not touch"):
        await live.remediator.preview(
            ask("strip_finalizer", {"finalizer": "kubernetes"}, f"Namespace/{live.namespace}")
        )
