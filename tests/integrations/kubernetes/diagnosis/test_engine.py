"""The diagnosis as a whole: same bytes on every run, fast, focused, honest about what it could not see."""

import random
import time
from copy import deepcopy
from typing import Any

import pytest

from bot.domain.entity import ObjectRef
from integrations.kubernetes.diagnosis import KEYS, diagnose, engine
from integrations.kubernetes.diagnosis.alerts import expect
from integrations.kubernetes.diagnosis.engine import ANALYZERS
from integrations.kubernetes.diagnosis.findings import Judged
from integrations.kubernetes.diagnosis.graph import Graph
from integrations.kubernetes.snapshot import Snapshot, SnapshotBuilder
from tests.integrations.kubernetes.builders import (
    NOW,
    NS,
    RUNNING,
    Object,
    container,
    crashed,
    deployment,
    event,
    node,
    pod,
    replica_set,
    service,
    snapshot,
    template,
    waiting,
)
from tests.integrations.kubernetes.diagnosis.checks import assert_citations_hold


def crowd(workloads: int, pods_each: int, events: int, *, every: int = 10) -> tuple[list[Object], dict[str, str]]:
    """A namespace in which every tenth workload crashes, with loud old events on the healthy ones."""
    objects: list[Object] = [node()]
    logs: dict[str, str] = {}
    for number in range(workloads):
        name = f"app-{number:04}"
        pattern = template(container(ports=[{"containerPort": 8080}]), labels={"app": name})
        sick = number % every == 0
        owner = deployment(pattern, name=name, replicas=pods_each, ready=0 if sick else pods_each)
        current = replica_set(owner, pattern, 1, replicas=pods_each, ready=0 if sick else pods_each)
        objects += [owner, current, service(name, {"app": name}, targetPort=8080)]
        for index in range(pods_each):
            made = pod(current, crashed() if sick else RUNNING, suffix=f"p{index}", ready=not sick)
            objects.append(made)
            if sick:
                logs[made["metadata"]["name"]] = "\n".join(["working"] * 50 + ["CACHE_URL is not set"])
    pods = [item for item in objects if item["kind"] == "Pod"]
    objects += [event(pods[i % len(pods)], "Unhealthy", "Readiness probe failed", age=9000 + i) for i in range(events)]
    return objects, logs


def take(objects: list[Object], logs: dict[str, str]) -> Snapshot:
    builder = SnapshotBuilder(NOW)
    builder.add(objects)
    for name, text in logs.items():
        builder.add_log((NS, name, "main", True), text)
    return builder.build()


def test_shuffled_input_gives_the_same_bytes() -> None:
    objects, logs = crowd(30, 3, 100)
    first = take(objects, logs)
    expected = diagnose(first).model_dump_json()
    dice = random.Random(7)
    for _ in range(5):
        shuffled = objects[:]
        dice.shuffle(shuffled)
        keys = list(logs)
        dice.shuffle(keys)
        again = take(shuffled, {key: logs[key] for key in keys})
        assert again.to_json() == first.to_json()
        assert diagnose(again).model_dump_json() == expected
    assert Snapshot.from_json(first.to_json()).to_json() == first.to_json()


def test_a_thousand_pods_are_judged_at_once() -> None:
    objects, logs = crowd(250, 4, 5000)
    taken = take(objects, logs)
    started = time.process_time()
    diagnosis = diagnose(taken)
    elapsed = time.process_time() - started
    assert len([found for found in diagnosis.findings if found.root]) == 25
    assert elapsed < 0.3
    assert_citations_hold(taken, diagnosis)


def test_the_time_grows_with_the_size_and_not_faster() -> None:
    def cost(workloads: int) -> float:
        taken = take(*crowd(workloads, 4, workloads * 20))
        best = float("inf")
        for _ in range(3):
            started = time.process_time()
            diagnose(taken)
            best = min(best, time.process_time() - started)
        return best

    assert cost(200) < 12 * cost(50)  # four times the size; the slack is for a busy machine


def test_ten_thousand_pods_are_judged_in_seconds() -> None:
    taken = take(*crowd(2500, 4, 5000, every=50))
    started = time.process_time()
    diagnosis = diagnose(taken)
    elapsed = time.process_time() - started
    assert len([found for found in diagnosis.findings if found.root]) == 50
    assert elapsed < 3


def test_a_focus_leaves_out_what_concerns_others() -> None:
    objects, logs = crowd(20, 2, 20)
    taken = take(objects, logs)
    sick = diagnose(taken, ObjectRef(kind="Deployment", namespace=NS, name="app-0010"))
    assert {found.entity for found in sick.findings} == {f"Deployment/{NS}/app-0010", f"Service/{NS}/app-0010"}
    assert diagnose(taken, ObjectRef(kind="Deployment", namespace=NS, name="app-0011")).healthy
    through_service = diagnose(taken, ObjectRef(kind="Service", namespace=NS, name="app-0010"))
    assert [found.key for found in through_service.findings if found.root] == ["crash.missing_env"]


def test_roots_come_first_and_the_worst_of_them_first() -> None:
    objects, logs = crowd(20, 2, 0)
    ranks = [(not item.root, item.severity.rank) for item in diagnose(take(objects, logs)).findings]
    assert ranks == sorted(ranks)


def test_nothing_is_called_healthy_that_could_not_be_seen() -> None:
    builder = SnapshotBuilder(NOW)
    builder.add_source("Pods", "error", "forbidden")
    diagnosis = diagnose(builder.build())
    assert not diagnosis.healthy
    assert diagnosis.findings == ()


def test_incomplete_objects_do_not_stop_the_diagnosis() -> None:
    bare: list[Object] = [
        {"kind": kind, "metadata": {"name": "x", "namespace": NS}}
        for kind in ("Pod", "Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "Job", "CronJob", "Service",
                     "HorizontalPodAutoscaler", "PersistentVolumeClaim", "ConfigMap", "EndpointSlice", "Node")
    ]  # fmt: skip
    nulls: list[Object] = [{**item, "spec": None, "status": None, "data": None} for item in bare]
    for objects in (bare, nulls):
        assert diagnose(snapshot(*objects)).findings == ()


def test_every_analyzer_is_pure() -> None:
    objects, logs = crowd(10, 2, 10)
    taken = take([*objects, pod(objects[2], waiting("ErrImagePull"), suffix="q")], logs)
    before = taken.to_json()
    diagnose(taken)
    assert taken.to_json() == before
    assert len(set(ANALYZERS)) == len(ANALYZERS)
    assert all(text.endswith(".") for text in KEYS.values())


def test_the_defect_of_one_analyzer_does_not_cost_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(graph: Graph) -> list[Judged]:
        raise TypeError(len(graph.pods))

    monkeypatch.setattr(engine, "ANALYZERS", (broken, *ANALYZERS))
    diagnosis = diagnose(take(*crowd(10, 1, 0)))
    assert [found.key for found in diagnosis.findings if found.root] == ["crash.missing_env"]
    assert [source.status for source in diagnosis.sources if source.name.startswith("analyzer")] == ["error"]


def test_objects_with_holes_are_judged() -> None:
    objects, logs = crowd(30, 2, 50)
    dice = random.Random(11)
    for _ in range(200):
        damaged = deepcopy(objects)
        for item in dice.sample(damaged, 5):
            _damage(item, dice)
        diagnosis = diagnose(take(damaged, logs))
        assert not [source for source in diagnosis.sources if source.status == "error"]


def _damage(item: Object, dice: random.Random) -> None:
    """Take something out of an object, or put a null in its place; its kind and name stay."""
    place: Any = item
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        keys = [key for key in keys if key not in {"kind", "name"}]
        if not keys:
            return
        key = dice.choice(keys)
        following = place[key]
        if isinstance(following, dict | list) and following and (place is item or dice.random() < 0.7):
            place = following
            continue
        if key == "metadata":
            return
        if dice.random() < 0.5:
            place[key] = None
        else:
            del place[key]
        return


def test_what_explains_the_alert_comes_first_among_equals() -> None:
    images = template(labels={"app": "web"})
    owners = [deployment(images, name=name) for name in ("one", "two")]
    sets = [replica_set(owner, images, 1) for owner in owners]
    pods = [
        pod(sets[0], waiting("ImagePullBackOff", "Back-off pulling image: not found")),
        pod(sets[1], crashed()),
    ]
    logs = {pods[1]["metadata"]["name"]: "CACHE_URL is not set"}
    diagnosis = diagnose(take([*owners, *sets, *pods], logs))
    families = [found.key.partition(".")[0] for found in diagnosis.findings if found.root]
    assert sorted(families) == ["crash", "image"]
    for wanted in families:
        assert expect(diagnosis, (wanted,)).findings[0].key.startswith(wanted)
    assert expect(diagnosis, ()) is diagnosis
