"""Each action does its work with the reader's role and exactly the verbs that it declares, and not without them."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.domain.action import ActionRequest
from bot.errors import AuthenticationFailed
from bot.settings import KubernetesSettings
from integrations.kubernetes.actions.catalogue import ACTIONS, KubernetesRemediator
from sandbox.kubernetes.client import ClusterClient
from tests.integrations.kubernetes.actions.live_cluster import SETTINGS, Live, live_shop
from tests.integrations.kubernetes.actions.test_live import ask
from tests.integrations.kubernetes.actions.test_live_batch import bound_claim, claim, cron_job, failed_job
from tests.integrations.kubernetes.actions.test_live_nodes import busy_node

RBAC = Path(__file__).parents[4] / "deploy" / "rbac"
RULES = "/apis/rbac.authorization.k8s.io/v1"
PLURALS = {
    "Namespace": "/api/v1/namespaces",
    "ServiceAccount": "/api/v1/namespaces/oncall-agent/serviceaccounts",
    "ClusterRole": f"{RULES}/clusterroles",
    "ClusterRoleBinding": f"{RULES}/clusterrolebindings",
}


@pytest.fixture
async def live(tmp_path: Path) -> AsyncIterator[Live]:
    async with live_shop(tmp_path) as shop:
        yield shop


async def grant(admin: ClusterClient, name: str, verbs: tuple[str, ...]) -> None:
    """Give the bot's account what an action declares."""
    rules = []
    for permission in verbs:
        verb, _, what = permission.partition(" ")
        what, slash, subresource = what.partition("/")
        resource, _, group = what.partition(".")
        rules.append({"apiGroups": [group], "resources": [resource + slash + subresource], "verbs": [verb]})
    await admin.request("POST", PLURALS["ClusterRole"], {"metadata": {"name": name}, "rules": rules})
    subject = {"kind": "ServiceAccount", "name": "oncall-agent", "namespace": "oncall-agent"}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name}
    binding = {"metadata": {"name": name}, "roleRef": role, "subjects": [subject]}
    await admin.request("POST", PLURALS["ClusterRoleBinding"], binding)


async def prepare(live: Live, action: str) -> ActionRequest:
    """Bring about the state in which an action makes sense."""
    match action:
        case "evict":
            pod = (await live.client.list("Pod", "shop", label_selector="app=web"))[0]["metadata"]["name"]
            return ask("evict", {}, f"Pod/shop/{pod}")
        case "cordon" | "drain":
            return ask(action, {}, f"Node/{await busy_node(live)}")
        case "suspend_cronjob":
            await live.create(cron_job())
            return ask(action, {}, "CronJob/shop/report")
        case "rerun_job":
            return ask(action, {"delete_failed": True}, str(await failed_job(live)))
        case "expand_pvc":
            return ask(action, {"size": "2Gi"}, await bound_claim(live, used=True))
        case "delete_pvc":
            return ask(action, {}, await bound_claim(live, used=False))
        case "strip_finalizer":
            body: dict[str, Any] = claim()
            body["metadata"]["finalizers"] = ["example.com/clean"]
            await live.create(body)
            asked = ask(action, {"finalizer": "example.com/clean"}, "PersistentVolumeClaim/shop/data")
            await live.client.delete(asked.target)
            return asked
        case "hpa_bounds":
            reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
            spec = {"scaleTargetRef": reference, "minReplicas": 1, "maxReplicas": 4}
            body = {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "web"}}
            await live.create({**body, "spec": spec})
            return ask(action, {"max_replicas": 5}, "HorizontalPodAutoscaler/shop/web")
    return ask("set_probe", {"container": "app", "probe": "liveness", "port": 80})


@pytest.mark.parametrize(
    "name",
    [
        "set_probe", "evict", "cordon", "drain", "suspend_cronjob", "hpa_bounds", "expand_pvc", "rerun_job",
        "delete_pvc", "strip_finalizer",
    ],
)  # fmt: skip
async def test_declared_verbs_suffice_and_are_needed(live: Live, name: str) -> None:
    asked = await prepare(live, name)
    (action,) = [action for action in ACTIONS if action.name == name]
    async with ClusterClient(live.server.url, live.server.admin_token) as admin:
        for file in ("service-account.yaml", "reader.yaml"):
            for document in yaml.safe_load_all((RBAC / file).read_text()):
                await admin.request("POST", PLURALS[document["kind"]], document)
        client = await live.connect(live.server.token_for("oncall-agent", "oncall-agent"))
        try:
            remediator = KubernetesRemediator(client, KubernetesSettings(**SETTINGS), poll_seconds=0.05)
            shown = await KubernetesRemediator(client, KubernetesSettings()).preview(asked)
            assert any("did not rehearse" in warning for warning in shown.warnings)
            with pytest.raises(AuthenticationFailed):
                await remediator.preview(asked)
            await grant(admin, "declared", action.verbs)
            shown = await remediator.preview(asked)
            applied = await remediator.apply(asked, shown, "ACT-1")
            assert not applied.already_done
        finally:
            await client.close()
