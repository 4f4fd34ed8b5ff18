"""The snapshot with its indexes: who owns whom, who selects whom, which events and references belong to what.

Built once per diagnosis in time linear in the snapshot; analyzers only look up.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cached_property
from typing import Any

from integrations.kubernetes.diagnosis.objects import (
    controller_of,
    labels_of,
    matches,
    name_of,
    namespace_of,
    revision_of,
    spec_of,
    status_of,
    template_of,
)
from integrations.kubernetes.snapshot import Object, ObjectKey, Snapshot, event_time, key_of, parse_time

WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob")


class Graph:
    """One snapshot, indexed. All lists come in a fixed order, whatever order the snapshot was filled in."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self.now: datetime = snapshot.taken_at
        self._by_kind: dict[str, list[Object]] = defaultdict(list)
        for key in sorted(snapshot.objects):
            self._by_kind[key[0]].append(snapshot.objects[key])
        self._events: dict[ObjectKey, list[Object]] = defaultdict(list)
        for event in snapshot.events:
            about = event.get("involvedObject") or event.get("regarding") or {}
            key = (str(about.get("kind") or ""), str(about.get("namespace") or ""), str(about.get("name") or ""))
            self._events[key].append(event)
        self._owners: dict[ObjectKey, ObjectKey] = {}
        self._read_once: dict[str, Any] = {}

    def once(self, name: str, read: Callable[[], Any]) -> Any:
        """Return what `read` returned the first time: what several families need is read once for each snapshot."""
        if name not in self._read_once:
            self._read_once[name] = read()
        return self._read_once[name]

    def all(self, kind: str) -> list[Object]:
        """Return the objects of a kind by namespace and name."""
        return self._by_kind.get(kind, [])

    @property
    def pods(self) -> list[Object]:
        return self.all("Pod")

    @cached_property
    def workloads(self) -> list[Object]:
        """Deployments, StatefulSets, DaemonSets, Jobs and CronJobs."""
        return [item for kind in WORKLOADS for item in self.all(kind)]

    @cached_property
    def _workloads_by_label(self) -> Mapping[tuple[str, str, str], list[Object]]:
        index: dict[tuple[str, str, str], list[Object]] = defaultdict(list)
        for workload in self.workloads:
            labels = (template_of(workload).get("metadata") or {}).get("labels") or {}
            for name, value in labels.items():
                index[(namespace_of(workload), name, str(value))].append(workload)
        return index

    def workloads_selected(self, namespace: str, selector: Mapping[str, str]) -> list[Object]:
        """Return the workloads whose pods carry, or would carry, all labels of a non-empty selector."""
        if not selector:
            return []
        lists = [self._workloads_by_label.get((namespace, name, str(value)), []) for name, value in selector.items()]
        return [
            item
            for item in min(lists, key=len)
            if matches((template_of(item).get("metadata") or {}).get("labels") or {}, selector)
        ]

    def owner_key(self, item: Object) -> ObjectKey:
        """Return the key of the outermost controller: of a pod its Deployment, of a bare pod the pod itself."""
        key = key_of(item)
        if known := self._owners.get(key):
            return known
        current, seen = key, {key}
        found: Object | None = item
        while found is not None:
            owner = controller_of(found)
            if owner is None:
                break
            following = (str(owner.get("kind") or ""), current[1], str(owner.get("name") or ""))
            if following in seen or following[0] not in {*WORKLOADS, "ReplicaSet", "ReplicationController"}:
                break
            seen.add(following)
            current = following
            found = self.snapshot.objects.get(following)
        if current[0] == "ReplicaSet" and current not in self.snapshot.objects:
            current = self._guess_deployment(item, current)
        self._owners[key] = current
        return current

    def _guess_deployment(self, pod: Object, replica_set: ObjectKey) -> ObjectKey:
        """Go by a ReplicaSet's name, `<deployment>-<pod-template-hash>`, when the set itself was not read."""
        template_hash = labels_of(pod).get("pod-template-hash")
        name = replica_set[2].removesuffix(f"-{template_hash}") if template_hash else replica_set[2]
        candidate = ("Deployment", replica_set[1], name)
        return candidate if candidate in self.snapshot.objects else replica_set

    def entity_of(self, item: Object) -> str:
        """Return what a finding about this object is about: the workload rather than its pods."""
        kind, namespace, name = self.owner_key(item)
        return "/".join(part for part in (kind, namespace, name) if part)

    @cached_property
    def _pods_by_owner(self) -> Mapping[ObjectKey, list[Object]]:
        index: dict[ObjectKey, list[Object]] = defaultdict(list)
        for pod in self.pods:
            index[self.owner_key(pod)].append(pod)
        return index

    def object_of(self, about: str) -> Object | None:
        """Return the object that an entity (`Kind/namespace/name` or `Kind/name`) names, None when it was not seen."""
        kind, _, rest = about.partition("/")
        namespace, _, name = rest.rpartition("/")
        return self.snapshot.get(kind, namespace, name)

    def pods_of(self, workload: Object) -> list[Object]:
        """Return the pods a workload owns, by name."""
        return self._pods_by_owner.get(key_of(workload), [])

    def pods_of_key(self, key: ObjectKey) -> list[Object]:
        return self._pods_by_owner.get(key, [])

    @cached_property
    def _pods_by_namespace(self) -> Mapping[str, list[Object]]:
        index: dict[str, list[Object]] = defaultdict(list)
        for pod in self.pods:
            index[namespace_of(pod)].append(pod)
        return index

    def pods_in(self, namespace: str) -> list[Object]:
        """Return the pods of a namespace, by name."""
        return self._pods_by_namespace.get(namespace, [])

    @cached_property
    def _pods_by_job(self) -> Mapping[tuple[str, str], list[Object]]:
        index: dict[tuple[str, str], list[Object]] = defaultdict(list)
        for pod in self.pods:
            owner = controller_of(pod)
            if owner is not None and owner.get("kind") == "Job":
                index[(namespace_of(pod), str(owner.get("name")))].append(pod)
        return index

    def pods_of_job(self, job: Object) -> list[Object]:
        """Return the pods of one Job, also of one that a CronJob made."""
        return self._pods_by_job.get((namespace_of(job), name_of(job)), [])

    @cached_property
    def _jobs_by_schedule(self) -> Mapping[ObjectKey, list[Object]]:
        index: dict[ObjectKey, list[Object]] = defaultdict(list)
        for job in self.all("Job"):
            index[self.owner_key(job)].append(job)
        return index

    def jobs_of(self, schedule: ObjectKey) -> list[Object]:
        """Return the Jobs that a CronJob made, by name."""
        return self._jobs_by_schedule.get(schedule, [])

    @cached_property
    def _sets_by_owner(self) -> Mapping[ObjectKey, list[Object]]:
        index: dict[ObjectKey, list[Object]] = defaultdict(list)
        for replica_set in self.all("ReplicaSet"):
            index[self.owner_key(replica_set)].append(replica_set)
        for sets in index.values():
            sets.sort(key=lambda item: (revision_of(item), key_of(item)))
        return index

    def revisions(self, deployment: Object) -> list[Object]:
        """Return a Deployment's ReplicaSets, oldest revision first."""
        return self._sets_by_owner.get(key_of(deployment), [])

    def events_of(self, item: Object, *reasons: str) -> list[Object]:
        """Return the events about an object, newest first; with `reasons` only those."""
        events = self._events.get(key_of(item), [])
        return [event for event in reversed(events) if not reasons or event.get("reason") in reasons]

    @cached_property
    def _events_by_reason(self) -> Mapping[str, list[Object]]:
        index: dict[str, list[Object]] = defaultdict(list)
        for event in self.snapshot.events:
            index[str(event.get("reason") or "")].append(event)
        return index

    def events_because(self, reason: str) -> list[Object]:
        """Return the events of one reason about any object, oldest first."""
        return self._events_by_reason.get(reason, [])

    @cached_property
    def _pods_by_label(self) -> Mapping[tuple[str, str, str], list[Object]]:
        index: dict[tuple[str, str, str], list[Object]] = defaultdict(list)
        for pod in self.pods:
            namespace = namespace_of(pod)
            for name, value in labels_of(pod).items():
                index[(namespace, name, str(value))].append(pod)
        return index

    def pods_selected(self, namespace: str, selector: Mapping[str, str]) -> list[Object]:
        """Return the pods that carry all labels of a non-empty selector; an empty one selects nothing here."""
        if not selector:
            return []
        lists = [self._pods_by_label.get((namespace, name, str(value)), []) for name, value in selector.items()]
        return [pod for pod in min(lists, key=len) if matches(labels_of(pod), selector)]

    @cached_property
    def _services_by_namespace(self) -> Mapping[str, list[Object]]:
        index: dict[str, list[Object]] = defaultdict(list)
        for service in self.all("Service"):
            index[namespace_of(service)].append(service)
        return index

    def services_in(self, namespace: str) -> list[Object]:
        """Return the Services of a namespace, by name."""
        return self._services_by_namespace.get(namespace, [])

    @cached_property
    def _names_by_namespace(self) -> Mapping[str, frozenset[str]]:
        return {space: frozenset(map(name_of, found)) for space, found in self._services_by_namespace.items()}

    def service_names(self, namespace: str) -> frozenset[str]:
        """Return the names of a namespace's Services."""
        return self._names_by_namespace.get(namespace, frozenset())

    @cached_property
    def service_by_ip(self) -> Mapping[str, Object]:
        """Services by their cluster IPs."""
        found: dict[str, Object] = {}
        for service in self.all("Service"):
            for address in (spec_of(service).get("clusterIP"), *(spec_of(service).get("clusterIPs") or ())):
                if address and address != "None":
                    found[str(address)] = service
        return found

    @cached_property
    def pod_by_ip(self) -> Mapping[str, Object]:
        """Pods by their addresses; those that share their node's are left out."""
        return {
            str(address): pod
            for pod in self.pods
            if not spec_of(pod).get("hostNetwork") and (address := status_of(pod).get("podIP"))
        }

    @cached_property
    def _policies_by_namespace(self) -> Mapping[str, list[Object]]:
        index: dict[str, list[Object]] = defaultdict(list)
        for policy in self.all("NetworkPolicy"):
            index[namespace_of(policy)].append(policy)
        return index

    def policies_in(self, namespace: str) -> list[Object]:
        """Return the NetworkPolicies of a namespace, by name."""
        return self._policies_by_namespace.get(namespace, [])

    def services_of(self, namespace: str, labels: Mapping[str, str]) -> list[Object]:
        """Return the Services whose selector these labels satisfy."""
        return [
            service
            for service in self._services_by_namespace.get(namespace, [])
            if (selector := (service.get("spec") or {}).get("selector")) and matches(labels, selector)
        ]

    def log(self, pod: Object, container: str, *, previous: bool) -> tuple[str, ...]:
        """Return a container's log as lines, empty when there is none."""
        return self.snapshot.logs.get((namespace_of(pod), name_of(pod), container, previous), ())

    @cached_property
    def _logged(self) -> frozenset[tuple[str, str]]:
        return frozenset((namespace, pod) for namespace, pod, _, previous in self.snapshot.logs if not previous)

    def has_log(self, pod: Object) -> bool:
        """Say whether any current log of a pod was read."""
        return (namespace_of(pod), name_of(pod)) in self._logged

    def age_seconds(self, time: object) -> float | None:
        """Return how long before the snapshot a time of the API was; None when it is not a time."""
        parsed = parse_time(time)
        return (self.now - parsed).total_seconds() if parsed else None

    def event_age(self, event: Object) -> float:
        """Return seconds since an event was last seen; infinite when it carries no time."""
        age = self.age_seconds(event_time(event))
        return age if age is not None else float("inf")
