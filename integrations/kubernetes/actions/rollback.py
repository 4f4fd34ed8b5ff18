"""Go back to an earlier revision of a Deployment.

apps/v1 has no call for it: the pod template of the revision's ReplicaSet is written into the Deployment.
"""

# ruff: noqa: ARG002 - the signatures are the contract's

import copy
from typing import Any

from pydantic import Field

from bot.domain.action import ActionRequest
from bot.domain.base import Frozen
from bot.domain.entity import ObjectRef
from bot.errors import AuthenticationFailed, InvalidInput, NotFound
from integrations.kubernetes.actions.contract import Advice, Scene
from integrations.kubernetes.actions.patch_action import Change
from integrations.kubernetes.actions.patching import Edit, Obj
from integrations.kubernetes.actions.references import config_maps
from integrations.kubernetes.actions.rendering import kubectl
from integrations.kubernetes.actions.surroundings import name_of
from integrations.kubernetes.actions.workload import (
    WorkloadAction,
    read_template,
    require_not_paused,
    revision_of,
)


class RollbackParams(Frozen):
    """To which revision, as `kubectl rollout history` numbers them."""

    to_revision: int = Field(ge=1, description="revision to go back to, as `kubectl rollout history` numbers them")


class Rollback(WorkloadAction[RollbackParams]):
    """`kubectl rollout undo --to-revision`."""

    name = "rollback"
    summary = "Roll a Deployment back to an earlier revision of its pod template."
    kinds = ("Deployment",)
    risk_class = "D"
    reversible = True
    verbs = ("get deployments.apps", "patch deployments.apps", "list replicasets.apps", "get configmaps")
    preconditions = (
        "the rollout is not paused",
        "the revision's ReplicaSet still exists and is not failing itself",
        "the ConfigMaps that the revision refers to exist",
    )
    undo_words = "roll back to the revision that was current"
    params_model = RollbackParams

    async def change(self, scene: Scene, params: RollbackParams) -> Change:
        """See `PatchAction.change`."""
        replica_set = await self._replica_set(scene, params.to_revision)
        template = copy.deepcopy(read_template(replica_set))
        (template.get("metadata") or {}).get("labels", {}).pop("pod-template-hash", None)
        present = revision_of(scene.current)
        command = kubectl(scene.target, "rollout", "undo", scene.target.short, f"--to-revision={params.to_revision}")
        # A template holds the values of all variables: it stays out of the tests, the generation stands for it.
        return Change(
            edits=(Edit(("spec", "template"), template, private=True),),
            command=command,
            pre_image={"revision": present} if present else {},
        )

    async def check(self, scene: Scene, params: RollbackParams) -> Advice:
        """See `PatchAction.check`."""
        require_not_paused(scene)
        replica_set = await self._replica_set(scene, params.to_revision)
        await self._require_config_maps(scene, replica_set)
        return await self.advise(scene, *_availability(scene, replica_set, params.to_revision))

    def undo(self, target: ObjectRef, params: RollbackParams, pre_image: dict[str, Any]) -> ActionRequest | None:
        """See `PatchAction.undo`."""
        if not pre_image.get("revision"):
            return None
        return undo_by_rollback(target, int(pre_image["revision"]))

    def describe(self, target: ObjectRef, params: RollbackParams) -> str:
        """See `PatchAction.describe`."""
        return f"{target} was rolled back to revision {params.to_revision}."

    async def _replica_set(self, scene: Scene, revision: int) -> Obj:
        uid, known = scene.current["metadata"]["uid"], []
        for replica_set in await scene.cluster.list("ReplicaSet", scene.target.namespace):
            owners = replica_set["metadata"].get("ownerReferences") or []
            if any(owner.get("uid") == uid for owner in owners) and (number := revision_of(replica_set)):
                if number == revision:
                    return replica_set
                known.append(number)
        kept = ", ".join(str(number) for number in sorted(known)) or "none"
        raise InvalidInput(f"{scene.target} has no revision {revision} any more; it has {kept}.")

    async def _require_config_maps(self, scene: Scene, replica_set: Obj) -> None:
        for name in sorted(config_maps(read_template(replica_set))):
            try:
                await scene.cluster.get(ObjectRef(kind="ConfigMap", name=name, namespace=scene.target.namespace))
            except NotFound:
                raise InvalidInput(f"That revision needs ConfigMap {name}, which does not exist any more.") from None
            except AuthenticationFailed:
                return


def _availability(scene: Scene, replica_set: Obj, revision: int) -> tuple[str, ...]:
    """Refuse a revision that fails right now; warn where the cluster keeps no proof that it ever worked."""
    status = replica_set.get("status") or {}
    if status.get("availableReplicas"):
        return ()
    if (replica_set.get("spec") or {}).get("replicas") and status.get("replicas"):
        raise InvalidInput(f"Revision {revision} is failing itself: none of its replicas is available.")
    for condition in (scene.current.get("status") or {}).get("conditions") or []:
        finished = condition.get("reason") == "NewReplicaSetAvailable"
        if finished and f'"{name_of(replica_set)}"' in condition.get("message", ""):
            return ()
    return (f"Revision {revision} runs no pod now, so the cluster cannot prove that it ever worked.",)


def undo_by_rollback(target: ObjectRef, revision: int) -> ActionRequest:
    """Return the request to go back to a revision; it carries no value of the template."""
    return ActionRequest(
        action="rollback",
        target=target,
        params={"to_revision": revision},
        reason=f"Undo: go back to revision {revision}, which was current before.",
    )
