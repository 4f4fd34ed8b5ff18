"""The code of "add an analyzer" and "add an action" runs as it stands there."""

import re
import types
from pathlib import Path
from typing import Any

import pytest

from bot.domain.action import ActionRequest
from bot.domain.entity import ObjectRef
from bot.errors import InvalidInput
from bot.settings import KubernetesSettings
from integrations.kubernetes.actions.catalogue import KubernetesRemediator
from integrations.kubernetes.diagnosis import engine
from integrations.kubernetes.diagnosis.keys import KEYS
from tests.integrations.kubernetes import builders
from tests.integrations.kubernetes.actions.memory_cluster import MemoryCluster
from tests.integrations.kubernetes.actions.memory_cluster import deployment as live_deployment
from tests.integrations.kubernetes.diagnosis.checks import judge, only_root

DOCS = Path(__file__).resolve().parents[2] / "docs"


def module_of(page: str) -> Any:
    """Run the page's only Python block and return it as a module."""
    (code,) = re.findall(r"^```python\n(.*?)^```", (DOCS / page).read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    module = types.ModuleType(page.replace("-", "_").removesuffix(".md"))
    exec(compile(code, page, "exec"), module.__dict__)
    return module


@pytest.fixture
def analyzer(monkeypatch: pytest.MonkeyPatch) -> None:
    page = (DOCS / "add-an-analyzer.md").read_text(encoding="utf-8")
    ((key, meaning),) = re.findall(r'^"([a-z.]+)": "(.*)",$', page, re.MULTILINE)
    monkeypatch.setitem(KEYS, key, meaning)
    monkeypatch.setattr(engine, "ANALYZERS", (*engine.ANALYZERS, module_of("add-an-analyzer.md").analyze))


def paused(*, updated: int) -> builders.Object:
    pattern = builders.template()
    found = builders.deployment(pattern, replicas=3, ready=3, updatedReplicas=updated, availableReplicas=3)
    found["spec"]["paused"] = True
    return found


@pytest.mark.usefixtures("analyzer")
def test_the_analyzer_finds_what_it_says() -> None:
    found = only_root(judge(paused(updated=1)))
    assert (found.key, found.entity) == ("rollout.paused", f"Deployment/{builders.NS}/web")
    assert {citation.pointer: citation.value for citation in found.evidence} == {
        "/spec/paused": True,
        "/status/updatedReplicas": 1,
    }


@pytest.mark.usefixtures("analyzer")
def test_the_analyzer_is_quiet_about_the_healthy_twin() -> None:
    assert [found.key for found in judge(paused(updated=3)).findings] == []


@pytest.fixture
def remediator() -> tuple[KubernetesRemediator, MemoryCluster]:
    cluster = MemoryCluster(live_deployment(spec={"paused": True}))
    settings = KubernetesSettings(K8S_ENABLE_DESTRUCTIVE_OPERATIONS=True)
    armed = settings.model_copy(update={"enabled_actions": ("resume_rollout",)})
    remediator = KubernetesRemediator(cluster, armed)
    remediator._actions["resume_rollout"] = module_of("add-an-action.md").ResumeRollout()
    return remediator, cluster


REQUEST = ActionRequest(action="resume_rollout", target=ObjectRef.parse("Deployment/shop/web"))


async def test_the_action_shows_and_does_what_it_says_once(
    remediator: tuple[KubernetesRemediator, MemoryCluster],
) -> None:
    catalogue, cluster = remediator
    preview = await catalogue.preview(REQUEST)
    assert preview.command == "kubectl --namespace shop rollout resume deployment/web"
    assert "-  paused: true" in preview.diff
    applied = await catalogue.apply(REQUEST, preview, "P-1")
    assert "was resumed" in applied.summary
    assert "paused" not in cluster.find("Deployment", "web")["spec"]
    assert (await catalogue.apply(REQUEST, preview, "P-1")).already_done
    assert len(cluster.writes) == 1


async def test_the_action_refuses_what_is_not_paused(remediator: tuple[KubernetesRemediator, MemoryCluster]) -> None:
    catalogue, cluster = remediator
    del cluster.find("Deployment", "web")["spec"]["paused"]
    with pytest.raises(InvalidInput):
        await catalogue.preview(REQUEST)
