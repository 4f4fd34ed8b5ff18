"""What actions on Deployments, StatefulSets and DaemonSets share: containers, reach, and when all is well."""

from typing import Any

from bot.domain.action import ActionRequest, Applied, Check
from bot.domain.entity import ObjectRef
from bot.errors import InvalidInput
from integrations.kubernetes.actions.contract import Advice, ClusterAPI, P, Scene
from integrations.kubernetes.actions.patch_action import PatchAction
from integrations.kubernetes.actions.patching import Obj, Path
from integrations.kubernetes.actions.surroundings import describe, look_around, selector_text
from integrations.kubernetes.actions.watching import Look

WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet")
PLURALS = {"Deployment": "deployments", "StatefulSet": "statefulsets", "DaemonSet": "daemonsets"}
TEMPLATE_VERBS = tuple(f"{verb} {plural}.apps" for plural in PLURALS.values() for verb in ("get", "patch"))

# Reasons to wait that are part of an ordinary start; every other one means that a container cannot run.
_STARTING = frozenset({"ContainerCreating", "PodInitializing", ""})


class WorkloadAction(PatchAction[P]):
    """An action on a workload: its reach is the workload's, and it helped when the workload is rolled out and well."""

    async def advise(self, scene: Scene, *warnings: str) -> Advice:
        """Return the reach of a change of this workload, with the warnings of the action."""
        labels = (read_template(scene.current).get("metadata") or {}).get("labels") or {}
        around = await look_around(scene.cluster, scene.target, labels)
        strained = [
            f"PodDisruptionBudget {budget['metadata']['name']} allows no disruption at the moment."
            for budget in around.budgets or []
            if not (budget.get("status") or {}).get("disruptionsAllowed", 0)
        ]
        reach = (describe_replicas(scene.current), describe_strategy(scene.current), describe(around))
        return Advice(warnings=(*warnings, *strained), reach=reach)

    async def look(self, cluster: ClusterAPI, request: ActionRequest, applied: Applied) -> Look:
        """See `RemediationAction.look`."""
        return await look_at_workload(cluster, request.target, applied.state)


def read_template(workload: Obj) -> Obj:
    template: Obj = (workload.get("spec") or {}).get("template") or {}
    return template


def container_path(workload: Obj, container: str) -> Path:
    """Return where a container (or init container) stands. Raise InvalidInput when there is none of that name."""
    spec = read_template(workload).get("spec") or {}
    names: list[str] = []
    for group in ("containers", "initContainers"):
        for index, item in enumerate(spec.get(group) or []):
            if item["name"] == container:
                return ("spec", "template", "spec", group, index)
            names.append(item["name"])
    raise InvalidInput(f"There is no container {container}; there is {', '.join(names) or 'none'}.")


def require_not_paused(scene: Scene) -> None:
    """Raise InvalidInput when a change of the template would not be rolled out."""
    if (scene.current.get("spec") or {}).get("paused"):
        raise InvalidInput(
            f"The rollout of {scene.target} is paused, so nothing would happen.",
            next_step=f"kubectl --namespace {scene.target.namespace} rollout resume {scene.target.short}",
        )


def revision_of(workload: Obj) -> int | None:
    """Return the revision that a Deployment is at, None when its controller has not numbered it."""
    text = (workload["metadata"].get("annotations") or {}).get("deployment.kubernetes.io/revision", "")
    return int(text) if text.isdigit() else None


def wanted_replicas(workload: Obj) -> int:
    if workload.get("kind") == "DaemonSet":
        return int((workload.get("status") or {}).get("desiredNumberScheduled") or 0)
    replicas = (workload.get("spec") or {}).get("replicas")
    return 1 if replicas is None else int(replicas)


def ready_replicas(workload: Obj) -> int:
    status = workload.get("status") or {}
    return int(status.get("numberReady" if workload.get("kind") == "DaemonSet" else "readyReplicas") or 0)


def describe_replicas(workload: Obj) -> str:
    wanted, ready = wanted_replicas(workload), ready_replicas(workload)
    share = f" ({100 * ready // wanted} %)" if wanted else ""
    return f"{wanted} {'replica' if wanted == 1 else 'replicas'} wanted, {ready} ready{share}"


def describe_strategy(workload: Obj) -> str:
    spec = workload.get("spec") or {}
    strategy = spec.get("strategy") or spec.get("updateStrategy") or {}
    kind = strategy.get("type", "RollingUpdate")
    if kind == "Recreate":
        return "strategy Recreate: all replicas stop before new ones start"
    if kind == "OnDelete":
        return "strategy OnDelete: pods change only when somebody deletes them"
    rolling = strategy.get("rollingUpdate") or {}
    known = [f"{key} {rolling[key]}" for key in ("maxSurge", "maxUnavailable", "partition") if key in rolling]
    return "strategy RollingUpdate" + (f" ({', '.join(known)})" if known else "")


def require_rolling(scene: Scene) -> tuple[str, ...]:
    """Return a warning when pods would not be replaced by themselves."""
    if ((scene.current.get("spec") or {}).get("updateStrategy") or {}).get("type") == "OnDelete":
        return ("The update strategy is OnDelete: running pods stay as they are until somebody deletes them.",)
    return ()


async def look_at_workload(cluster: ClusterAPI, target: ObjectRef, state: dict[str, Any]) -> Look:
    """Judge a workload: the change was seen, all replicas are of the new kind and available, no container waits."""
    workload = await cluster.get(target)
    metadata, status = workload["metadata"], workload.get("status") or {}
    if state.get("uid") and metadata["uid"] != state["uid"]:
        gone = Check(name="same object", passed=False, detail=f"{target} was deleted and created again")
        return Look((gone,), hopeless="it is another object now")
    generation = max(int(metadata.get("generation") or 0), int(state.get("generation") or 0))
    observed = int(status.get("observedGeneration") or 0)
    checks = [
        Check(name="observed", passed=observed >= generation, detail=f"generation {observed} of {generation} seen"),
        *_counts(workload),
    ]
    if not all(check.passed for check in checks):
        return Look(tuple(checks), stuck=_given_up(workload) if observed >= generation else "")
    pods = await cluster.list(
        "Pod", target.namespace, label_selector=selector_text((workload.get("spec") or {}).get("selector"))
    )
    waiting, restarts = _containers(pods)
    count = len(restarts)
    running = f"{count} {'container runs' if count == 1 else 'containers run'}"
    detail = f"waiting: {', '.join(waiting)}" if waiting else running
    checks.append(Check(name="containers", passed=not waiting, detail=detail))
    return Look(tuple(checks), restarts)


def _counts(workload: Obj) -> list[Check]:
    status, wanted = workload.get("status") or {}, wanted_replicas(workload)
    names = ("updatedReplicas", "availableReplicas", "replicas")
    if workload.get("kind") == "DaemonSet":
        names = ("updatedNumberScheduled", "numberAvailable", "currentNumberScheduled")
    updated, available, total = (int(status.get(name) or 0) for name in names)
    return [
        Check(name="updated", passed=updated == wanted, detail=f"{updated} of {wanted} replicas are up to date"),
        Check(name="available", passed=available == wanted, detail=f"{available} of {wanted} replicas are available"),
        Check(name="old replicas", passed=total <= wanted, detail=f"{max(0, total - wanted)} old replicas are left"),
    ]


def _given_up(workload: Obj) -> str:
    for condition in (workload.get("status") or {}).get("conditions") or []:
        if condition.get("type") == "Progressing" and condition.get("reason") == "ProgressDeadlineExceeded":
            return "its rollout exceeded the progress deadline"
    return ""


def _containers(pods: list[Obj]) -> tuple[list[str], dict[str, int]]:
    """Return what containers wait for, and the restarts of each, of the pods that are not being deleted."""
    waiting: list[str] = []
    restarts: dict[str, int] = {}
    for pod in pods:
        if pod["metadata"].get("deletionTimestamp"):
            continue
        status = pod.get("status") or {}
        for item in (*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])):
            name = f"{pod['metadata']['name']}/{item['name']}"
            restarts[name] = int(item.get("restartCount") or 0)
            reason = ((item.get("state") or {}).get("waiting") or {}).get("reason", "")
            if reason not in _STARTING:
                waiting.append(f"{name} {reason}")
    return waiting, restarts
