"""Evict a pod that its controller replaces: like deleting it, but the disruption budgets are asked."""

from bot.domain.entity import ObjectRef
from bot.errors import Conflict, InvalidInput
from integrations.kubernetes.actions.contract import ClusterAPI
from integrations.kubernetes.actions.eviction import request_eviction
from integrations.kubernetes.actions.patching import Obj
from integrations.kubernetes.actions.pod_replacement import PodReplacement
from integrations.kubernetes.actions.removal import Moved
from integrations.kubernetes.actions.rendering import kubectl
from integrations.kubernetes.actions.surroundings import name_of
from integrations.kubernetes.errors import EvictionBlocked


class Evict(PodReplacement):
    """`POST pods/eviction`."""

    name = "evict"
    summary = "Evict one pod, if its disruption budget allows it, so that its controller starts a fresh one."
    verbs = ("get pods", "list pods", "create pods/eviction")
    preconditions = ("a controller owns the pod and will replace it", "its PodDisruptionBudget allows it")
    done = "evicted"

    def command(self, target: ObjectRef) -> str:
        """See `PodReplacement.command`. kubectl has no command for one eviction but a request to the API."""
        path = f"/api/v1/namespaces/{target.namespace}/pods/{target.name}/eviction"
        body = (
            '{"apiVersion":"policy/v1","kind":"Eviction",'
            f'"metadata":{{"name":"{target.name}","namespace":"{target.namespace}"}}}}'
        )
        create = kubectl(ObjectRef(kind="Pod", name=target.name), "create", f"--raw={path}", "--filename=-")
        return f"echo '{body}' | {create}"

    async def rehearse(self, cluster: ClusterAPI, target: ObjectRef, uid: str, budgets: list[Obj]) -> None:
        """See `PodReplacement.rehearse`."""
        if len(budgets) > 1:
            names = ", ".join(name_of(budget) for budget in budgets)
            raise InvalidInput(f"{target} has several PodDisruptionBudgets ({names}): the server evicts no such pod.")
        try:
            await request_eviction(cluster, target, uid, dry_run=True)
        except EvictionBlocked as error:
            raise InvalidInput(
                f"{target} cannot be evicted now: {error.why}.",
                next_step="Run one more replica, or wait until the others are ready.",
            ) from error

    async def remove(self, cluster: ClusterAPI, target: ObjectRef, uid: str, version: str) -> None:  # noqa: ARG002
        """See `RemovalAction.remove`. A budget that says no ends it: nothing is tried again behind its back."""
        try:
            await request_eviction(cluster, target, uid)
        except EvictionBlocked as error:
            raise InvalidInput(
                f"{target} was not evicted, and nothing was changed: {error.why}.",
                next_step="Run one more replica, or wait until the others are ready.",
            ) from error
        except Conflict as error:
            raise Moved from error
