"""Carrying out: exactly what was previewed, once, or a conflict."""

from typing import Any

import pytest

from bot.domain.action import ActionRequest, Applied, Preview
from bot.errors import Conflict, InvalidInput, NotAllowed
from bot.settings import ALL_ACTIONS, KubernetesSettings
from integrations.kubernetes.actions.catalogue import KubernetesRemediator
from integrations.kubernetes.actions.contract import ACTION_ID
from tests.integrations.kubernetes.actions.apply_cases import CASES, PATCHES, WRITES, shop
from tests.integrations.kubernetes.actions.memory_cluster import MemoryCluster
from tests.integrations.kubernetes.actions.test_params import request

ARMED = KubernetesSettings(K8S_ENABLE_DESTRUCTIVE_OPERATIONS=True, K8S_ENABLED_ACTIONS=ALL_ACTIONS)


async def previewed(
    cluster: MemoryCluster, action: str, params: dict[str, Any], target: str
) -> tuple[KubernetesRemediator, ActionRequest, Preview]:
    remediator = KubernetesRemediator(cluster, ARMED)
    asked = remediator.validate(request(action, params, target))
    return remediator, asked, await remediator.preview(asked)


@pytest.mark.parametrize(("action", "params", "target", "undo"), CASES)
async def test_undo_is_what_was_before(
    action: str, params: dict[str, Any], target: str, undo: dict[str, Any] | None
) -> None:
    remediator, asked, shown = await previewed(shop(), action, params, target)
    applied = await remediator.apply(asked, shown, "ACT-1")
    assert not applied.already_done
    assert (applied.undo.params if applied.undo else None) == undo
    assert shown.reversible == (undo is not None)
    if applied.undo:
        assert remediator.validate(applied.undo) == applied.undo


@pytest.mark.parametrize(("action", "params", "target", "undo"), PATCHES)
async def test_undone_objects_are_as_before(
    action: str, params: dict[str, Any], target: str, undo: dict[str, Any] | None
) -> None:
    if undo is None or "to_revision" in undo:
        return  # those need the controllers that keep revisions: the sandbox's tests cover them
    cluster = shop()
    remediator, asked, shown = await previewed(cluster, action, params, target)
    kind, name = asked.target.kind, asked.target.name
    before = {key: value for key, value in cluster.find(kind, name).items() if key != "metadata"}
    applied = await remediator.apply(asked, shown, "ACT-1")
    assert applied.undo is not None
    assert {key: value for key, value in cluster.find(kind, name).items() if key != "metadata"} != before
    undone = await remediator.apply(applied.undo, await remediator.preview(applied.undo), "ACT-2")
    assert not undone.already_done
    assert {key: value for key, value in cluster.find(kind, name).items() if key != "metadata"} == before


@pytest.mark.parametrize(("action", "params", "target", "undo"), CASES)
async def test_a_second_apply_after_a_crash_changes_nothing(
    action: str, params: dict[str, Any], target: str, undo: dict[str, Any] | None
) -> None:
    cluster = shop()
    remediator, asked, shown = await previewed(cluster, action, params, target)
    first = await remediator.apply(asked, shown, "ACT-1")
    again = await remediator.apply(asked, shown, "ACT-1")
    assert len(cluster.writes) == 1
    assert again.already_done
    assert again.undo == first.undo
    assert again.state.get("uid") == first.state.get("uid")
    assert again.state.get("generation") == first.state.get("generation")


@pytest.mark.parametrize(("action", "params", "target", "undo"), WRITES)
async def test_status_updates_in_between_are_ridden_out(
    action: str, params: dict[str, Any], target: str, undo: dict[str, Any] | None
) -> None:
    cluster = shop()
    remediator, asked, shown = await previewed(cluster, action, params, target)
    moves = [3]

    def move() -> None:
        if moves[0]:
            moves[0] -= 1
            cluster.touch(asked.target.kind, asked.target.name)

    cluster.before_patch = move
    applied: Applied = await remediator.apply(asked, shown, "ACT-1")
    assert not applied.already_done
    assert moves == [0]
    assert len(cluster.writes) == 1


@pytest.mark.parametrize(("action", "params", "target", "undo"), PATCHES)
async def test_another_object_of_the_same_name_is_a_conflict(
    action: str, params: dict[str, Any], target: str, undo: dict[str, Any] | None
) -> None:
    cluster = shop()
    remediator, asked, shown = await previewed(cluster, action, params, target)
    cluster.find(asked.target.kind, asked.target.name)["metadata"]["uid"] = "another"
    with pytest.raises((Conflict, InvalidInput), match=r"created again|no revision"):
        await remediator.apply(asked, shown, "ACT-1")
    assert cluster.writes == []


@pytest.mark.parametrize(("action", "params", "target", "undo"), PATCHES)
async def test_a_changed_specification_is_a_conflict(
    action: str, params: dict[str, Any], target: str, undo: dict[str, Any] | None
) -> None:
    cluster = shop()
    remediator, asked, shown = await previewed(cluster, action, params, target)
    found = cluster.find(asked.target.kind, asked.target.name)
    if "generation" in found["metadata"]:
        found["metadata"]["generation"] += 1
    elif asked.target.kind == "Service":
        found["spec"]["selector"] = {"app": "third"}
    else:
        found["data"]["app.conf"] = "somebody else's"
    cluster.touch(asked.target.kind, asked.target.name)
    with pytest.raises(Conflict, match="looked at"):
        await remediator.apply(asked, shown, "ACT-1")
    assert cluster.writes == []


async def test_a_change_between_reading_and_writing_is_a_conflict() -> None:
    cluster = shop()
    remediator, asked, shown = await previewed(
        cluster, "set_image", {"container": "app", "image": "nginx:1.27"}, "Deployment/shop/web"
    )

    def interfere() -> None:
        found = cluster.find("Deployment", "web")
        found["spec"]["template"]["spec"]["containers"][0]["image"] = "somebody/else:2"
        found["metadata"]["generation"] += 1
        cluster.touch("Deployment", "web")

    cluster.before_patch = interfere
    with pytest.raises(Conflict):
        await remediator.apply(asked, shown, "ACT-1")
    assert cluster.writes == []


async def test_an_object_that_never_rests_is_given_up_on() -> None:
    cluster = shop()
    remediator, asked, shown = await previewed(
        cluster, "set_image", {"container": "app", "image": "nginx:1.27"}, "Deployment/shop/web"
    )
    cluster.before_patch = lambda: cluster.touch("Deployment", "web")
    with pytest.raises((Conflict, InvalidInput)):
        await remediator.apply(asked, shown, "ACT-1")
    assert cluster.writes == []


async def test_what_somebody_else_did_already_is_left_alone_and_not_undone() -> None:
    cluster = shop()
    remediator, asked, shown = await previewed(
        cluster, "set_image", {"container": "app", "image": "nginx:1.27"}, "Deployment/shop/web"
    )
    found = cluster.find("Deployment", "web")
    found["spec"]["template"]["spec"]["containers"][0]["image"] = "nginx:1.27"
    found["metadata"]["generation"] += 1
    applied = await remediator.apply(asked, shown, "ACT-1")
    assert applied.already_done
    assert applied.undo is None
    assert cluster.writes == []


async def test_a_precondition_that_broke_since_the_preview_stops_the_apply() -> None:
    cluster = shop()
    remediator, asked, shown = await previewed(cluster, "scale", {"replicas": 5}, "Deployment/shop/web")
    spec = {"scaleTargetRef": {"kind": "Deployment", "name": "web"}, "maxReplicas": 9}
    cluster.add({"kind": "HorizontalPodAutoscaler", "metadata": {"name": "web", "namespace": "shop"}, "spec": spec})
    with pytest.raises(InvalidInput, match="HorizontalPodAutoscaler"):
        await remediator.apply(asked, shown, "ACT-1")
    assert cluster.writes == []


@pytest.mark.parametrize(("action", "params", "target", "undo"), PATCHES)
async def test_every_write_is_guarded_and_carries_the_action(
    action: str, params: dict[str, Any], target: str, undo: dict[str, Any] | None
) -> None:
    cluster = shop()
    remediator, asked, shown = await previewed(cluster, action, params, target)
    await remediator.apply(asked, shown, "ACT-1")
    [(_, _, patch)] = cluster.writes
    assert [(op["op"], op["path"]) for op in patch[:2]] == [
        ("test", "/metadata/uid"),
        ("test", "/metadata/resourceVersion"),
    ]
    marked = (cluster.find(asked.target.kind, asked.target.name)["metadata"].get("annotations") or {}).get(ACTION_ID)
    assert marked == (None if action == "scale" else "ACT-1")  # the scale subresource has no annotations


async def test_a_pod_that_was_replaced_is_not_deleted_again() -> None:
    cluster = shop()
    remediator, asked, shown = await previewed(cluster, "delete_pod", {}, "Pod/shop/web-1")
    cluster.find("Pod", "web-1")["metadata"]["uid"] = "its successor"
    applied = await remediator.apply(asked, shown, "ACT-1")
    assert applied.already_done
    assert cluster.writes == []


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (KubernetesSettings(), "switched off"),
        (KubernetesSettings(K8S_ENABLE_DESTRUCTIVE_OPERATIONS=True, K8S_ENABLED_ACTIONS=("scale",)), "not enabled"),
    ],
)
async def test_what_the_settings_do_not_arm_is_not_carried_out(settings: KubernetesSettings, sentence: str) -> None:
    cluster = shop()
    _, asked, shown = await previewed(cluster, "rollout_restart", {}, "Deployment/shop/web")
    with pytest.raises(NotAllowed, match=sentence):
        await KubernetesRemediator(cluster, settings).apply(asked, shown, "ACT-1")
    assert cluster.writes == []
