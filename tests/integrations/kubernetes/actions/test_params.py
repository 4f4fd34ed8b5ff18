"""Which parameters are accepted, and with which sentence the others are refused."""

from typing import Any

import pytest

from bot.domain.action import ActionRequest
from bot.domain.entity import ObjectRef
from bot.errors import InvalidInput
from bot.settings import ALL_ACTIONS, KubernetesSettings
from integrations.kubernetes.actions.catalogue import ACTIONS, KubernetesRemediator
from tests.integrations.kubernetes.actions.memory_cluster import MemoryCluster

TARGETS = {
    "patch_service": "Service/shop/web",
    "patch_configmap": "ConfigMap/shop/web",
    "delete_pod": "Pod/shop/web-1",
    "evict": "Pod/shop/web-1",
    "cordon": "Node/worker-1",
    "uncordon": "Node/worker-1",
    "drain": "Node/worker-1",
    "suspend_cronjob": "CronJob/shop/report",
    "resume_cronjob": "CronJob/shop/report",
    "rerun_job": "Job/shop/import",
    "hpa_bounds": "HorizontalPodAutoscaler/shop/web",
    "expand_pvc": "PersistentVolumeClaim/shop/data",
    "delete_pvc": "PersistentVolumeClaim/shop/data",
    "strip_finalizer": "PersistentVolumeClaim/shop/data",
}

ACCEPTED: list[tuple[str, dict[str, Any]]] = [
    ("rollout_restart", {}),
    ("rollback", {"to_revision": 1}),
    ("scale", {"replicas": 0}),
    ("scale", {"replicas": 1000}),
    ("set_image", {"container": "app", "image": "nginx"}),
    ("set_image", {"container": "app", "image": "localhost:5000/team/app:1.2.3"}),
    ("set_image", {"container": "app", "image": "registry:5000/app"}),
    ("set_image", {"container": "app", "image": "registry.example.com/a__b/c-d.e:v1@sha256:" + "a" * 64}),
    ("set_env", {"container": "app", "name": "MODE", "value": ""}),
    ("set_env", {"container": "app", "name": "MODE", "value": "a 'b' $(C) \n"}),
    ("set_env", {"container": "app", "name": "MODE", "unset": True}),
    (
        "set_env",
        {
            "container": "app",
            "name": "DB_PASSWORD",
            "value_from": {"source": "secret", "name": "db", "key": "password"},
        },
    ),
    ("set_resources", {"container": "app", "limits": {"memory": "512Mi"}}),
    ("set_resources", {"container": "app", "requests": {"cpu": "100m"}, "limits": {"cpu": "0.1"}}),
    ("set_resources", {"container": "app", "remove": ["limits.cpu"], "limits": {"ephemeral-storage": "1Gi"}}),
    ("patch_service", {"selector": {"app": "web", "example.com/tier": "front"}}),
    ("patch_service", {"ports": [{"name": "http", "port": 80, "target_port": "http"}]}),
    ("patch_configmap", {"key": "app.conf", "value": "listen: 8080\n"}),
    ("patch_configmap", {"key": ".hidden", "remove": True}),
    ("delete_pod", {}),
    ("evict", {}),
    ("set_probe", {"container": "app", "probe": "liveness", "port": 8080}),
    ("set_probe", {"container": "app", "probe": "startup", "port": "http", "path": "/live?full=1", "scheme": "HTTPS"}),
    ("set_probe", {"container": "app", "probe": "readiness", "initial_delay_seconds": 0}),
    ("set_probe", {"container": "app", "probe": "readiness", "remove": True}),
    ("cordon", {}),
    ("uncordon", {}),
    ("drain", {}),
    ("drain", {"accept_emptydir_loss": True}),
    ("suspend_cronjob", {}),
    ("resume_cronjob", {}),
    ("rerun_job", {}),
    ("rerun_job", {"delete_failed": True, "accept_schedule": True}),
    ("hpa_bounds", {"min_replicas": 2}),
    ("hpa_bounds", {"min_replicas": 3, "max_replicas": 3}),
    ("expand_pvc", {"size": "20Gi"}),
    ("delete_pvc", {}),
    ("strip_finalizer", {"finalizer": "kubernetes.io/pvc-protection"}),
    ("strip_finalizer", {"finalizer": "foregroundDeletion"}),
]

REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("rollout_restart", {"force": True}, "force"),
    ("rollback", {}, "to_revision"),
    ("rollback", {"to_revision": 0}, "greater than or equal to 1"),
    ("scale", {"replicas": -1}, "greater than or equal to 0"),
    ("scale", {"replicas": 1001}, "less than or equal to 1000"),
    ("scale", {"replicas": "3"}, "valid integer"),
    ("scale", {"replicas": True}, "valid integer"),
    ("set_image", {"container": "app", "image": "Nginx"}, "image reference"),
    ("set_image", {"container": "app", "image": "nginx:"}, "image reference"),
    ("set_image", {"container": "app", "image": "nginx:a b"}, "image reference"),
    ("set_image", {"container": "app", "image": "nginx:1;rm -rf /"}, "image reference"),
    ("set_image", {"container": "app", "image": "nginx@sha256:abc"}, "image reference"),
    ("set_image", {"container": "app", "image": "https://registry.example.com/app"}, "image reference"),
    ("set_image", {"container": "App", "image": "nginx"}, "lower-case"),
    ("set_image", {"container": "app\n", "image": "nginx"}, "lower-case"),
    ("set_env", {"container": "app", "name": "MODE"}, "exactly one"),
    ("set_env", {"container": "app", "name": "MODE", "value": "x", "unset": True}, "exactly one"),
    ("set_env", {"container": "app", "name": "1MODE", "value": "x"}, "environment variable"),
    ("set_env", {"container": "app", "name": "A=B", "value": "x"}, "environment variable"),
    ("set_env", {"container": "app", "name": "DB_PASSWORD", "value": "hunter2-kx81"}, "use value_from"),
    ("set_env", {"container": "app", "name": "DSN", "value": "postgres://u:hunter2@db/x"}, "use value_from"),
    ("set_resources", {"container": "app"}, "at least one"),
    ("set_resources", {"container": "app", "limits": {"memory": "512MB"}}, "quantity"),
    ("set_resources", {"container": "app", "limits": {"memory": "400m"}}, "400Mi"),
    ("set_resources", {"container": "app", "limits": {"memory": "0"}}, "more than 0"),
    ("set_resources", {"container": "app", "limits": {"cpu": "0.0001"}}, "finer than 1m"),
    ("set_resources", {"container": "app", "limits": {"cpu": "-1"}}, "quantity"),
    (
        "set_resources",
        {"container": "app", "requests": {"memory": "1Gi"}, "limits": {"memory": "1000Mi"}},
        "below the request",
    ),
    ("set_resources", {"container": "app", "limits": {"cpu": "1"}, "remove": ["limits.cpu"]}, "set and removed"),
    ("patch_service", {}, "at least one"),
    ("patch_service", {"selector": {}}, "empty selector"),
    ("patch_service", {"selector": {"app": "a b"}}, "label value"),
    ("patch_service", {"selector": {"-app": "web"}}, "label key"),
    ("patch_service", {"ports": [{"port": 70000, "target_port": 80}]}, "65535"),
    ("patch_service", {"ports": [{"port": 80, "target_port": 80, "protocol": "HTTP"}]}, "protocol"),
    ("patch_service", {"ports": [{"port": 80, "target_port": "Not_A_Port"}]}, "port name"),
    ("patch_configmap", {"key": "a/b", "value": "x"}, "key"),
    ("patch_configmap", {"key": "..", "value": "x"}, "key"),
    ("patch_configmap", {"key": "token", "value": "ghp_" + "a1B2" * 9}, "put it into a Secret"),
    ("delete_pod", {"grace": 0}, "grace"),
    ("evict", {"force": True}, "force"),
    ("set_probe", {"container": "app", "probe": "liveness"}, "what to change"),
    ("set_probe", {"container": "app", "probe": "liveness", "port": 80, "remove": True}, "or remove"),
    ("set_probe", {"container": "app", "probe": "health", "port": 80}, "probe"),
    ("set_probe", {"container": "app", "probe": "liveness", "port": 0}, "65535"),
    ("set_probe", {"container": "app", "probe": "liveness", "port": True}, "port"),
    ("set_probe", {"container": "app", "probe": "liveness", "port": 80, "path": "live"}, "begins with"),
    ("set_probe", {"container": "app", "probe": "liveness", "port": 80, "path": "/a b"}, "without spaces"),
    ("set_probe", {"container": "app", "probe": "liveness", "port": 80, "scheme": "ftp"}, "scheme"),
    ("set_probe", {"container": "app", "probe": "liveness", "period_seconds": 0}, "greater than or equal to 1"),
    (
        "set_probe",
        {"container": "app", "probe": "liveness", "port": 80, "path": "/?token=ghp_" + "a1B2" * 9},
        "reads like a secret",
    ),
    ("cordon", {"reason": "x"}, "reason"),
    ("drain", {"force": True}, "force"),
    ("rerun_job", {"name": "x"}, "name"),
    ("hpa_bounds", {}, "at least one"),
    ("hpa_bounds", {"min_replicas": 0}, "greater than or equal to 1"),
    ("hpa_bounds", {"min_replicas": 5, "max_replicas": 4}, "must not be above"),
    ("expand_pvc", {"size": "20GB"}, "quantity"),
    ("expand_pvc", {"size": "-1Gi"}, "quantity"),
    ("expand_pvc", {"size": "0"}, "more than 0"),
    ("strip_finalizer", {}, "finalizer"),
    ("strip_finalizer", {"finalizer": "*"}, "is not a finalizer"),
    ("strip_finalizer", {"finalizer": ["a", "b"]}, "string"),
]


def request(action: str, params: dict[str, Any], target: str | None = None) -> ActionRequest:
    text = target or TARGETS.get(action, "Deployment/shop/web")
    return ActionRequest(action=action, target=ObjectRef.parse(text), params=params)


@pytest.fixture
def remediator() -> KubernetesRemediator:
    return KubernetesRemediator(MemoryCluster(), KubernetesSettings())


def test_the_catalogue_holds_exactly_the_actions_of_the_settings() -> None:
    assert tuple(action.name for action in ACTIONS) == ALL_ACTIONS


@pytest.mark.parametrize(("action", "params"), ACCEPTED)
def test_accepted_parameters_stay_what_they_are(
    remediator: KubernetesRemediator, action: str, params: dict[str, Any]
) -> None:
    validated = remediator.validate(request(action, params))
    assert validated.params == params
    assert remediator.validate(validated) == validated


@pytest.mark.parametrize(("action", "params", "sentence"), REFUSED)
def test_refused_parameters_are_explained(
    remediator: KubernetesRemediator, action: str, params: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(InvalidInput, match=sentence):
        remediator.validate(request(action, params))


@pytest.mark.parametrize(
    "params", [{"name": "DB_PASSWORD", "value": "hunter2-kx81"}, {"name": "X", "value": "postgres://u:hunter2-kx81@db"}]
)
def test_a_refused_secret_is_not_quoted(remediator: KubernetesRemediator, params: dict[str, str]) -> None:
    with pytest.raises(InvalidInput) as caught:
        remediator.validate(request("set_env", {"container": "app", **params}))
    assert "hunter2" not in caught.value.message


@pytest.mark.parametrize(
    ("action", "target", "sentence"),
    [
        ("scale", "DaemonSet/shop/web", "works on Deployment or StatefulSet"),
        ("rollback", "StatefulSet/shop/web", "works on Deployment"),
        ("scale", "Deployment/web", "needs a namespace"),
        ("rollout_restart", "Deployment/shop/web;id", "lower-case"),
        ("rollout_restart", "Deployment/../web", "lower-case"),
        ("cordon", "Deployment/shop/web", "works on Node"),
        ("rerun_job", "CronJob/shop/web", "works on Job"),
        ("strip_finalizer", "Deployment/shop/web", "works on Pod or PersistentVolumeClaim or Namespace"),
        ("reboot", "Node/worker-1", "no action 'reboot'"),
    ],
)
def test_refused_targets(remediator: KubernetesRemediator, action: str, target: str, sentence: str) -> None:
    params = {"scale": {"replicas": 1}, "rollback": {"to_revision": 1}}.get(action, {})
    with pytest.raises(InvalidInput, match=sentence):
        remediator.validate(request(action, params, target))


def test_a_selector_may_come_as_pairs_and_a_port_as_digits(remediator: KubernetesRemediator) -> None:
    pairs = [{"key": "app", "value": "web"}]
    ports = [{"port": 80, "target_port": "8080"}]
    validated = remediator.validate(request("patch_service", {"selector": pairs, "ports": ports}))
    assert validated.params == {"selector": {"app": "web"}, "ports": [{"port": 80, "target_port": 8080}]}


def test_a_reference_may_come_as_in_manifests(remediator: KubernetesRemediator) -> None:
    params = {"container": "app", "name": "PW", "value_from": {"secretKeyRef": {"name": "db", "key": "password"}}}
    validated = remediator.validate(request("set_env", params))
    assert validated.params["value_from"] == {"source": "secret", "name": "db", "key": "password"}
    params["value_from"] = {"fieldRef": {"fieldPath": "metadata.name"}}
    with pytest.raises(InvalidInput, match="value_from"):
        remediator.validate(request("set_env", params))


def _objects(schema: Any) -> list[dict[str, Any]]:
    if isinstance(schema, list):
        return [found for item in schema for found in _objects(item)]
    if not isinstance(schema, dict):
        return []
    own = [schema] if schema.get("type") == "object" else []
    return own + [found for item in schema.values() for found in _objects(item)]


def test_schemas_are_closed_and_small(remediator: KubernetesRemediator) -> None:
    for spec in remediator.specs():
        assert "$ref" not in str(spec.params_schema)
        objects = _objects(spec.params_schema)
        assert objects
        for found in objects:
            assert found["additionalProperties"] is False
            assert "properties" in found
        assert len(str(spec.params_schema)) < 2500
    unions = [line for spec in remediator.specs() for line in str(spec.params_schema).split("anyOf")[1:]]
    assert len(unions) == 2, "only ports, a number or a name: of patch_service and set_probe"
