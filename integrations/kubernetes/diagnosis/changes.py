"""What changed between revisions, and which revision to go back to."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bot.domain.finding import SuggestedAction
from bot.domain.redaction import MARKER
from integrations.kubernetes.diagnosis.findings import action
from integrations.kubernetes.diagnosis.graph import Graph
from integrations.kubernetes.diagnosis.objects import condition_of, revision_of, status_of, template_of, timestamp_of
from integrations.kubernetes.snapshot import Object, parse_time

Template = dict[str, Any]
_YOUNG_SECONDS = 86400.0
_SETTLING_SECONDS = 600.0
_BACK_OFF_SECONDS = 330.0  # how far apart the restarts of a crash loop are in the end


@dataclass(frozen=True, slots=True)
class Revisions:
    """A Deployment's current ReplicaSet and the ones before it, newest first."""

    current: Object | None
    earlier: tuple[Object, ...]


def revisions_of(graph: Graph, workload: Object) -> Revisions:
    """Return the history of a Deployment; empty for anything else."""
    sets = [item for item in graph.revisions(workload) if revision_of(item) > 0]
    if not sets:
        return Revisions(None, ())
    return Revisions(sets[-1], tuple(reversed(sets[:-1])))


def container_of(template: Template, name: str) -> dict[str, Any]:
    """Return a container of a pod template by name, empty when there is none."""
    spec = template.get("spec") or {}
    for key in ("containers", "initContainers"):
        for container in spec.get(key) or ():
            if container.get("name") == name:
                return dict(container)
    return {}


def env_names(container: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {str(entry.get("name")): entry for entry in container.get("env") or ()}


def mount_paths(container: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {str(mount.get("mountPath")): mount for mount in container.get("volumeMounts") or ()}


def compare_templates(old: Template, new: Template) -> list[str]:
    """Return what changed as short phrases, such as `removed the mount of /etc/app from web`."""
    changes: list[str] = []
    old_containers = {c.get("name"): c for c in (old.get("spec") or {}).get("containers") or ()}
    new_containers = {c.get("name"): c for c in (new.get("spec") or {}).get("containers") or ()}
    changes += [f"removed the container {name}" for name in old_containers if name not in new_containers]
    changes += [f"added the container {name}" for name in new_containers if name not in old_containers]
    for name, before in old_containers.items():
        if after := new_containers.get(name):
            changes += _compare_containers(str(name), before, after)
    skipped = {"containers"}
    old_spec, new_spec = old.get("spec") or {}, new.get("spec") or {}
    for key in sorted(({*old_spec, *new_spec}) - skipped):
        if old_spec.get(key) != new_spec.get(key):
            changes.append(f"changed {key}")
    return changes


def _compare_containers(name: str, before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    changes: list[str] = []
    if before.get("image") != after.get("image"):
        changes.append(f"changed the image of {name} from {before.get('image')} to {after.get('image')}")
    old_env, new_env = env_names(before), env_names(after)
    changes += [f"removed the variable {env} from {name}" for env in old_env if env not in new_env]
    changes += [f"added the variable {env} to {name}" for env in new_env if env not in old_env]
    changes += [
        f"changed the variable {env} of {name}" for env in old_env if old_env[env] != new_env.get(env, old_env[env])
    ]
    old_mounts, new_mounts = mount_paths(before), mount_paths(after)
    changes += [f"removed the mount of {path} from {name}" for path in old_mounts if path not in new_mounts]
    changes += [f"added a mount of {path} to {name}" for path in new_mounts if path not in old_mounts]
    handled = {"image", "env", "volumeMounts", "name"}
    changes += [
        f"changed {key} of {name}" for key in sorted({*before, *after} - handled) if before.get(key) != after.get(key)
    ]
    return changes


def good_revision(graph: Graph, workload: Object, is_good: Callable[[Template], bool] | None = None) -> Object | None:
    """Return the revision to go back to: one that runs now, else the newest earlier one without the fault."""
    history = revisions_of(graph, workload)
    if history.current is None:
        return None
    present = template_of(history.current)
    candidates = [
        item
        for item in history.earlier
        if not is_same_template(template_of(item), present) and (is_good is None or is_good(template_of(item)))
    ]
    running = [item for item in candidates if int(status_of(item).get("readyReplicas") or 0) > 0]
    return next(iter(running or candidates), None)


def is_same_template(one: Template, other: Template) -> bool:
    return (one.get("spec") or {}) == (other.get("spec") or {})


def rollback_action(
    graph: Graph, workload: Object | None, target: str, is_good: Callable[[Template], bool] | None = None
) -> SuggestedAction | None:
    """Return the rollback that undoes the fault, with what the earlier revision has that the present one lacks."""
    if workload is None or workload.get("kind") != "Deployment":
        return None
    good = good_revision(graph, workload, is_good)
    current = revisions_of(graph, workload).current
    if good is None or current is None or (is_good is None and not _is_suspect(graph, workload, good, current)):
        return None
    changes = compare_templates(template_of(good), template_of(current))
    told = "; ".join(changes[:3]) or "changed the template"
    reason = f"revision {revision_of(current)} {told}; revision {revision_of(good)} {_record(good, current)}"
    return action("rollback", target, reason, to_revision=revision_of(good))


def _is_suspect(graph: Graph, workload: Object, good: Object, current: Object) -> bool:
    """Whether the trouble may have come with the present revision: it is young, it never ran well, or its like does.

    A revision that ran well for days is no cause of what began an hour ago, and going back from it no remedy.
    """
    age = graph.age_seconds(timestamp_of(current))
    if age is None or age <= _YOUNG_SECONDS or int(status_of(good).get("readyReplicas") or 0) > 0:
        return True
    return any(_never_ran_well(graph, pod) for pod in graph.pods_of(workload))


def _never_ran_well(graph: Graph, pod: Object) -> bool:
    age, ready = graph.age_seconds(timestamp_of(pod)), condition_of(pod, "Ready")
    if age is None or ready is None or ready[1].get("status") == "True":
        return False
    since = graph.age_seconds(ready[1].get("lastTransitionTime"))
    statuses = status_of(pod).get("containerStatuses") or ()
    restarts = max((int(status.get("restartCount") or 0) for status in statuses), default=0)
    return (since is not None and age - since <= _SETTLING_SECONDS) or restarts * _BACK_OFF_SECONDS >= age / 2


def _record(good: Object, current: Object) -> str:
    """Return what speaks for an earlier revision."""
    ready = int(status_of(good).get("readyReplicas") or 0)
    if ready:
        return f"still has {ready} ready pod{'' if ready == 1 else 's'}"
    began = parse_time((good.get("metadata") or {}).get("creationTimestamp"))
    ended = parse_time((current.get("metadata") or {}).get("creationTimestamp"))
    if began and ended and (ended - began).total_seconds() >= 60:
        return f"ran for {duration_text((ended - began).total_seconds())} before"
    return "ran before"


def duration_text(seconds: float) -> str:
    """Return `40 s`, `5 min`, `3 h` or `2 days`."""
    for unit, size in (("days", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def earlier_container(
    graph: Graph, workload: Object | None, name: str, wanted: Callable[[dict[str, Any]], bool]
) -> tuple[int, dict[str, Any]] | None:
    """Return the newest earlier revision's container that satisfies `wanted`, with the revision."""
    if workload is None:
        return None
    for item in revisions_of(graph, workload).earlier:
        container = container_of(template_of(item), name)
        if container and wanted(container):
            return revision_of(item), container
    return None


def is_redacted(value: object) -> bool:
    """Say whether a value was taken out while reading, so that it cannot be copied."""
    return MARKER in str(value)


def describe_change(graph: Graph, workload: Object | None) -> str:
    """Return ` Revision 4 (by helm, 40 s before the snapshot) removed ...`, or nothing without history."""
    if workload is None:
        return ""
    history = revisions_of(graph, workload)
    if history.current is None or not history.earlier:
        return ""
    changes = compare_templates(template_of(history.earlier[0]), template_of(history.current))
    if not changes or not _is_suspect(graph, workload, history.earlier[0], history.current):
        return ""
    age = graph.age_seconds((history.current.get("metadata") or {}).get("creationTimestamp"))
    when = f" ({duration_text(age)} ago)" if age is not None and age >= 0 else ""
    return f" Revision {revision_of(history.current)}{when} {'; '.join(changes[:2])}."
