"""What the real kubectl writes about a broken application is judged like the living cluster."""

import asyncio
import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from bot.commands.diagnose import diagnose as command
from bot.commands.snapshot import snapshot as save
from integrations.kubernetes.diagnosis import diagnose
from integrations.kubernetes.files import read_snapshot
from integrations.kubernetes.snapshot import Snapshot
from sandbox.kubernetes.client import ClusterClient
from sandbox.kubernetes.server import KubernetesServer
from sandbox.scenarios.applications import break_application, install
from tests.waiting import wait_until

PLACES = ("/usr/lib/google-cloud-sdk/bin/kubectl.1.32", "/usr/local/bin/kubectl", "/usr/bin/kubectl")
APPLICATIONS = ("payment-service", "orphan-service", "healthy-app")


@pytest.fixture
async def kubeconfig(tmp_path: Path) -> AsyncIterator[Path]:
    server = await KubernetesServer(speed=20.0).start()
    async with ClusterClient(server.url, server.admin_token, server.certificate_authority) as client:
        await install(client, list(APPLICATIONS))
        for name in APPLICATIONS[:2]:
            await break_application(client, name)

        async def crashes() -> bool:
            pods = (await client.get("/api/v1/namespaces/demo/pods"))["items"]
            counts = [status.get("restartCount", 0) for pod in pods for status in pod["status"]["containerStatuses"]]
            return max(counts, default=0) >= 3

        await wait_until(crashes)
        yield server.write_kubeconfig(tmp_path / "config", namespace="demo")
    await server.stop()


@pytest.fixture
def kubectl() -> str:
    for place in (*PLACES, shutil.which("kubectl") or ""):
        if place and Path(place).exists():
            found = subprocess.run([place, "version", "--client"], capture_output=True, text=True, check=False)
            if "Client Version: v1.3" in found.stdout and "dispatcher" not in found.stdout:
                return place
    pytest.skip("no real kubectl 1.30 or later on this machine")


async def run(kubectl: str, kubeconfig: Path, *words: str) -> bytes:
    process = await asyncio.create_subprocess_exec(
        kubectl, f"--kubeconfig={kubeconfig}", *words, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        env={"HOME": str(kubeconfig.parent), "PATH": os.environ["PATH"]},
    )  # fmt: skip
    output, errors = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0, errors.decode()
    return output


def roots(taken: Snapshot) -> set[tuple[str, str]]:
    return {(found.key, found.entity) for found in diagnose(taken).findings if found.root}


BROKEN = {"crash.missing_config_file", "svc.selector"}


@pytest.mark.kubectl
@pytest.mark.parametrize("form", ["json", "yaml"])
async def test_a_dump_of_the_cluster(form: str, kubectl: str, kubeconfig: Path, tmp_path: Path) -> None:
    dump = tmp_path / "dump"
    await run(kubectl, kubeconfig, "cluster-info", "dump", f"--output-directory={dump}", "-n", "demo", "-o", form)
    taken = read_snapshot(dump)
    assert {key[0] for key in taken.objects} >= {"Pod", "Deployment", "ReplicaSet", "Service", "Node"}
    assert any(lines for lines in taken.logs.values())
    assert not any("====" in line for lines in taken.logs.values() for line in lines)
    assert {source.status for source in taken.sources} <= {"ok", "no_data"}
    assert "crash.missing_config_file" in {key for key, _ in roots(taken)}
    printed = tmp_path / "printed.txt"
    printed.write_bytes(await run(kubectl, kubeconfig, "cluster-info", "dump", "-n", "demo"))
    assert roots(read_snapshot(printed)) == roots(taken)


@pytest.mark.kubectl
@pytest.mark.parametrize("form", ["json", "yaml"])
async def test_lists_that_kubectl_printed(form: str, kubectl: str, kubeconfig: Path, tmp_path: Path) -> None:
    listed = "deployments,replicasets,pods,services,endpointslices,events,configmaps"
    place = tmp_path / "collected"
    place.mkdir()
    (place / "all.out").write_bytes(await run(kubectl, kubeconfig, "get", listed, "-n", "demo", "-o", form))
    (place / "nodes").write_bytes(await run(kubectl, kubeconfig, "get", "nodes", "-o", form))
    taken = read_snapshot(place / "all.out")
    failing = next(key for key in taken.objects if key[0] == "Pod" and "payment" in key[2])
    log = place / "demo" / failing[2] / "payment-service-previous.log"
    log.parent.mkdir(parents=True)
    log.write_bytes(await run(kubectl, kubeconfig, "logs", "-n", "demo", failing[2], "--previous"))
    taken = read_snapshot(place)
    assert {key for key, _ in roots(taken)} >= BROKEN
    assert not any(entity.endswith("healthy-app") for _, entity in roots(taken))


async def test_a_saved_snapshot_is_judged_like_the_cluster(
    kubeconfig: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("K8S_CONFIG_PATH", str(kubeconfig))
    path = tmp_path / "saved.json.gz"
    saved = await asyncio.to_thread(CliRunner().invoke, save, ["-n", "demo", "-o", str(path)])
    assert saved.exit_code == 0, saved.output
    found = {key for key, _ in roots(read_snapshot(path))}
    assert found >= BROKEN
    everywhere = await asyncio.to_thread(CliRunner().invoke, command, ["-A", "-o", "json"])
    assert everywhere.exit_code == 1
    assert all(f'"key": "{key}"' in everywhere.output for key in BROKEN)
    monkeypatch.setenv("K8S_CONFIG_PATH", str(tmp_path / "absent"))
    away = await asyncio.to_thread(CliRunner().invoke, command, ["-A"])
    assert away.exit_code == 2
