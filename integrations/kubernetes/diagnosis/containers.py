"""Containers that do not run as they should, found once and judged by several families."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from integrations.kubernetes.diagnosis.findings import is_gone, is_ready
from integrations.kubernetes.diagnosis.graph import Graph
from integrations.kubernetes.diagnosis.objects import condition_of, controller_of, spec_of, status_of, timestamp_of
from integrations.kubernetes.snapshot import Object, ObjectKey

_FRESH_SECONDS = 600.0
_FRESH_OOM_SECONDS = 3600.0
_PROVEN_SECONDS = 60.0
_REMOVALS = frozenset({"Evicted", "NodeLost", "NodeShutdown", "Shutdown", "Terminated", "Preempting", "NodeAffinity"})
_STATUS_LISTS = (("initContainerStatuses", "initContainers"), ("containerStatuses", "containers"))


@dataclass(frozen=True)
class ContainerView:
    """One container of one pod: its spec, its status and where that stands."""

    graph: Graph
    pod: Object
    owner: ObjectKey
    spec: dict[str, Any]
    status: dict[str, Any]
    pointer: str
    init: bool

    @property
    def name(self) -> str:
        return str(self.status.get("name") or self.spec.get("name") or "")

    @property
    def entity(self) -> str:
        return "/".join(part for part in self.owner if part)

    @property
    def restarts(self) -> int:
        return int(self.status.get("restartCount") or 0)

    @property
    def waiting(self) -> dict[str, Any]:
        return (self.status.get("state") or {}).get("waiting") or {}

    @property
    def running(self) -> bool:
        return "running" in (self.status.get("state") or {})

    @property
    def ended(self) -> tuple[str, dict[str, Any]] | None:
        """The latest end of the container with the pointer to it: of this run, else of the one before."""
        for place in ("state", "lastState"):
            terminated = (self.status.get(place) or {}).get("terminated")
            if terminated:
                return f"{self.pointer}/{place}/terminated", terminated
        return None

    @property
    def crashes(self) -> bool:
        """Whether the container ended against its purpose, and still suffers from it or just did."""
        ended = self.ended
        if ended is None:
            return False
        _, terminated = ended
        exit_code = int(terminated.get("exitCode") or 0)
        if self.init:
            return exit_code != 0 and not self.status.get("ready")
        if self.waiting.get("reason") == "CrashLoopBackOff":
            return True
        restart_policy = spec_of(self.pod).get("restartPolicy", "Always")
        if "terminated" in (self.status.get("state") or {}):
            return exit_code != 0 or restart_policy == "Always"
        if not self.running and not self.waiting:
            return False
        age = self.graph.age_seconds(terminated.get("finishedAt"))
        if age is None:
            return not self.status.get("ready")
        if terminated.get("reason") == "OOMKilled":
            return age <= _FRESH_OOM_SECONDS
        if age > _FRESH_SECONDS:
            return False
        unproven = self.restarts >= 2 and self._is_unproven(terminated)
        return unproven or self.restarts >= 3 or not self.status.get("ready")

    def _is_unproven(self, last_run: dict[str, Any]) -> bool:
        """Whether the present run is too young to say that it fares better than the last one did."""
        running = self.graph.age_seconds(((self.status.get("state") or {}).get("running") or {}).get("startedAt"))
        started = self.graph.age_seconds(last_run.get("startedAt"))
        ended = self.graph.age_seconds(last_run.get("finishedAt"))
        lasted = started - ended if started is not None and ended is not None else 0.0
        return running is not None and running < max(_PROVEN_SECONDS, 2 * lasted)

    def log(self) -> tuple[bool, tuple[str, ...]]:
        """Return the log of the run that ended, and whether it is the previous one's."""
        ended_now = "terminated" in (self.status.get("state") or {})
        for previous in (False, True) if ended_now else (True, False):
            lines = self.graph.log(self.pod, self.name, previous=previous)
            if any(line.strip() for line in lines):
                return previous, lines
        return False, ()


def containers(graph: Graph, *, everything: bool = False) -> Iterator[ContainerView]:
    """Yield the containers of all pods that matter: not of pods that are finished or on their way out."""
    for pod in graph.pods:
        if (is_gone(pod) or _is_superseded(graph, pod) or _was_removed(pod)) and not everything:
            continue
        owner = graph.owner_key(pod)
        for status_list, spec_list in _STATUS_LISTS:
            specs = {str(spec.get("name")): spec for spec in spec_of(pod).get(spec_list) or ()}
            for position, status in enumerate(status_of(pod).get(status_list) or ()):
                yield ContainerView(
                    graph=graph,
                    pod=pod,
                    owner=owner,
                    spec=specs.get(str(status.get("name")), {}),
                    status=status,
                    pointer=f"/status/{status_list}/{position}",
                    init=status_list == "initContainerStatuses",
                )


def crashing(graph: Graph) -> list[ContainerView]:
    """Return the containers that crash, those with a log first, so that one finding has the best evidence."""
    found = [view for view in containers(graph) if view.crashes]
    found.sort(
        key=lambda view: (view.owner, view.name, not view.log()[1], -view.restarts, view.pod["metadata"]["name"])
    )
    return found


def _was_removed(pod: Object) -> bool:
    """Whether the kubelet ended the pod for its node's sake: its containers died of that, not of themselves."""
    return status_of(pod).get("phase") == "Failed" and status_of(pod).get("reason") in _REMOVALS


def _is_superseded(graph: Graph, pod: Object) -> bool:
    """Whether the pod belongs to a ReplicaSet that is meant to have none, or to a Job that is done."""
    owner = controller_of(pod)
    if owner is None:
        return False
    namespace = str((pod.get("metadata") or {}).get("namespace") or "")
    found = graph.snapshot.get(str(owner.get("kind")), namespace, str(owner.get("name")))
    if found is None:
        return False
    if found.get("kind") == "ReplicaSet":
        return spec_of(found).get("replicas") == 0 and not is_ready(pod)
    if found.get("kind") == "Job":
        return _is_complete(found) or _ran_well_later(graph, found)
    return False


def _is_complete(job: Object) -> bool:
    found = condition_of(job, "Complete")
    return found is not None and found[1].get("status") == "True"


def _ran_well_later(graph: Graph, job: Object) -> bool:
    """Whether a later run of the same CronJob did what this one did not."""
    schedule, began = graph.owner_key(job), str(timestamp_of(job) or "")
    if schedule[0] != "CronJob":
        return False
    later = [item for item in graph.jobs_of(schedule) if str(timestamp_of(item) or "") > began]
    return any(_is_complete(item) for item in later)
