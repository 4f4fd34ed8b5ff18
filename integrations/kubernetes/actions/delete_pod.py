"""Delete a pod that its controller replaces."""

# ruff: noqa: ARG002 - the signatures are the contract's

from bot.domain.entity import ObjectRef
from integrations.kubernetes.actions.contract import ClusterAPI
from integrations.kubernetes.actions.patching import Obj
from integrations.kubernetes.actions.pod_replacement import PodReplacement
from integrations.kubernetes.actions.rendering import kubectl


class DeletePod(PodReplacement):
    """`kubectl delete pod`."""

    name = "delete_pod"
    summary = "Delete one pod, so that its controller starts a fresh one."
    verbs = ("get pods", "list pods", "delete pods")
    preconditions = ("a controller owns the pod and will replace it",)

    def command(self, target: ObjectRef) -> str:
        """See `PodReplacement.command`."""
        return kubectl(target, "delete", target.short)

    async def rehearse(self, cluster: ClusterAPI, target: ObjectRef, uid: str, budgets: list[Obj]) -> None:
        """See `PodReplacement.rehearse`."""
        await cluster.delete(target, uid=uid, dry_run=True)

    def strain(self, budget: Obj) -> str:
        """See `PodReplacement.strain`."""
        return f"Deleting does not ask PodDisruptionBudget {budget['metadata']['name']}, which allows no disruption."
