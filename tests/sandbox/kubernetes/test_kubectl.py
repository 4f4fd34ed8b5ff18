import asyncio
import json
import os
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from sandbox.kubernetes.client import ClusterClient
from sandbox.kubernetes.server import KubernetesServer
from sandbox.scenarios.applications import break_application, install
from tests.sandbox.kubernetes.conftest import CORE

pytestmark = pytest.mark.kubectl
Kubectl = Callable[..., Coroutine[Any, Any, str]]

MANIFEST = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: hello}
spec:
  replicas: %d
  selector: {matchLabels: {app: hello}}
  template:
    metadata: {labels: {app: hello}}
    spec: {containers: [{name: hello, image: "nginx:1.27", ports: [{containerPort: 80}]}]}
"""


@pytest.fixture
def kubectl(kubectl_binary: str, tls_server: KubernetesServer, tmp_path: Path) -> Kubectl:
    config = tls_server.write_kubeconfig(tmp_path / "config", namespace="demo")

    async def run(*words: str, fails: bool = False, token: str | None = None, stdin: str = "") -> str:
        if token:
            tls_server.write_kubeconfig(config, token=token, namespace="demo")
        process = await asyncio.create_subprocess_exec(
            kubectl_binary,
            f"--kubeconfig={config}",
            *words,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env={"HOME": str(tmp_path), "PATH": os.environ["PATH"]},
        )
        output, _ = await asyncio.wait_for(process.communicate(stdin.encode()), 30)
        assert (process.returncode != 0) is fails, output.decode()
        return output.decode()

    return run


async def test_looking_at_a_broken_application(tls_server: KubernetesServer, kubectl: Kubectl) -> None:
    authority = tls_server.certificate_authority
    async with ClusterClient(tls_server.url, tls_server.admin_token, authority) as client:
        await install(client, ["payment-service"])
        await break_application(client, "payment-service")
    table = await kubectl("get", "pods", "-o", "wide")
    assert table.split()[:5] == ["NAME", "READY", "STATUS", "RESTARTS", "AGE"]
    assert "0/1" in table
    name = await kubectl("get", "pods", "-o", "jsonpath={.items[0].metadata.name}")
    assert name.startswith("payment-service-")
    described = await kubectl("describe", "pod", name)
    assert "Back-off restarting failed container payment-service" in described
    assert "Exit Code:    1" in described
    log = await kubectl("logs", name, "--previous", "--tail=1")
    assert log == "payment-service: can't open '/etc/payment/config.yaml': No such file or directory\n"
    history = await kubectl("rollout", "history", "deployment/payment-service")
    assert "2         slim down the pod spec" in history
    await kubectl("rollout", "undo", "deployment/payment-service")
    done = await kubectl("rollout", "status", "deployment/payment-service", "--timeout=15s")
    assert done.endswith('"payment-service" successfully rolled out\n')
    assert "ScalingReplicaSet" in await kubectl("events", "--for", "deployment/payment-service")
    assert "payment-service" in await kubectl("top", "pods")
    assert "sandbox-worker-1" in await kubectl("top", "nodes")


async def test_changing_a_deployment(kubectl: Kubectl, tmp_path: Path) -> None:
    file = tmp_path / "hello.yaml"
    file.write_text(MANIFEST % 1)
    assert "server dry run" in await kubectl("apply", "-f", str(file), "--dry-run=server")
    assert "NotFound" in await kubectl("get", "deployment", "hello", fails=True)
    assert "created" in await kubectl("apply", "-f", str(file))
    assert "unchanged" in await kubectl("apply", "-f", str(file))
    file.write_text(MANIFEST % 2)
    assert "configured" in await kubectl("apply", "-f", str(file))
    assert "serverside-applied" in await kubectl("apply", "--server-side", "--force-conflicts", "-f", str(file))
    await kubectl("wait", "--for=condition=Available", "deployment/hello", "--timeout=15s")
    for words in (
        ("rollout", "restart", "deployment/hello"),
        ("rollout", "pause", "deployment/hello"),
        ("rollout", "resume", "deployment/hello"),
        ("scale", "deployment/hello", "--replicas=3"),
        ("set", "image", "deployment/hello", "hello=nginx:1.28"),
        ("set", "resources", "deployment/hello", "--limits=memory=64Mi"),
        ("set", "env", "deployment/hello", "COLOUR=green"),
        ("patch", "deployment", "hello", "-p", '{"spec":{"minReadySeconds":0}}'),
        ("annotate", "deployment", "hello", "owner=me"),
        ("label", "deployment", "hello", "tier=web"),
    ):
        await kubectl(*words)
    await kubectl("rollout", "status", "deployment/hello", "--timeout=15s")
    found = json.loads(await kubectl("get", "deployment", "hello", "-o", "json"))
    container = found["spec"]["template"]["spec"]["containers"][0]
    assert (container["image"], container["env"][0]["value"]) == ("nginx:1.28", "green")
    assert (found["status"]["availableReplicas"], container["resources"]["limits"]) == (3, {"memory": "64Mi"})
    file.write_text((MANIFEST % 2).replace("replicas", "replicsa"))
    assert 'unknown field "spec.replicsa"' in await kubectl("apply", "-f", str(file), fails=True)
    assert "deleted" in await kubectl("delete", "deployment", "hello")


async def test_nodes_rights_and_documents(tls_server: KubernetesServer, kubectl: Kubectl) -> None:
    await kubectl("run", "solo", "--image=busybox:1.36", "--", "sleep", "3600")
    await kubectl("wait", "--for=condition=Ready", "pod/solo", "--timeout=15s")
    node = await kubectl("get", "pod", "solo", "-o", "jsonpath={.spec.nodeName}")
    await kubectl("cordon", node)
    assert "SchedulingDisabled" in await kubectl("get", "nodes")
    drained = await kubectl("drain", node, "--ignore-daemonsets", "--force", "--grace-period=1", "--timeout=20s")
    assert "pod/solo evicted" in drained
    await kubectl("uncordon", node)
    assert await kubectl("auth", "can-i", "delete", "pods") == "yes\n"
    assert "deployments" in await kubectl("api-resources")
    assert "rollingUpdate" in await kubectl("explain", "deployment.spec.strategy")
    token = tls_server.token_for("demo", "default")
    assert "no" in await kubectl("auth", "can-i", "delete", "pods", token=token, fails=True)
    said = await kubectl("get", "pods", fails=True)
    assert 'User "system:serviceaccount:demo:default" cannot list resource "pods"' in said
    assert "Unauthorized" in await kubectl("get", "pods", token="wrong", fails=True)


async def test_get_watch_follows(tls_server: KubernetesServer, kubectl: Kubectl) -> None:
    watching = asyncio.create_task(kubectl("get", "pods", "-w", "--request-timeout=4s"))
    await asyncio.sleep(1.0)
    authority = tls_server.certificate_authority
    async with ClusterClient(tls_server.url, tls_server.admin_token, authority) as client:
        body = {"metadata": {"name": "late"}, "spec": {"containers": [{"name": "a", "image": "nginx:1.27"}]}}
        await client.request("POST", f"{CORE}/pods", body)
    shown = await watching
    assert "ContainerCreating" in shown
    assert "Running" in shown


async def test_creating_simple_objects_by_command(kubectl: Kubectl) -> None:
    await kubectl("create", "namespace", "team-a")
    await kubectl("create", "configmap", "c", "--from-literal=a=b")
    await kubectl("create", "secret", "generic", "s", "--from-literal=a=b")
    assert await kubectl("get", "configmap", "c", "-o", "jsonpath={.data.a}") == "b"
    assert await kubectl("get", "secret", "s", "-o", "jsonpath={.data.a}") == "Yg=="
    assert "as JSON or YAML" in await kubectl("create", "deployment", "x", "--image=nginx", fails=True)


async def test_stateful_sets_roll_back(kubectl: Kubectl) -> None:
    manifest = (MANIFEST % 2).replace("Deployment", "StatefulSet")
    await kubectl("apply", "-f", "-", stdin=manifest)
    await kubectl("rollout", "status", "statefulset/hello", "--timeout=20s")
    await kubectl("set", "image", "statefulset/hello", "hello=nginx:1.28")
    await kubectl("rollout", "status", "statefulset/hello", "--timeout=20s")
    assert "2" in await kubectl("rollout", "history", "statefulset/hello")
    await kubectl("rollout", "undo", "statefulset/hello")
    await kubectl("rollout", "status", "statefulset/hello", "--timeout=20s")
    image = "jsonpath={.items[*].spec.containers[0].image}"
    assert await kubectl("get", "pods", "-l", "app=hello", "-o", image) == "nginx:1.27 nginx:1.27"
