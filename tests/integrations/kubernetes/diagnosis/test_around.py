"""Ingresses, finalizers and hanging init containers."""

from typing import Any

import pytest

from tests.integrations.kubernetes.builders import (
    NS,
    RUNNING,
    Object,
    ago,
    config_map,
    container,
    deployment,
    meta,
    pod,
    replica_set,
    service,
    template,
)
from tests.integrations.kubernetes.diagnosis.checks import judge, roots

WEB = f"Deployment/{NS}/web"


def running(**spec: Any) -> tuple[Object, Object, Object]:
    pattern = template(**spec)
    owner = deployment(pattern, ready=1)
    current = replica_set(owner, pattern, 1, ready=1)
    return owner, current, pod(current, RUNNING, ready=True)


def ingress(service_name: str, /, **port: Any) -> Object:
    backend = {"service": {"name": service_name, "port": port}}
    rules = [{"http": {"paths": [{"path": "/", "backend": backend}]}}]
    return {"kind": "Ingress", "metadata": meta("front"), "spec": {"rules": rules}}


@pytest.mark.parametrize(
    ("front", "key"),
    [
        (ingress("web", number=80), None),
        (ingress("web", name="http"), None),
        (ingress("wbe", number=80), "ingress.backend"),
        (ingress("web", number=8080), "ingress.port"),
        (ingress("web", name="https"), "ingress.port"),
    ],
)
def test_ingresses_have_to_lead_somewhere(front: Object, key: str | None) -> None:
    assert roots(judge(*running(), service(), front)) == ([(key, f"Ingress/{NS}/front")] if key else [])


@pytest.mark.parametrize(
    ("deleted", "finalizers", "stuck"),
    [(ago(7200), ["example.com/guard"], True), (ago(20), ["example.com/guard"], False), (None, ["x.y/z"], False)],
)
def test_an_object_that_cannot_be_deleted(deleted: str | None, finalizers: list[str], stuck: bool) -> None:
    claim: Object = {"kind": "PersistentVolumeClaim", "metadata": meta("data", finalizers=finalizers)}
    claim["status"] = {"phase": "Bound"}
    if deleted:
        claim["metadata"]["deletionTimestamp"] = deleted
    found = roots(judge(claim, config_map("x")))
    assert found == ([("terminating.stuck", f"PersistentVolumeClaim/{NS}/data")] if stuck else [])


@pytest.mark.parametrize(
    ("seconds", "policy", "hung"), [(3600, None, True), (30, None, False), (3600, "Always", False)]
)
def test_an_init_container_that_waits_forever(seconds: float, policy: str | None, hung: bool) -> None:
    first = container("wait-for-db", **({"restartPolicy": policy} if policy else {}))
    owner, current, sick = running(initContainers=[first])
    started = {"name": "wait-for-db", "state": {"running": {"startedAt": ago(seconds)}}, "restartCount": 0}
    sick["status"].update(phase="Pending", initContainerStatuses=[started])
    assert roots(judge(owner, current, sick)) == ([("init.hung", WEB)] if hung else [])
