from collections.abc import AsyncIterator
from typing import Any

import pytest

from sandbox.kubernetes.client import MERGE, STRATEGIC, ClusterClient
from sandbox.kubernetes.server import KubernetesServer
from sandbox.scenarios.applications import (
    APPLICATIONS,
    break_application,
    install,
    is_healthy,
    restore,
    wait_healthy,
)
from tests.sandbox.kubernetes.conftest import APPS, CORE

_PASSWORD = {"name": "POSTGRES_PASSWORD", "value": "another"}


def _container(name: str, **fields: Any) -> dict[str, Any]:
    return {"spec": {"template": {"spec": {"containers": [{"name": name, **fields}]}}}}


FIXES: dict[tuple[str, str], tuple[str, dict[str, Any], str]] = {
    ("analytics-service", "set_image"): (
        f"{APPS}/deployments/analytics-service",
        _container("analytics-service", image="registry.example.com/insights/analytics-service:2.4.0"),
        STRATEGIC,
    ),
    ("memory-hog", "set_resources"): (
        f"{APPS}/deployments/memory-hog",
        _container("memory-hog", resources={"limits": {"memory": "256Mi"}}),
        STRATEGIC,
    ),
    ("cpu-intensive", "set_resources"): (
        f"{APPS}/deployments/cpu-intensive",
        _container("cpu-intensive", resources={"limits": {"cpu": "2"}}),
        STRATEGIC,
    ),
    ("broken-database", "set_env"): (
        f"{APPS}/deployments/broken-database",
        _container("broken-database", env=[_PASSWORD]),
        STRATEGIC,
    ),
    ("frontend-app", "scale"): (f"{APPS}/deployments/frontend-app/scale", {"spec": {"replicas": 2}}, MERGE),
    ("orphan-service", "patch_service"): (
        f"{CORE}/services/orphan-service",
        {"spec": {"selector": {"tier": "backend"}}},
        MERGE,
    ),
}


@pytest.fixture
async def demo(tls_server: KubernetesServer) -> AsyncIterator[ClusterClient]:
    async with ClusterClient(tls_server.url, tls_server.admin_token, tls_server.certificate_authority) as client:
        yield client


async def roll_back(client: ClusterClient, name: str) -> None:
    """Put the template of revision 1 back, as a rollback does."""
    sets = await client.items(f"{APPS}/replicasets", labelSelector=f"app={name}")
    annotation = "deployment.kubernetes.io/revision"
    first = next(s for s in sets if s["metadata"]["annotations"][annotation] == "1")
    template = first["spec"]["template"]
    del template["metadata"]["labels"]["pod-template-hash"]
    operations = [{"op": "replace", "path": "/spec/template", "value": template}]
    path = f"{APPS}/deployments/{name}"
    await client.request("PATCH", path, operations, content_type="application/json-patch+json")


@pytest.mark.parametrize(
    ("name", "action"), [(a.name, action) for a in APPLICATIONS.values() for action in a.expected.actions]
)
async def test_every_listed_action_fixes_its_application(demo: ClusterClient, name: str, action: str) -> None:
    application = APPLICATIONS[name]
    await install(demo, [name])
    assert not await application.visible(demo)
    await break_application(demo, name)
    assert await application.visible(demo)
    if action == "rollback":
        await roll_back(demo, name)
    else:
        path, body, content_type = FIXES[name, action]
        await demo.request("PATCH", path, body, content_type=content_type)
    await wait_healthy(demo, name)

    async def symptom_gone() -> bool:
        return not await application.visible(demo)

    await demo.wait_until(symptom_gone, f"the end of the symptom of {name}", 10)


async def test_all_eight_live_side_by_side_and_can_be_restored(demo: ClusterClient) -> None:
    await install(demo)
    for name in APPLICATIONS:
        await break_application(demo, name)
    assert await is_healthy(demo, "healthy-app")
    assert await is_healthy(demo, "cpu-intensive")
    assert not await is_healthy(demo, "orphan-service")
    for name in APPLICATIONS:
        await restore(demo, name)
        assert await is_healthy(demo, name)


async def test_the_failures_look_as_in_a_real_cluster(demo: ClusterClient) -> None:
    await install(demo)
    for name in APPLICATIONS:
        await break_application(demo, name)
    payment = await demo.get(f"{APPS}/deployments/payment-service")
    conditions = {c["type"]: (c["status"], c["reason"]) for c in payment["status"]["conditions"]}
    assert conditions["Available"] == ("False", "MinimumReplicasUnavailable")
    frontend = await demo.get(f"{APPS}/deployments/frontend-app")
    assert not {"replicas", "readyReplicas", "availableReplicas"} & frontend["status"].keys()
    assert any(entry["manager"] == "night-saver" for entry in frontend["metadata"]["managedFields"])
    analytics = await demo.get(f"{APPS}/deployments/analytics-service")
    assert analytics["status"]["unavailableReplicas"] == 1
    metrics = await demo.items("/apis/metrics.k8s.io/v1beta1/namespaces/demo/pods", labelSelector="app=cpu-intensive")
    assert metrics[0]["containers"][0]["usage"]["cpu"].endswith("n")
