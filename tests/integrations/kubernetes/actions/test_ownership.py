"""What is said where a tool or an operator owns the object: what to change at the source."""

from typing import Any

import pytest
import yaml

from integrations.kubernetes.actions.ownership import owner_warnings
from integrations.kubernetes.actions.patching import ABSENT, Edit
from integrations.kubernetes.actions.source_change import source_patch
from tests.integrations.kubernetes.actions.memory_cluster import MemoryCluster, deployment
from tests.integrations.kubernetes.actions.test_preview import preview

ARGO = {"annotations": {"argocd.argoproj.io/tracking-id": "shop:apps/Deployment:shop/web"}}
HELM = {"annotations": {"meta.helm.sh/release-name": "shop", "meta.helm.sh/release-namespace": "shop"}}
FLUX = {"labels": {"kustomize.toolkit.fluxcd.io/name": "shop"}}
IMAGE = ("set_image", {"container": "app", "image": "nginx:1.27"})


async def warning(metadata: dict[str, Any], action: str, params: dict[str, Any], **container: Any) -> str:
    shown = await preview(MemoryCluster(deployment(metadata=metadata, container=container)), action, params)
    (found,) = [text for text in shown.warnings if " this object" in text]
    assert len(found) < 600, "the details show no more"
    assert "\n" not in found
    return found


@pytest.mark.parametrize("metadata", [ARGO, FLUX])
async def test_git_gets_a_patch(metadata: dict[str, Any]) -> None:
    told = await warning(metadata, *IMAGE)
    assert "in the manifest of Deployment/web, as a strategic merge patch: " in told
    patch = yaml.safe_load(told.partition("merge patch: ")[2])
    container = {"name": "app", "image": "nginx:1.27"}
    assert patch == {"spec": {"template": {"spec": {"containers": [container]}}}}


async def test_helm_gets_the_release_and_the_field() -> None:
    told = await warning(HELM, *IMAGE)
    assert "helm get values shop --namespace shop" in told
    assert "spec.template.spec.containers[app].image to nginx:1.27." in told


async def test_an_operator_gets_the_field() -> None:
    owner = {"controller": True, "apiVersion": "db.example.com/v1", "kind": "Db", "name": "x"}
    told = await warning({"ownerReferences": [owner]}, "scale", {"replicas": 3})
    assert told.endswith("Change Db x as well, where it sets spec.replicas to 3.")


async def test_a_restart_is_nothing_for_git() -> None:
    assert (await warning(ARGO, "rollout_restart", {})).endswith("Make it in Git as well.")


async def test_what_is_removed_is_removed_at_the_source() -> None:
    env = [{"name": "OLD", "value": "1"}]
    told = await warning(ARGO, "set_env", {"container": "app", "name": "OLD", "unset": True}, env=env)
    patch = yaml.safe_load(told.partition("merge patch: ")[2])
    assert patch["spec"]["template"]["spec"]["containers"] == [
        {"name": "app", "env": [{"name": "OLD", "$patch": "delete"}]}
    ]


async def test_no_secret_is_in_a_suggestion() -> None:
    secret = "correct-horse-Battery9"
    env = [{"name": "DB_PASSWORD", "value": secret}]
    for metadata in (ARGO, FLUX, HELM):
        told = await warning(metadata, "set_env", {"container": "app", "name": "DB_PASSWORD", "unset": True}, env=env)
        assert secret not in told


def test_several_edits_of_one_entry_are_one_patch() -> None:
    obj = deployment(container={"resources": {}})
    base = ("spec", "template", "spec", "containers", 0, "resources")
    edits = (Edit((*base, "limits", "cpu"), "1"), Edit((*base, "requests", "cpu"), ABSENT))
    assert yaml.safe_load(source_patch(obj, edits))["spec"]["template"]["spec"]["containers"] == [
        {"name": "app", "resources": {"limits": {"cpu": "1"}, "requests": {"cpu": None}}}
    ]


def test_a_long_change_is_not_pasted_into_a_message() -> None:
    edit = Edit(("data", "app.conf"), "x" * 400)
    obj = {"kind": "ConfigMap", "metadata": {"name": "c", "namespace": "shop", **ARGO}}
    assert source_patch(obj, (edit,)) == ""
    (told,) = owner_warnings(obj, (edit,))
    assert len(told) < 300
