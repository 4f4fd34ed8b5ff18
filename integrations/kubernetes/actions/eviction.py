"""Asking the server to evict a pod: it deletes the pod only as far as the disruption budgets allow."""

from bot.domain.entity import ObjectRef
from bot.errors import Conflict, NotFound
from integrations.kubernetes.actions.contract import ClusterAPI
from integrations.kubernetes.errors import EvictionBlocked


async def request_eviction(cluster: ClusterAPI, pod: ObjectRef, uid: str, *, dry_run: bool = False) -> None:
    """Evict exactly the pod with `uid`.

    Raise EvictionBlocked when a budget forbids it now, NotFound when that pod is gone, Conflict when the server
    found the pod in motion.
    """
    options: dict[str, object] = {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": {"uid": uid}}
    if dry_run:
        options["dryRun"] = ["All"]
    body = {
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": {"name": pod.name, "namespace": pod.namespace},
        "deleteOptions": options,
    }
    await cluster.create("Pod", pod.namespace, body, name=pod.name, subresource="eviction", dry_run=dry_run)


async def evict_if_allowed(cluster: ClusterAPI, pod: ObjectRef, uid: str) -> str:
    """Evict a pod. Return "" when it goes or is gone, else why it stays for now."""
    try:
        await request_eviction(cluster, pod, uid)
    except NotFound:
        return ""
    except EvictionBlocked as error:
        return error.why
    except Conflict:
        return "it changed just now"
    return ""
