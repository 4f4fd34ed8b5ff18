"""Containers that need more than they may use: memory and CPU."""

from collections.abc import Iterable, Iterator

from bot.domain.alert import Severity
from bot.domain.finding import Citation, SuggestedAction
from integrations.kubernetes.diagnosis.changes import container_of, describe_change, earlier_container, rollback_action
from integrations.kubernetes.diagnosis.citations import cite_present
from integrations.kubernetes.diagnosis.containers import ContainerView, containers, crashing
from integrations.kubernetes.diagnosis.findings import Judged, action, finding, is_gone, is_ready, outage, ready_text
from integrations.kubernetes.diagnosis.graph import Graph
from integrations.kubernetes.diagnosis.objects import name_of, namespace_of, spec_of, status_of
from integrations.kubernetes.diagnosis.quantity import amount_of, cpu_text, memory_text
from integrations.kubernetes.snapshot import Object

_NEAR_LIMIT = 0.9
_SATURATED = 0.95
_SLOW_GROWTH_SECONDS = 1800.0


def analyze(graph: Graph) -> Iterable[Judged]:
    """Judge memory kills and CPU use at the limit."""
    yield from _oom(graph)
    yield from _cpu(graph)
    yield from _saturated(graph)


def _limit(container: dict[str, object], resource: str) -> str | None:
    resources = container.get("resources")
    limits = resources.get("limits") if isinstance(resources, dict) else None
    value = (limits or {}).get(resource)
    return str(value) if value is not None else None


def _oom(graph: Graph) -> Iterator[Judged]:
    seen: set[tuple[str, str]] = set()
    for view in crashing(graph):
        ended = view.ended
        if ended is None or ended[1].get("reason") != "OOMKilled" or (view.entity, view.name) in seen:
            continue
        seen.add((view.entity, view.name))
        yield _report_oom(graph, view, ended[0])


def _report_oom(graph: Graph, view: ContainerView, pointer: str) -> Judged:
    workload = graph.snapshot.objects.get(view.owner)
    terminated = (view.ended or ("", {}))[1]
    limit = _limit(view.spec, "memory")
    severity, _, _ = outage(graph, view.owner)
    lived = _lifetime(graph, terminated)
    leak = lived is not None and lived > _SLOW_GROWTH_SECONDS
    evidence = cite_present(view.pod, f"{pointer}/reason", f"{pointer}/exitCode", f"{view.pointer}/restartCount")
    evidence += _limit_citation(view, "memory")
    actions = _more_memory(graph, view, workload, limit)
    told = f"its memory limit of {limit}" if limit else "all the memory of its node"
    habit = f" It lived {lived / 3600:.1f} h before: this looks like a leak." if leak and lived else ""
    times = f" ({view.restarts} restarts)" if view.restarts else ""
    summary = (
        f"Container {view.name} was killed because it used {told}{times}; {ready_text(graph, view.owner)}.{habit}"
        f"{describe_change(graph, workload)}"
    )
    return finding(
        "oom.container",
        view.entity,
        summary,
        severity=Severity.HIGH if severity is Severity.WARNING else severity,
        confidence=0.97,
        evidence=evidence,
        actions=actions,
        person_decides="The node or the quota has no room for a higher limit: make room or mend the program.",
    )


def _lifetime(graph: Graph, terminated: dict[str, object]) -> float | None:
    started, finished = graph.age_seconds(terminated.get("startedAt")), graph.age_seconds(terminated.get("finishedAt"))
    return started - finished if started is not None and finished is not None else None


def _limit_citation(view: ContainerView, resource: str) -> tuple[Citation, ...]:
    field = "initContainers" if view.init else "containers"
    for position, container in enumerate(spec_of(view.pod).get(field) or ()):
        if container.get("name") == view.name:
            return cite_present(view.pod, f"/spec/{field}/{position}/resources/limits/{resource}")
    return ()


def _more_memory(
    graph: Graph, view: ContainerView, workload: Object | None, limit: str | None
) -> list[SuggestedAction]:
    found: list[SuggestedAction] = []
    amount = amount_of(limit)
    if amount:
        wanted, why = amount * 2, f"twice the present limit of {limit}"
        earlier = earlier_container(
            graph, workload, view.name, lambda c: (amount_of(_limit(c, "memory")) or 0.0) > amount
        )
        if earlier is not None:
            revision, container = earlier
            wanted = max(wanted, amount_of(_limit(container, "memory")) or 0.0)
            why = f"revision {revision} ran with {_limit(container, 'memory')}"
        room = room_for(graph, view, "memory", amount)
        largest = _largest_node(graph, "memory")
        if room is not None and amount < room < wanted and (largest is None or wanted <= largest):
            wanted, why = room, f"{why}, as far as nodes, quota and LimitRange allow"
        if room is None or wanted <= room:
            limits = {"memory": memory_text(wanted)}
            found.append(action("set_resources", view.entity, why, container=view.name, limits=limits))
        undo = rollback_action(
            graph,
            workload,
            view.entity,
            lambda template: (amount_of(_limit(container_of(template, view.name), "memory")) or 0.0) > amount,
        )
        if undo is not None:
            found.append(undo)
    return found


def _largest_node(graph: Graph, resource: str) -> float | None:
    """Return the most that any node could give a pod; None when no node was seen."""
    amounts = [amount_of((status_of(node).get("allocatable") or {}).get(resource)) or 0.0 for node in graph.all("Node")]
    return max(amounts, default=None)


def room_for(graph: Graph, view: ContainerView, resource: str, present: float) -> float | None:
    """Return how high a container's limit may become: by the largest node, the quota's rest and the LimitRange.

    None when nothing that was seen sets a bound.
    """
    namespace = namespace_of(view.pod)
    bounds = [_largest_node(graph, resource)]
    for ranges in graph.all("LimitRange"):
        entries = spec_of(ranges).get("limits") or () if namespace_of(ranges) == namespace else ()
        bounds += [
            amount_of((entry.get("max") or {}).get(resource))
            for entry in entries
            if entry.get("type") in {"Container", "Pod"}
        ]
    pods = max(1, len([pod for pod in graph.pods_of_key(view.owner) if not is_gone(pod)]))
    for quota in graph.all("ResourceQuota"):
        hard = amount_of((status_of(quota).get("hard") or {}).get(f"limits.{resource}"))
        used = amount_of((status_of(quota).get("used") or {}).get(f"limits.{resource}"))
        if namespace_of(quota) == namespace and hard is not None:
            bounds.append(present + max(0.0, hard - (used or 0.0)) / pods)
    return min((bound for bound in bounds if bound is not None), default=None)


def _saturated(graph: Graph) -> Iterator[Judged]:
    """Judge nodes whose cores one workload takes: only a workload that may use more than half of them is named."""
    usage: dict[tuple[str, str], float] = {}
    for pod in graph.pods if graph.snapshot.metrics else ():
        measured = graph.snapshot.metrics.get(("PodMetrics", namespace_of(pod), name_of(pod)))
        place = (str(spec_of(pod).get("nodeName")), graph.entity_of(pod))
        for container in (measured or {}).get("containers") or ():
            usage[place] = usage.get(place, 0.0) + (amount_of((container.get("usage") or {}).get("cpu")) or 0.0)
    for node in graph.all("Node"):
        measured = graph.snapshot.metrics.get(("NodeMetrics", "", name_of(node)))
        used = amount_of(((measured or {}).get("usage") or {}).get("cpu"))
        room = amount_of((status_of(node).get("allocatable") or {}).get("cpu"))
        if measured is None or not used or not room or used < _SATURATED * room:
            continue
        shares = sorted(((-share, about) for (where, about), share in usage.items() if where == name_of(node)))
        if not shares or -shares[0][0] < room / 2:
            continue
        yield finding(
            "cpu.overload",
            shares[0][1],
            f"{shares[0][1]} uses {cpu_text(-shares[0][0])} of the {cpu_text(room)} cores of node {name_of(node)}, "
            f"which has none left.",
            severity=Severity.WARNING,
            confidence=0.82,
            evidence=(*cite_present(measured, "/usage/cpu"), *cite_present(node, "/status/allocatable/cpu")),
            person_decides="Give it a CPU limit, move it to a node of its own, or find out why its load grew.",
        )


def _cpu(graph: Graph) -> Iterator[Judged]:
    """Compare what containers use with what they may use. Without metrics there is nothing to say."""
    if not graph.snapshot.metrics:
        return
    hot: dict[tuple[str, str], list[tuple[ContainerView, Object, int, float, float]]] = {}
    for view in containers(graph):
        limit = amount_of(_limit(view.spec, "cpu"))
        measured = graph.snapshot.metrics.get(("PodMetrics", namespace_of(view.pod), name_of(view.pod)))
        if not limit or measured is None or view.init or not is_ready(view.pod):
            continue
        for position, container in enumerate(measured.get("containers") or ()):
            used = amount_of((container.get("usage") or {}).get("cpu"))
            if container.get("name") == view.name and used is not None and used >= _NEAR_LIMIT * limit:
                hot.setdefault((view.entity, view.name), []).append((view, measured, position, used, limit))
    for (_, name), found in sorted(hot.items()):
        yield _report_cpu(graph, name, found)


def _report_cpu(graph: Graph, name: str, found: list[tuple[ContainerView, Object, int, float, float]]) -> Judged:
    view, _, _, used, limit = found[0]
    workload = graph.snapshot.objects.get(view.owner)
    evidence: tuple[Citation, ...] = ()
    for pod, measured, position, _, _ in found[:3]:
        evidence += (*cite_present(measured, f"/containers/{position}/usage/cpu"), *_limit_citation(pod, "cpu"))
    total = len([pod for pod in graph.pods_of_key(view.owner) if is_ready(pod)])
    room = room_for(graph, view, "cpu", limit)
    actions: list[SuggestedAction] = []
    if room is None or limit * 2 <= room:
        reason = f"{len(found)} of {total} pods use {used / limit:.0%} of the present limit"
        limits = {"cpu": cpu_text(limit * 2)}
        actions.append(action("set_resources", view.entity, reason, container=name, limits=limits))
    if undo := rollback_action(graph, workload, view.entity):
        actions.append(undo)
    if (
        workload is not None
        and workload.get("kind") in {"Deployment", "StatefulSet"}
        and not _is_scaled(graph, workload)
    ):
        replicas = int(spec_of(workload).get("replicas") or 1)
        reason = "more replicas share the load"
        actions.append(action("scale", view.entity, reason, replicas=replicas + max(1, replicas // 2)))
    summary = (
        f"Container {name} uses {cpu_text(used)} of its CPU limit of {cpu_text(limit)} in {len(found)} of {total} "
        f"pods: it is throttled.{describe_change(graph, workload)}"
    )
    return finding(
        "cpu.throttled", view.entity, summary, severity=Severity.WARNING, confidence=0.85, evidence=evidence,
        actions=actions, person_decides="No node has room for a higher limit.",
    )  # fmt: skip


def _is_scaled(graph: Graph, workload: Object) -> bool:
    """Whether an autoscaler owns the number of replicas."""
    for scaler in graph.all("HorizontalPodAutoscaler"):
        target = spec_of(scaler).get("scaleTargetRef") or {}
        if namespace_of(scaler) == namespace_of(workload) and (target.get("kind"), target.get("name")) == (
            workload.get("kind"),
            name_of(workload),
        ):
            return True
    return False
