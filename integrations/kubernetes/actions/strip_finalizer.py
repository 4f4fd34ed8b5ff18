"""Take one finalizer off an object that waits for it for ever.

A finalizer is a promise of some controller to clean up first. Taking it off lets the object go and skips that, so it is
the last resort where the controller is gone for good.
"""

# ruff: noqa: ARG002 - the signatures are the contract's

from collections.abc import Callable
from datetime import datetime
from typing import Any

from pydantic import Field

from bot.domain.action import ActionRequest, Applied, Check, Preview
from bot.domain.base import Frozen
from bot.domain.entity import ObjectRef
from bot.errors import InvalidInput, NotFound
from integrations.kubernetes.actions import grammar
from integrations.kubernetes.actions.claims import users_of
from integrations.kubernetes.actions.contract import Advice, ClusterAPI, Scene
from integrations.kubernetes.actions.patch_action import Change, PatchAction
from integrations.kubernetes.actions.patching import Edit, operations
from integrations.kubernetes.actions.rendering import kubectl_json_patch
from integrations.kubernetes.actions.watching import Look, Timing

_FINALIZERS = ("metadata", "finalizers")
_CLAIM_IN_USE = "kubernetes.io/pvc-protection"
_GARBAGE_COLLECTOR = frozenset({"foregroundDeletion", "orphan"})


class StripFinalizerParams(Frozen):
    """Exactly one."""

    finalizer: grammar.Finalizer = Field(description="the finalizer, as it stands in metadata.finalizers")


class StripFinalizer(PatchAction[StripFinalizerParams]):
    """`kubectl patch` of metadata.finalizers."""

    name = "strip_finalizer"
    summary = "Take one finalizer off an object that is stuck in its deletion; its clean-up is skipped."
    kinds = ("Pod", "PersistentVolumeClaim", "Namespace")
    risk_class = "X"
    reversible = False
    verbs = (
        "get pods", "patch pods", "list pods", "get persistentvolumeclaims", "patch persistentvolumeclaims",
        "get namespaces", "patch namespaces",
    )  # fmt: skip
    preconditions = (
        "the object is being deleted",
        "the finalizer stands in metadata.finalizers (not in a Namespace's spec.finalizers)",
        "no pod uses a claim whose kubernetes.io/pvc-protection is taken off",
    )
    undo_words = "none: the object is gone"
    params_model = StripFinalizerParams
    takes_terminating = True

    async def change(self, scene: Scene, params: StripFinalizerParams) -> Change:
        """See `PatchAction.change`."""
        present = scene.current["metadata"].get("finalizers") or []
        edits: tuple[Edit, ...] = ()
        if params.finalizer in present:
            edits = (Edit(_FINALIZERS, [item for item in present if item != params.finalizer]),)
        command = kubectl_json_patch(scene.target, operations(scene.current, edits, guarded=False))
        return Change(edits=edits, command=command)

    async def preview(self, cluster: ClusterAPI, request: ActionRequest, now: Callable[[], datetime]) -> Preview:
        """See `Remediator.preview`."""
        _require_present(await cluster.get(request.target), request.target, self.parse(request).finalizer)
        return await super().preview(cluster, request, now)

    async def check(self, scene: Scene, params: StripFinalizerParams) -> Advice:
        """See `PatchAction.check`."""
        metadata, target = scene.current["metadata"], scene.target
        since = metadata.get("deletionTimestamp")
        if not since:
            raise InvalidInput(f"{target} is not being deleted: its finalizers hold nothing up.")
        skipped = f"Whatever clean-up {params.finalizer} stands for is skipped for good"
        warnings = [f"{skipped}: look first whether its controller can be brought back."]
        if params.finalizer == _CLAIM_IN_USE:
            users = await users_of(scene.cluster, target)
            if users or users is None:
                who = ", ".join(users[:5]) if users else "perhaps some, they could not be read"
                raise InvalidInput(f"Pods still use {target} ({who}): the finalizer protects their data.")
            warnings.append("The claim goes, and with it the data if its volume's reclaim policy is Delete.")
        if params.finalizer in _GARBAGE_COLLECTOR:
            warnings.append("This is the garbage collector's own: what the object owns may be left behind.")
        if target.kind == "Namespace" and (scene.current.get("spec") or {}).get("finalizers"):
            warnings.append("The Namespace still waits for spec.finalizers: its content has to go first.")
        others = [item for item in metadata.get("finalizers") or [] if item != params.finalizer]
        rest = f"then it waits for {', '.join(others)}" if others else "then it is gone at once"
        return Advice(tuple(warnings), (f"{target}: being deleted since {since}; {rest}",))

    async def apply(
        self,
        cluster: ClusterAPI,
        request: ActionRequest,
        preview: Preview,
        action_id: str,
        now: Callable[[], datetime],
        timing: Timing,
    ) -> Applied:
        """See `Remediator.apply`. An object that is gone is what was wanted."""
        try:
            return await super().apply(cluster, request, preview, action_id, now, timing)
        except NotFound:
            state = {"uid": preview.precondition.get("uid")}
            return Applied(summary=f"{request.target} was gone before.", already_done=True, state=state)

    def undo(self, target: ObjectRef, params: StripFinalizerParams, pre_image: dict[str, Any]) -> ActionRequest | None:
        """See `PatchAction.undo`."""
        return None

    def describe(self, target: ObjectRef, params: StripFinalizerParams) -> str:
        """See `PatchAction.describe`."""
        return f"The finalizer {params.finalizer} was taken off {target}."

    async def look(self, cluster: ClusterAPI, request: ActionRequest, applied: Applied) -> Look:
        """See `RemediationAction.look`."""
        finalizer = self.parse(request).finalizer
        try:
            found = await cluster.get(request.target)
        except NotFound:
            return Look((Check(name="gone", passed=True, detail=f"{request.target} is gone"),))
        if found["metadata"]["uid"] != applied.state.get("uid"):
            return Look((Check(name="gone", passed=True, detail="a new object has its name"),))
        left = found["metadata"].get("finalizers") or []
        # What else it waits for was said before the approval: this finalizer does not hold it up any more.
        what = f"it waits for {', '.join(left)}" if left else "no finalizer holds it up"
        return Look((Check(name="finalizer", passed=finalizer not in left, detail=what),))


def _require_present(obj: dict[str, Any], target: ObjectRef, finalizer: str) -> None:
    present = obj["metadata"].get("finalizers") or []
    if finalizer in present:
        return
    if finalizer in ((obj.get("spec") or {}).get("finalizers") or []):
        raise InvalidInput(
            f"{finalizer} is one of the Namespace's spec.finalizers, which the bot does not touch: what is still in"
            f" {target.name} has to go first."
        )
    raise InvalidInput(f"{target} has no finalizer {finalizer}; it has {', '.join(present) or 'none'}.")
