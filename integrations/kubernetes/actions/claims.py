"""Who uses a PersistentVolumeClaim."""

from bot.domain.entity import ObjectRef
from integrations.kubernetes.actions.contract import ClusterAPI
from integrations.kubernetes.actions.node_scheduling import is_finished
from integrations.kubernetes.actions.patching import Obj
from integrations.kubernetes.actions.surroundings import list_or_none, name_of


def mounts(template: Obj, claim: str) -> bool:
    """Return whether a pod, or a template of pods, mounts a claim of its namespace."""
    volumes = (template.get("spec") or {}).get("volumes") or []
    return any((volume.get("persistentVolumeClaim") or {}).get("claimName") == claim for volume in volumes)


async def users_of(cluster: ClusterAPI, claim: ObjectRef) -> list[str] | None:
    """Return the names of the pods that use a claim and have not ended, None when pods cannot be read."""
    pods = await list_or_none(cluster, "Pod", claim.namespace)
    if pods is None:
        return None
    return [name_of(pod) for pod in pods if mounts(pod, claim.name) and not is_finished(pod)]


def describe_users(users: list[str] | None) -> str:
    if users is None:
        return "pods that use it: unknown, they could not be read"
    shown = ", ".join(users[:5]) + (f" and {len(users) - 5} more" if len(users) > 5 else "")
    return f"{len(users)} pods use it" + (f": {shown}" if users else "")
