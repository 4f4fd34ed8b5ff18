"""What people are shown before they decide, and what is refused before it is shown."""

import json
import shlex
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.action import Preview
from bot.domain.entity import ObjectRef
from bot.errors import AuthenticationFailed, InvalidInput
from bot.settings import KubernetesSettings
from integrations.kubernetes.actions.catalogue import KubernetesRemediator
from integrations.kubernetes.actions.rendering import kubectl
from tests.integrations.kubernetes.actions.memory_cluster import MemoryCluster, config_map, deployment, pod, service
from tests.integrations.kubernetes.actions.test_params import request


async def preview(cluster: MemoryCluster, action: str, params: dict[str, Any], target: str | None = None) -> Preview:
    before = json.dumps([*cluster.objects.values()])
    shown = await KubernetesRemediator(cluster, KubernetesSettings()).preview(request(action, params, target))
    assert json.dumps([*cluster.objects.values()]) == before
    assert cluster.writes == []
    return shown


def replica_set(cluster: MemoryCluster, revision: int, *, available: int = 0, replicas: int = 0) -> dict[str, Any]:
    owner = cluster.find("Deployment", "web")
    labels = {"app": "web", "pod-template-hash": f"hash{revision}"}
    container = {"name": "app", "image": f"registry.example.com/web:0.{revision}"}
    volume = {"name": "config", "configMap": {"name": "web-config"}}
    return cluster.add(
        {
            "apiVersion": "apps/v1",
            "kind": "ReplicaSet",
            "metadata": {
                "name": f"web-hash{revision}",
                "namespace": "shop",
                "annotations": {"deployment.kubernetes.io/revision": str(revision)},
                "ownerReferences": [{"kind": "Deployment", "name": "web", "uid": owner["metadata"]["uid"]}],
            },
            "spec": {
                "replicas": replicas,
                "template": {"metadata": {"labels": labels}, "spec": {"containers": [container], "volumes": [volume]}},
            },
            "status": {"replicas": replicas, "availableReplicas": available},
        }
    )


@pytest.mark.parametrize(
    ("action", "params", "target", "command"),
    [
        ("rollout_restart", {}, None, "rollout restart deployment/web"),
        ("rollback", {"to_revision": 1}, None, "rollout undo deployment/web --to-revision=1"),
        ("scale", {"replicas": 5}, None, "scale deployment/web --replicas=5"),
        ("set_image", {"container": "app", "image": "nginx:1.27"}, None, "set image deployment/web app=nginx:1.27"),
        (
            "set_env",
            {"container": "app", "name": "GREETING", "value": "it's $HOME"},
            None,
            "set env deployment/web --containers=app 'GREETING=it'\"'\"'s $HOME'",
        ),
        (
            "set_env",
            {"container": "app", "name": "OLD", "unset": True},
            None,
            "set env deployment/web --containers=app OLD-",
        ),
        (
            "set_env",
            {"container": "app", "name": "PW", "value_from": {"source": "secret", "name": "db", "key": "pw"}},
            None,
            (
                'patch deployment/web --type=json \'--patch=[{"op":"add",'
                '"path":"/spec/template/spec/containers/0/env/1",'
                '"value":{"name":"PW","valueFrom":{"secretKeyRef":{"name":"db","key":"pw"}}}}]\''
            ),
        ),
        (
            "set_resources",
            {"container": "app", "requests": {"cpu": "250m"}, "limits": {"cpu": "1", "memory": "1Gi"}},
            None,
            "set resources deployment/web --containers=app --requests=cpu=250m --limits=cpu=1,memory=1Gi",
        ),
        (
            "set_resources",
            {"container": "app", "remove": ["limits.memory"]},
            None,
            (
                'patch deployment/web --type=json \'--patch=[{"op":"remove",'
                '"path":"/spec/template/spec/containers/0/resources/limits/memory"}]\''
            ),
        ),
        (
            "patch_service",
            {"selector": {"app": "web"}},
            None,
            (
                "patch service/web --type=json "
                '\'--patch=[{"op":"replace","path":"/spec/selector","value":{"app":"web"}}]\''
            ),
        ),
        (
            "patch_service",
            {"selector": {"app": "web"}, "ports": [{"port": 80, "target_port": 8080}]},
            None,
            (
                "patch service/web --type=json "
                '\'--patch=[{"op":"replace","path":"/spec/selector","value":{"app":"web"}},'
                '{"op":"replace","path":"/spec/ports/0/targetPort","value":8080}]\''
            ),
        ),
        (
            "patch_configmap",
            {"key": "app.conf", "value": "a\nb"},
            "ConfigMap/shop/web-config",
            'patch configmap/web-config --type=json \'--patch=[{"op":"add","path":"/data/app.conf","value":"a\\nb"}]\'',
        ),
        ("delete_pod", {}, "Pod/shop/web-1", "delete pod/web-1"),
    ],
)
async def test_the_command_can_be_pasted(action: str, params: dict[str, Any], target: str | None, command: str) -> None:
    container = {"env": [{"name": "OLD", "value": "1"}], "resources": {"limits": {"memory": "128Mi"}}}
    cluster = MemoryCluster(deployment(container=container), service(), config_map())
    owner = replica_set(cluster, 1, available=1, replicas=1)
    cluster.add(pod("web-1", {"app": "web"}, owner=owner))
    shown = await preview(cluster, action, params, target)
    assert shown.command == f"kubectl --namespace shop {command}"
    assert shown.diff.startswith("--- ")
    assert shown.blast_radius
    assert shown.precondition["uid"]


words = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=30)


@given(st.lists(words, min_size=1, max_size=5))
def test_quoting_survives_every_text(parts: list[str]) -> None:
    line = kubectl(ObjectRef(kind="Deployment", namespace="shop", name="web"), *(f"v{part}" for part in parts))
    assert shlex.split(line) == ["kubectl", "--namespace", "shop", *(f"v{part}" for part in parts)]


async def test_a_name_that_speaks_of_secrets_makes_no_hole_in_the_command() -> None:
    image = "registry.example.com/token-service@sha256:" + "0123456789abcdef" * 4
    cluster = MemoryCluster(deployment(container={"name": "token-service"}))
    shown = await preview(cluster, "set_image", {"container": "token-service", "image": image})
    assert shown.command.endswith(f"deployment/web token-service={image}")
    assert f"+      - image: {image}" in shown.diff.splitlines()


async def test_the_diff_shows_exactly_what_changes() -> None:
    shown = await preview(MemoryCluster(deployment()), "set_image", {"container": "app", "image": "nginx:1.27"})
    changed = [line for line in shown.diff.splitlines()[3:] if line[0] in "+-"]
    assert changed == ["-      - image: registry.example.com/web:1.0", "+      - image: nginx:1.27"]


async def test_a_scale_to_zero_is_destructive_and_says_so() -> None:
    shown = await preview(MemoryCluster(deployment()), "scale", {"replicas": 0})
    assert shown.risk == "X"
    assert shown.reversible
    assert any("stops everything" in warning for warning in shown.warnings)
    assert (await preview(MemoryCluster(deployment()), "scale", {"replicas": 3})).risk == "S"


async def test_reach_in_words_and_numbers() -> None:
    cluster = MemoryCluster(
        deployment(),
        service(selector={"app": "web"}),
        service("other", {"app": "other"}),
        {
            "kind": "PodDisruptionBudget",
            "metadata": {"name": "web", "namespace": "shop"},
            "spec": {"selector": {"matchLabels": {"app": "web"}}},
            "status": {"disruptionsAllowed": 0},
        },
        {
            "kind": "Ingress",
            "metadata": {"name": "shop", "namespace": "shop"},
            "spec": {"rules": [{"http": {"paths": [{"backend": {"service": {"name": "web"}}}]}}]},
        },
    )
    shown = await preview(cluster, "rollout_restart", {})
    assert shown.blast_radius == (
        "2 replicas wanted, 2 ready (100 %);"
        " strategy RollingUpdate (maxSurge 25%, maxUnavailable 0);"
        " Service in front: web; Ingress in front: shop;"
        " PodDisruptionBudget web allows 0 disruptions"
    )
    assert "PodDisruptionBudget web allows no disruption at the moment." in shown.warnings


@pytest.mark.parametrize(
    ("metadata", "sentence"),
    [
        ({"annotations": {"meta.helm.sh/release-name": "shop"}}, "Helm release shop owns"),
        ({"labels": {"app.kubernetes.io/managed-by": "Helm"}}, "Helm owns"),
        ({"annotations": {"argocd.argoproj.io/tracking-id": "shop:apps/Deployment:shop/web"}}, "Argo CD owns"),
        ({"managedFields": [{"manager": "argocd-controller"}]}, "Argo CD owns"),
        ({"labels": {"kustomize.toolkit.fluxcd.io/name": "shop"}}, "Flux owns"),
        ({"managedFields": [{"manager": "helm-controller"}]}, "Flux owns"),
        (
            {"ownerReferences": [{"controller": True, "apiVersion": "db.example.com/v1", "kind": "Db", "name": "x"}]},
            "An operator owns this object (Db x)",
        ),
    ],
)
async def test_owners_are_warned_about(metadata: dict[str, Any], sentence: str) -> None:
    shown = await preview(MemoryCluster(deployment(metadata=metadata)), "scale", {"replicas": 3})
    assert any(warning.startswith(sentence) for warning in shown.warnings)


async def test_nobody_is_warned_of_an_ordinary_object() -> None:
    shown = await preview(MemoryCluster(deployment()), "scale", {"replicas": 3})
    assert shown.warnings == ()


def autoscaler() -> dict[str, Any]:
    spec = {"scaleTargetRef": {"kind": "Deployment", "name": "web"}, "minReplicas": 2, "maxReplicas": 9}
    metadata = {"name": "web", "namespace": "shop"}
    return {"kind": "HorizontalPodAutoscaler", "metadata": metadata, "spec": spec}


REFUSED: list[tuple[list[dict[str, Any]], str, dict[str, Any], str | None, str]] = [
    ([deployment()], "scale", {"replicas": 2}, None, "already as scale would make it"),
    ([deployment(), autoscaler()], "scale", {"replicas": 3}, None, "HorizontalPodAutoscaler web sets the replicas"),
    ([deployment(spec={"paused": True})], "rollout_restart", {}, None, "is paused"),
    ([deployment(spec={"paused": True})], "set_image", {"container": "app", "image": "nginx"}, None, "is paused"),
    (
        [deployment()],
        "set_image",
        {"container": "sidecar", "image": "nginx"},
        None,
        "no container sidecar; there is app",
    ),
    ([deployment()], "rollback", {"to_revision": 7}, None, "no revision 7 any more"),
    ([service()], "patch_service", {"selector": {"app": "web"}}, None, "No ready pod has the labels app=web"),
    (
        [service(), pod("web-1", {"app": "web"}, ready=False)],
        "patch_service",
        {"selector": {"app": "web"}},
        None,
        "No ready pod",
    ),
    (
        [service(selector={"app": "web"}), pod("web-1", {"app": "web"})],
        "patch_service",
        {"ports": [{"port": 80, "target_port": "grpc"}]},
        None,
        "has a port named grpc",
    ),
    (
        [service(selector={"app": "web"}), pod("web-1", {"app": "web"})],
        "patch_service",
        {"ports": [{"name": "grpc", "port": 80, "target_port": 1}]},
        None,
        "no port grpc; it has http 80",
    ),
    (
        [config_map(immutable=True)],
        "patch_configmap",
        {"key": "a", "value": "b"},
        "ConfigMap/shop/web-config",
        "immutable",
    ),
    (
        [config_map()],
        "patch_configmap",
        {"key": "mode", "value": "b"},
        "ConfigMap/shop/web-config",
        "is not overwritten",
    ),
    ([config_map()], "patch_configmap", {"key": "a", "remove": True}, "ConfigMap/shop/web-config", "already as"),
    ([pod("web-1", {"app": "web"})], "delete_pod", {}, "Pod/shop/web-1", "no controller"),
    (
        [deployment(), config_map()],
        "set_env",
        {"container": "app", "name": "A", "value_from": {"source": "configmap", "name": "web-config", "key": "b"}},
        None,
        "has no key b",
    ),
    (
        [deployment(container={"resources": {"requests": {"memory": "512Mi"}}})],
        "set_resources",
        {"container": "app", "limits": {"memory": "256Mi"}},
        None,
        "below the request 512Mi",
    ),
    (
        [deployment(container={"resources": {"requests": {"cpu": "1"}, "limits": {"cpu": "2"}}})],
        "set_resources",
        {"container": "app", "remove": ["requests.cpu"]},
        None,
        "as long as there is a limit",
    ),
    (
        [
            deployment(),
            {"kind": "Node", "metadata": {"name": "n1"}, "status": {"allocatable": {"cpu": "2", "memory": "4Gi"}}},
        ],
        "set_resources",
        {"container": "app", "limits": {"memory": "8Gi"}},
        None,
        "No node can hold",
    ),
    (
        [
            deployment(),
            {
                "kind": "ResourceQuota",
                "metadata": {"name": "team", "namespace": "shop"},
                "status": {"hard": {"limits.memory": "2Gi"}, "used": {"limits.memory": "1Gi"}},
            },
        ],
        "set_resources",
        {"container": "app", "limits": {"memory": "600Mi"}},
        None,
        "ResourceQuota team allows 2Gi of limits.memory",
    ),
    (
        [
            deployment(),
            {
                "kind": "LimitRange",
                "metadata": {"name": "bounds", "namespace": "shop"},
                "spec": {"limits": [{"type": "Container", "max": {"cpu": "1"}}]},
            },
        ],
        "set_resources",
        {"container": "app", "limits": {"cpu": "1500m"}},
        None,
        "LimitRange bounds allows at most 1",
    ),
]


@pytest.mark.parametrize(("objects", "action", "params", "target", "sentence"), REFUSED)
async def test_preconditions(
    objects: list[dict[str, Any]], action: str, params: dict[str, Any], target: str | None, sentence: str
) -> None:
    with pytest.raises(InvalidInput, match=sentence):
        await preview(MemoryCluster(*objects), action, params, target)


async def test_an_autoscaler_that_sleeps_at_zero_owns_nothing() -> None:
    cluster = MemoryCluster(deployment(), autoscaler())
    cluster.find("Deployment", "web")["spec"]["replicas"] = 0
    shown = await preview(cluster, "scale", {"replicas": 2})
    assert "HorizontalPodAutoscaler web takes over once there are replicas." in shown.warnings


async def test_a_rollback_needs_its_config_maps() -> None:
    cluster = MemoryCluster(deployment())
    replica_set(cluster, 1, available=1, replicas=1)
    with pytest.raises(InvalidInput, match="needs ConfigMap web-config"):
        await preview(cluster, "rollback", {"to_revision": 1})
    cluster.add(config_map())
    assert (await preview(cluster, "rollback", {"to_revision": 1})).warnings == ()


async def test_a_rollback_to_a_failing_revision_is_refused_and_to_an_unproven_one_warned_about() -> None:
    cluster = MemoryCluster(deployment(), config_map())
    replica_set(cluster, 1, available=0, replicas=1)
    with pytest.raises(InvalidInput, match="Revision 1 is failing itself"):
        await preview(cluster, "rollback", {"to_revision": 1})
    replica_set(cluster, 1)
    shown = await preview(cluster, "rollback", {"to_revision": 1})
    assert any("cannot prove" in warning for warning in shown.warnings)


async def test_what_may_not_be_read_narrows_the_preview_and_does_not_end_it(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = MemoryCluster(deployment())

    async def refuse(kind: str, *_: Any, **__: Any) -> list[dict[str, Any]]:
        raise AuthenticationFailed(f"may not list {kind}", vendor="Kubernetes")

    monkeypatch.setattr(cluster, "list", refuse)
    shown = await preview(cluster, "scale", {"replicas": 3})
    assert "Service: unknown" in shown.blast_radius
    assert any("could not be read" in warning for warning in shown.warnings)


SECRET = "correct-horse-Battery9"


async def test_secrets_of_the_object_are_in_nothing_that_is_shown_or_stored() -> None:
    container = {"env": [{"name": "DB_PASSWORD", "value": SECRET}, {"name": "DSN", "value": f"redis://u:{SECRET}@c"}]}
    applied = json.dumps({"spec": {"env": [{"name": "DB_PASSWORD", "value": SECRET}]}})
    metadata = {
        "annotations": {
            "kubectl.kubernetes.io/last-applied-configuration": applied,
            "deployment.kubernetes.io/revision": "2",
        }
    }
    reference = {"source": "secret", "name": "db", "key": "password"}
    requests: list[tuple[str, dict[str, Any]]] = [
        ("set_env", {"container": "app", "name": "DB_PASSWORD", "value_from": reference}),
        ("set_env", {"container": "app", "name": "DB_PASSWORD", "unset": True}),
        ("set_env", {"container": "app", "name": "DSN", "value": "redis://cache:6379"}),
        ("set_image", {"container": "app", "image": "nginx:1.27"}),
        ("rollout_restart", {}),
    ]
    for action, params in requests:
        cluster = MemoryCluster(deployment(container=container, metadata=metadata))
        shown = await preview(cluster, action, params)
        assert SECRET not in shown.model_dump_json()
        remediator = KubernetesRemediator(cluster, KubernetesSettings(K8S_ENABLE_DESTRUCTIVE_OPERATIONS=True))
        applied_action = await remediator.apply(request(action, params), shown, "ACT-1")
        assert SECRET not in applied_action.model_dump_json()
        for _, _, patch in cluster.writes:
            assert SECRET not in json.dumps(patch)


async def test_a_secret_old_value_comes_back_by_rollback() -> None:
    cluster = MemoryCluster(deployment(container={"env": [{"name": "DB_PASSWORD", "value": SECRET}]}))
    remediator = KubernetesRemediator(cluster, KubernetesSettings(K8S_ENABLE_DESTRUCTIVE_OPERATIONS=True))
    asked = request("set_env", {"container": "app", "name": "DB_PASSWORD", "unset": True})
    shown = await remediator.preview(asked)
    undo = (await remediator.apply(asked, shown, "ACT-1")).undo
    assert shown.reversible
    assert undo is not None
    assert (undo.action, undo.params) == ("rollback", {"to_revision": 2})
