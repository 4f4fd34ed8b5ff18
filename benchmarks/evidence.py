"""Figure 4: gathering all evidence about a failing workload from an API server that is 20 ms away."""

import asyncio
import base64
import ssl
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import yaml

from benchmarks.figures import Effort, Figure, Goal, middle
from benchmarks.processes import cores, on_core, running
from benchmarks.servers.cluster import APPLICATION
from bot.collector import spare_what_stays
from bot.domain.alert import AlertSource, Severity
from bot.domain.entity import ObjectRef
from bot.domain.incident import Incident, IncidentStatus
from bot.settings import KubernetesSettings
from integrations.kubernetes.client import KubernetesClient
from integrations.kubernetes.evidence import KubernetesEvidence

LATENCY_MS = 20
GOAL = Goal(1.5, at_least=False)
SHOWN_GOAL = Goal(1.5, at_least=False, binding=False)
_GATHERS = 8


def _incident(namespace: str) -> Incident:
    return Incident(
        id="INC-BENCHMARK",
        dedup_key="benchmark",
        source=AlertSource.TEST,
        title=f"{APPLICATION} fails",
        severity=Severity.HIGH,
        status=IncidentStatus.TRIGGERED,
        opened_at=datetime.now(UTC),
        labels={"namespace": namespace, "deployment": APPLICATION},
    )


def _kubeconfig(folder: str, server: dict[str, Any]) -> Path:
    path = Path(folder) / "kubeconfig"
    authority = base64.b64encode(server["ca"].encode()).decode()
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": {"server": server["url"], "certificate-authority-data": authority}}],
        "users": [{"name": "u", "user": {"token": "benchmark"}}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "x",
    }
    path.write_text(yaml.safe_dump(document))
    return path


@asynccontextmanager
async def _connected(server: dict[str, Any]) -> AsyncIterator[tuple[KubernetesClient, KubernetesSettings]]:
    with tempfile.TemporaryDirectory(prefix="oncall-bench-") as folder:
        path = _kubeconfig(folder, server)
        settings = KubernetesSettings(_env_file=None, K8S_CONFIG_PATH=path, K8S_NAMESPACE=server["namespace"])
        client = await KubernetesClient.connect(settings)
        try:
            yield client, settings
        finally:
            await client.close()


@asynccontextmanager
async def _source(server: dict[str, Any]) -> AsyncIterator[KubernetesEvidence]:
    async with _connected(server) as (client, settings):
        yield KubernetesEvidence(client, settings)


async def _read_six(client: KubernetesClient, namespace: str, pod: str, container: str) -> float:
    """Return the seconds of the six reads about one pod that every on-call tool makes, all at once."""
    started = time.perf_counter()
    await asyncio.gather(
        client.get(ObjectRef(kind="Pod", namespace=namespace, name=pod)),
        client.get(ObjectRef(kind="Deployment", namespace=namespace, name=APPLICATION)),
        client.list("ReplicaSet", namespace),
        client.list("Event", namespace, field_selector=f"involvedObject.name={pod}"),
        client.logs(namespace, pod, container),
        client.logs(namespace, pod, container, previous=True),
    )
    return time.perf_counter() - started


async def _measure_six(effort: Effort) -> Figure:
    """Measure six reads through the product's client: one wave, since none needs another's answer."""
    per_wave, took = [], []
    async with running("benchmarks.servers.cluster", str(LATENCY_MS), "one") as server:
        context = ssl.create_default_context(cadata=server["ca"])
        namespace = server["namespace"]
        async with aiohttp.ClientSession(server["url"], trust_env=False) as control, _connected(server) as (client, _):
            pods = await client.list("Pod", namespace)
            pod = next(p for p in pods if any(c["restartCount"] for c in p["status"].get("containerStatuses", ())))
            name, container = pod["metadata"]["name"], pod["spec"]["containers"][0]["name"]
            for _ in range(3):
                await _read_six(client, namespace, name, container)
            await (await control.post("/_freeze", ssl=context)).read()
            spare_what_stays()
            with on_core(cores()[1]):
                for _ in range(effort.repetitions):
                    seconds = middle([await _read_six(client, namespace, name, container) for _ in range(_GATHERS)])
                    took.append(seconds)
                    per_wave.append(seconds / await _injected(control, context))
    return Figure(
        "evidence-six",
        tuple(per_wave),
        "x",
        f"{middle(took) * 1e3:.0f} ms for the six reads about one pod",
        f"one wave of {LATENCY_MS} ms injected latency over TLS",
        GOAL,
    )


async def _gather(source: KubernetesEvidence, incident: Incident) -> float:
    """Return the seconds of one gathering. Raise RuntimeError when it did not find what is wrong."""
    started = time.perf_counter()
    gathered = await source.gather(incident, lambda _item: None)
    seconds = time.perf_counter() - started
    if gathered.diagnosis is None or gathered.diagnosis.healthy:
        raise RuntimeError("the failing workload was not diagnosed")
    return seconds


async def _injected(control: aiohttp.ClientSession, context: ssl.SSLContext) -> float:
    """Return the seconds that the server really lets pass before it answers."""
    found: list[float] = []
    for _ in range(5):
        async with control.post("/_pause", ssl=context) as answer:
            found.append((await answer.json())["seconds"])
    return middle(found)


async def _measure(name: str, applications: str, around: str, goal: Goal, effort: Effort) -> Figure:
    per_wave, took = [], []
    async with running("benchmarks.servers.cluster", str(LATENCY_MS), applications) as server:
        context = ssl.create_default_context(cadata=server["ca"])
        async with aiohttp.ClientSession(server["url"], trust_env=False) as control, _source(server) as source:
            incident = _incident(server["namespace"])
            incident = incident.model_copy(update={"target": (await source.resolve(incident)).target})
            for _ in range(3):  # records the answers, opens the connections
                await _gather(source, incident)
            await (await control.post("/_freeze", ssl=context)).read()
            spare_what_stays()  # as the bot does when it has started
            with on_core(cores()[1]):
                for _ in range(effort.repetitions):
                    await (await control.post("/_waves", ssl=context)).read()
                    await _gather(source, incident)
                    async with control.post("/_waves", ssl=context) as answer:
                        timeline = await answer.json()
                    seconds = middle([await _gather(source, incident) for _ in range(_GATHERS)])
                    took.append(seconds)
                    per_wave.append(seconds / timeline["waves"] / await _injected(control, context))
    return Figure(
        name,
        tuple(per_wave),
        "x",
        f"{middle(took) * 1e3:.0f} ms for {timeline['requests']} reads and their diagnosis, {around}",
        f"{timeline['waves']} dependent waves of {LATENCY_MS} ms injected latency over TLS",
        goal,
    )


async def measure(effort: Effort) -> list[Figure]:
    """Return the time of gathering for each dependent wave of requests, in injected latencies.

    The six reads about one pod are the goal's measure, and what other tools are compared by. The whole gathering with
    its diagnosis is shown beside it: in a namespace with nothing but the workload, and among the eight others of the
    demonstration, since whatever lives in the namespace is read and judged as well.
    """
    return [
        await _measure_six(effort),
        await _measure("evidence", "one", "one workload", GOAL, effort),
        await _measure("evidence-nine", "all", "nine workloads", SHOWN_GOAL, effort),
    ]
