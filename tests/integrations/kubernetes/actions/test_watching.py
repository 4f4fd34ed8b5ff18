"""When a target counts as well: all checks, long enough, without a restart."""

from collections.abc import Callable

import pytest

from bot.domain.action import Check, Verification
from bot.errors import AuthenticationFailed, NotFound, Unavailable
from integrations.kubernetes.actions.watching import Look, Timing, watch
from integrations.kubernetes.actions.workload import look_at_workload
from tests.integrations.kubernetes.actions.memory_cluster import MemoryCluster, Obj, deployment, pod
from tests.integrations.kubernetes.actions.test_params import request

TIMING = Timing(timeout=0.5, hold=0.05, poll=0.01)
WELL = Look((Check(name="available", passed=True, detail="2 of 2"),), {"web/app": 3})
ILL = Look((Check(name="available", passed=False, detail="1 of 2"),), {"web/app": 3})


async def watched(look: Callable[[int], Look], timing: Timing = TIMING) -> tuple[Verification, list[str]]:
    """Watch what `look` returns for the number of the look, counted from 0."""
    looks = -1
    lines: list[str] = []

    async def count() -> Look:
        nonlocal looks
        looks += 1
        return look(looks)

    return await watch(count, timing, lines.append, subject="web"), lines


async def test_well_for_long_enough() -> None:
    verification, lines = await watched(lambda number: WELL if number > 2 else ILL)
    assert verification.passed
    assert verification.duration_ms >= 50
    assert [check.name for check in verification.checks] == ["available", "held"]
    assert lines == ["available: 1 of 2", "well, it has to stay so for 0.05 s"]


async def test_never_well() -> None:
    verification, lines = await watched(lambda _: ILL)
    assert not verification.passed
    assert verification.summary == "web is not well after 0.5 s: available: 1 of 2."
    assert lines == ["available: 1 of 2"]


async def test_well_in_between_is_not_well() -> None:
    verification, _ = await watched(lambda number: WELL if number % 3 else ILL)
    assert not verification.passed


async def test_restarts_start_the_hold_anew() -> None:
    verification, lines = await watched(lambda number: Look(WELL.checks, {"web/app": number}))
    assert not verification.passed
    assert "well for less than 0.05 s" in verification.summary
    assert "restarted again: web/app" in lines


async def test_restarts_before_it_was_well_do_not_count() -> None:
    verification, _ = await watched(lambda number: Look(WELL.checks, {"web/app": 7}) if number > 1 else ILL)
    assert verification.passed


async def test_a_cluster_that_is_away_is_waited_for() -> None:
    def look(number: int) -> Look:
        if number < 3:
            raise Unavailable("connection refused", vendor="Kubernetes")
        return WELL

    verification, lines = await watched(look)
    assert verification.passed
    assert lines[0] == "waiting for the cluster: connection refused"


async def test_what_does_not_exist_is_not_waited_for() -> None:
    def look(number: int) -> Look:
        raise NotFound("deployments web not found", vendor="Kubernetes")

    verification, _ = await watched(look, Timing(timeout=60, hold=0, poll=0.01))
    assert not verification.passed
    assert "does not exist" in verification.summary


async def test_a_missing_permission_is_raised() -> None:
    def look(number: int) -> Look:
        raise AuthenticationFailed("forbidden", vendor="Kubernetes")

    with pytest.raises(AuthenticationFailed):
        await watched(look)


def stateful_set(updated: int) -> Obj:
    found = deployment()
    found["kind"] = "StatefulSet"
    found["status"]["updatedReplicas"] = updated
    return found


def daemon_set(available: int) -> Obj:
    found = deployment()
    found["kind"] = "DaemonSet"
    counts = {"desiredNumberScheduled": 3, "currentNumberScheduled": 3, "updatedNumberScheduled": 3}
    found["status"] = {"observedGeneration": 1, **counts, "numberAvailable": available}
    return found


def with_status(**status: object) -> Obj:
    found = deployment()
    found["status"].update(status)
    return found


def stuck() -> Obj:
    condition = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}
    return with_status(availableReplicas=0, conditions=[condition])


@pytest.mark.parametrize(
    ("workload", "failing"),
    [
        (deployment(), None),
        (with_status(observedGeneration=0), "observed"),
        (with_status(updatedReplicas=1), "updated"),
        (with_status(availableReplicas=None), "available"),
        (with_status(replicas=3), "old replicas"),
        (stateful_set(2), None),
        (stateful_set(1), "updated"),
        (daemon_set(3), None),
        (daemon_set(2), "available"),
    ],
)
async def test_a_workload_is_well_when_all_counts_agree(workload: Obj, failing: str | None) -> None:
    cluster = MemoryCluster(workload)
    target = request("scale", {}, f"{workload['kind']}/shop/web").target
    seen = await look_at_workload(cluster, target, {})
    assert [check.name for check in seen.checks if not check.passed] == ([failing] if failing else [])


@pytest.mark.parametrize("reason", ["CrashLoopBackOff", "ImagePullBackOff", "CreateContainerConfigError"])
async def test_a_container_that_waits_is_not_well_and_one_that_starts_is(reason: str) -> None:
    cluster = MemoryCluster(deployment(), pod("web-1", {"app": "web"}, restarts=4))
    target = request("scale", {}).target
    seen = await look_at_workload(cluster, target, {})
    assert seen.well
    assert seen.restarts == {"web-1/app": 4}
    status = cluster.find("Pod", "web-1")["status"]["containerStatuses"][0]
    status["state"] = {"waiting": {"reason": "ContainerCreating"}}
    assert (await look_at_workload(cluster, target, {})).well
    status["state"] = {"waiting": {"reason": reason}}
    seen = await look_at_workload(cluster, target, {})
    assert not seen.well
    assert seen.checks[-1].detail == f"waiting: web-1/app {reason}"


async def test_a_rollout_that_stays_stuck_is_given_up_and_one_that_recovers_is_not() -> None:
    stuck_look = Look(ILL.checks, stuck="its rollout exceeded the progress deadline")
    timing = Timing(timeout=60, hold=0.02, poll=0.01, patience=0.1)
    verification, _ = await watched(lambda _: stuck_look, timing)
    assert not verification.passed
    assert verification.duration_ms >= 100
    assert verification.summary == "web is not well: its rollout exceeded the progress deadline."
    verification, _ = await watched(lambda number: WELL if number > 3 else stuck_look, timing)
    assert verification.passed


async def test_waiting_for_what_cannot_come_ends_early() -> None:
    target = request("scale", {}).target
    assert "progress deadline" in (await look_at_workload(MemoryCluster(stuck()), target, {})).stuck
    assert "another object" in (await look_at_workload(MemoryCluster(deployment()), target, {"uid": "old"})).hopeless
