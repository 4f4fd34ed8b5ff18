"""What cases are made of: one application under judgement, and a cluster of healthy neighbours with loud pasts."""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from integrations.kubernetes.files import read_snapshot
from integrations.kubernetes.snapshot import Snapshot, SnapshotBuilder, key_of
from tests.integrations.kubernetes.builders import (
    NOW,
    NS,
    RUNNING,
    Object,
    ago,
    container,
    deployment,
    event,
    meta,
    node,
    pod,
    replica_set,
    service,
    template,
)

SUBJECT, OTHER, THIRD = "quince", "medlar", "sorrel"
IT = f"Deployment/{NS}/{SUBJECT}"
Logs = Mapping[tuple[str, bool], str]


@dataclass(frozen=True, slots=True)
class Case:
    """A snapshot's content with what has to be said of it; an empty `cause` means that nothing is wrong.

    `must_cite` are texts of which each has to occur in the pointer or the value of some citation of the answer,
    `action` is one that has to be offered, `never` are keys that must not stand among the roots. A whole cluster has a
    `path` instead of objects; `also_causes` and `also_entities` are answers that would be as good.
    """

    name: str
    objects: tuple[Object, ...]
    cause: str = ""
    entity: str = IT
    must_cite: tuple[str, ...] = ()
    action: str = ""
    never: tuple[str, ...] = ()
    logs: Logs = field(default_factory=dict)
    embedded: bool = True
    path: Path | None = None
    also_causes: tuple[str, ...] = ()
    also_entities: tuple[str, ...] = ()

    @property
    def wanted(self) -> frozenset[tuple[str, str]]:
        """Return the pairs of key and entity that are right."""
        keys, entities = (self.cause, *self.also_causes), (self.entity, *self.also_entities)
        return frozenset((key, entity) for key in keys for entity in entities)

    @property
    def family(self) -> str:
        return self.cause.partition(".")[0] or "healthy"


def app(
    name: str = SUBJECT,
    state: Object | None = None,
    *,
    ready: bool | None = None,
    replicas: int = 1,
    before: Object | None = None,
    spec: Object | None = None,
    status: Object | None = None,
    front: bool = True,
    **first: Any,
) -> list[Object]:
    """Return a Deployment with ReplicaSet, pods and Service; `before` is what revision 1 had in its container.

    Without `state` the pods run and are ready. `first` goes into the container, `spec` into the pod's.
    """
    ready = state is None if ready is None else ready
    image = first.pop("image", f"registry.example/team/{name}:7.2")
    ports = first.pop("ports", [{"containerPort": 8080}])
    pattern = template(container(image=image, ports=ports, **first), labels={"app": name}, **(spec or {}))
    up = replicas if ready else 0
    owner = deployment(pattern, name=name, replicas=replicas, ready=up)
    current = replica_set(owner, pattern, 2 if before is not None else 1, replicas=replicas, ready=up)
    objects: list[Object] = [owner, current]
    if before is not None:
        older = deepcopy(pattern)
        older["spec"]["containers"][0].update(before)
        objects.append(replica_set(owner, older, 1, replicas=0, age=90000))
    objects += [
        pod(current, state or RUNNING, suffix=f"p{number}", ready=ready, **(status or {})) for number in range(replicas)
    ]
    if front:
        objects.append(service(name, {"app": name}, targetPort=8080))
    return objects


def pods_in(objects: list[Object]) -> list[Object]:
    return [item for item in objects if item["kind"] == "Pod"]


def log(text: str, name: str = SUBJECT, *, previous: bool = True, revision: int = 1) -> Logs:
    return {(f"{name}-r{revision}-p0", previous): text}


def says(line: str, name: str = SUBJECT, times: int = 4) -> Logs:
    """The current log of a program that runs and says something again and again."""
    return log("\n".join(["listening on 8080", "ready"] + [line] * times), name, previous=False)


def variable(name: str, value: str) -> list[Object]:
    return [{"name": name, "value": value}]


def neighbours() -> list[Object]:
    """A healthy cluster in which much has gone wrong before: every event here is over."""
    found: list[Object] = []
    for name in ("aster", "briar", "cedar"):
        found += app(name, replicas=2)
    calm = pods_in(found)
    stale = {
        "Unhealthy": "Readiness probe failed: Get http://10.0.0.7:8080/: dial tcp: connect: connection refused",
        "BackOff": "Back-off restarting failed container",
        "Failed": 'Failed to pull image "registry.example/team/cedar:7.1": code = NotFound desc = not found',
        "FailedScheduling": "0/3 nodes are available: 3 Insufficient cpu.",
        "FailedMount": 'MountVolume.SetUp failed for volume "x": configmap "x" not found',
    }
    found += [event(calm[n % len(calm)], reason, text, age=9000 + n) for n, (reason, text) in enumerate(stale.items())]
    found.append(event(found[1], "FailedCreate", 'pods "aster-" is forbidden: serviceaccount "x" not found', age=7000))
    job: Object = {"kind": "Job", "metadata": meta("fennel"), "spec": {"template": template()}}
    job["status"] = {"succeeded": 1, "conditions": [{"type": "Complete", "status": "True"}]}
    ended = {"state": {"terminated": {"exitCode": 0, "reason": "Completed", "finishedAt": ago(6000)}}}
    found += [job, pod(job, ended, phase="Succeeded")]
    for name in ("node-1", "node-2", "node-3"):
        place = node(name, labels={"kubernetes.io/hostname": name})
        found += [place, event(place, "Rebooted", "Node has been rebooted", age=40000)]
    taint = [{"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}]
    found.append(node("node-0", labels={"node-role.kubernetes.io/control-plane": ""}, taints=taint))
    return found


def take(case: Case) -> Snapshot:
    """Return the snapshot of a case among its neighbours, or the whole cluster that it is."""
    if case.path is not None:
        return read_snapshot(case.path)
    builder = SnapshotBuilder(NOW)
    if case.embedded:
        own = {key_of(item) for item in case.objects}
        builder.add(item for item in neighbours() if key_of(item) not in own)
        for name in ("aster", "briar"):
            text = "INFO 0 errors\nWARN retry after timeout\nINFO GET / 200\nINFO GET / 200"
            builder.add_log((NS, f"{name}-r1-p0", "main", False), text)
    builder.add(deepcopy(list(case.objects)))
    for (name, previous), text in case.logs.items():
        builder.add_log((NS, name, "main", previous), text)
    builder.add_source("Pods", "ok")
    return builder.build()
