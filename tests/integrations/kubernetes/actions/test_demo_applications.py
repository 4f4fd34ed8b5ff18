"""The demo applications: what should fix each does, verified, and the broken state comes back with undo."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot.domain.action import ActionRequest
from bot.domain.entity import ObjectRef
from bot.settings import KubernetesSettings
from integrations.kubernetes.actions.catalogue import KubernetesRemediator
from integrations.kubernetes.client import KubernetesClient
from sandbox.kubernetes.client import ClusterClient
from sandbox.kubernetes.server import KubernetesServer
from sandbox.scenarios.applications import break_application, install, is_healthy
from tests.integrations.kubernetes.actions.live_cluster import SETTINGS

FIXES: list[tuple[str, str, dict[str, Any]]] = [
    ("payment-service", "rollback", {"to_revision": 1}),
    ("analytics-service", "rollback", {"to_revision": 1}),
    ("memory-hog", "set_resources", {"container": "memory-hog", "limits": {"memory": "512Mi"}}),
    (
        "broken-database",
        "set_env",
        {
            "container": "broken-database",
            "name": "POSTGRES_PASSWORD",
            "value_from": {"source": "secret", "name": "database-credentials", "key": "password"},
        },
    ),
    ("frontend-app", "scale", {"replicas": 2}),
    ("orphan-service", "patch_service", {"selector": {"app": "orphan-service", "tier": "backend"}}),
]


@pytest.fixture
async def server() -> AsyncIterator[KubernetesServer]:
    started = await KubernetesServer(speed=40, tls=False).start()
    yield started
    await started.stop()


@pytest.mark.parametrize(("name", "action", "params"), FIXES, ids=[name for name, _, _ in FIXES])
async def test_the_fix_fixes(
    server: KubernetesServer, tmp_path: Path, name: str, action: str, params: dict[str, Any]
) -> None:
    path = server.write_kubeconfig(tmp_path / "kubeconfig")
    settings = KubernetesSettings(K8S_CONFIG_PATH=path, **SETTINGS)
    client = await KubernetesClient.connect(settings)
    try:
        async with ClusterClient(server.url, server.admin_token) as scenario:
            await install(scenario, [name])
            await break_application(scenario, name)
            remediator = KubernetesRemediator(client, settings, poll_seconds=0.05)
            kind = "Service" if action == "patch_service" else "Deployment"
            target = ObjectRef(kind=kind, namespace="demo", name=name)
            asked = remediator.validate(ActionRequest(action=action, target=target, params=params))
            applied = await remediator.apply(asked, await remediator.preview(asked), "ACT-1")
            verification = await remediator.verify(asked, applied, lambda _line: None)
            assert verification.passed, verification.summary
            assert await is_healthy(scenario, name)
            assert applied.undo is not None
            shown = await remediator.preview(applied.undo)
            assert not (await remediator.apply(applied.undo, shown, "ACT-2")).already_done
    finally:
        await client.close()
