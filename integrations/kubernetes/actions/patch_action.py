"""Actions that change fields of one object: the shared way to preview, apply and recognise them.

An approval is bound to what was looked at: the UID, the generation and a digest of the values that will be changed.
The resourceVersion may move on (the status of a crashing pod moves it all the time): then the write is made again
against the new version, as long as everything that the approval is bound to is still the same.
"""

import asyncio
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from bot.domain.action import ActionRequest, Applied, Preview
from bot.domain.base import digest
from bot.domain.entity import ObjectRef
from bot.domain.redaction import redact, redact_json
from bot.errors import Conflict, InvalidInput
from integrations.kubernetes.actions.contract import ACTION_ID, Advice, ClusterAPI, P, RemediationAction, Scene
from integrations.kubernetes.actions.ownership import owner_warnings
from integrations.kubernetes.actions.patching import (
    ABSENT,
    Edit,
    Obj,
    apply_edits,
    is_done,
    operations,
    pointer,
    read_at,
)
from integrations.kubernetes.actions.rendering import unified_diff
from integrations.kubernetes.actions.surroundings import namespace_warnings
from integrations.kubernetes.actions.watching import Timing
from integrations.kubernetes.client import JSON_PATCH


@dataclass(frozen=True, slots=True)
class Change:
    """The edits of one request, the kubectl equivalent, and what undo needs (free of secrets)."""

    edits: tuple[Edit, ...]
    command: str
    pre_image: dict[str, Any] = field(default_factory=dict)
    subresource: str | None = None


class PatchAction(RemediationAction[P]):
    """An action that is one JSON patch."""

    @abstractmethod
    async def change(self, scene: Scene, params: P) -> Change:
        """Return what has to be edited. Raise InvalidInput when the object has no place for it."""

    @abstractmethod
    async def check(self, scene: Scene, params: P) -> Advice:
        """Check the preconditions on the object as it is. Raise InvalidInput when one does not hold."""

    @abstractmethod
    def undo(self, target: ObjectRef, params: P, pre_image: dict[str, Any]) -> ActionRequest | None:
        """Return the request that takes the change back, or None where there is none."""

    async def preview(self, cluster: ClusterAPI, request: ActionRequest, now: Callable[[], datetime]) -> Preview:
        """See `Remediator.preview`."""
        params = self.parse(request)
        scene = Scene(cluster, request.target, await self._read(cluster, request.target), now)
        change = await self.change(scene, params)
        if self.is_done(scene, change):
            raise InvalidInput(f"{request.target} is already as {self.name} would make it.")
        advice = await self.check(scene, params)
        scene, change, rehearsed = await self._rehearse(scene, params, change)
        return Preview(
            command=change.command,
            diff=unified_diff(request.target, scene.current, rehearsed),
            risk=self.risk(params),
            blast_radius="; ".join(part for part in advice.reach if part),
            warnings=(
                *owner_warnings(scene.current, change.edits),
                *namespace_warnings(request.target.namespace),
                *advice.warnings,
            ),
            reversible=self.undo(request.target, params, change.pre_image) is not None,
            precondition=_bind(scene.current, change.edits),
            pre_image=change.pre_image,
        )

    async def apply(
        self,
        cluster: ClusterAPI,
        request: ActionRequest,
        preview: Preview,
        action_id: str,
        now: Callable[[], datetime],
        timing: Timing,
    ) -> Applied:
        """See `Remediator.apply`."""
        params = self.parse(request)
        undo = self.undo(request.target, params, preview.pre_image)
        scene = Scene(cluster, request.target, await self._read(cluster, request.target), now)
        for attempt in range(timing.retries + 1):
            change = await self.change(scene, params)
            if done := self._already_done(scene, change, preview, action_id, undo):
                return done
            _require_unchanged(scene, change, preview)
            if attempt == 0:
                await self.check(scene, params)
            try:
                after = await self._send(scene, change, action_id)
            except (Conflict, InvalidInput) as error:
                # A failed `test` is a 422 from some servers and a 409 from others: what moved says what it was.
                refused = scene.current
                scene = Scene(cluster, request.target, await self._read(cluster, request.target), now)
                if _version(scene.current) == _version(refused) or attempt == timing.retries:
                    raise _cleaned(error) from None
                await asyncio.sleep(timing.retry_pause * (attempt + 1))
            else:
                return Applied(
                    summary=self.describe(request.target, params),
                    undo=undo,
                    state=self.state(scene.current, after),
                )
        raise Conflict(f"{request.target} changes faster than it can be written.")  # pragma: no cover - loop returns

    @abstractmethod
    def describe(self, target: ObjectRef, params: P) -> str:
        """Say in one sentence, past tense, what was done; nothing secret."""

    def state(self, before: Obj, after: Obj) -> dict[str, Any]:
        """Return what verify needs."""
        metadata = {**before["metadata"], **(after.get("metadata") or {})}
        state = {"uid": before["metadata"]["uid"]}
        return {**state, "generation": metadata["generation"]} if "generation" in metadata else state

    def _already_done(
        self, scene: Scene, change: Change, preview: Preview, action_id: str, undo: ActionRequest | None
    ) -> Applied | None:
        current, target = scene.current, scene.target
        if current["metadata"]["uid"] != preview.precondition.get("uid"):
            raise Conflict(f"{target} was deleted and created again since it was looked at.")
        state = self.state(current, current)
        if (current["metadata"].get("annotations") or {}).get(ACTION_ID) == action_id:
            return Applied(
                summary=f"{target}: this action was carried out before.", already_done=True, undo=undo, state=state
            )
        if self.is_done(scene, change):
            return Applied(
                summary=f"{target} was already in the desired state.",
                already_done=True,
                undo=undo if self.recognises_by_state else None,
                state=state,
            )
        return None

    recognises_by_state = False
    """True where the write has no place for the annotation: then the desired state is taken for our own work."""

    takes_terminating = False
    """True where the action is meant for objects that are being deleted already."""

    def is_done(self, scene: Scene, change: Change) -> bool:
        """Return whether there is nothing left to do."""
        return is_done(scene.current, change.edits)

    async def _read(self, cluster: ClusterAPI, target: ObjectRef) -> Obj:
        current = await cluster.get(target)
        if current["metadata"].get("deletionTimestamp") and not self.takes_terminating:
            raise InvalidInput(f"{target} is being deleted.")
        return current

    async def _rehearse(self, scene: Scene, params: P, change: Change) -> tuple[Scene, Change, Obj]:
        """Dry-run on the server; once more from the start when the object moved in between."""
        for attempt in range(5):
            try:
                after = await scene.cluster.patch(
                    scene.target,
                    operations(scene.current, change.edits),
                    content_type=JSON_PATCH,
                    dry_run=True,
                    subresource=change.subresource,
                )
            except (Conflict, InvalidInput) as error:
                fresh = await self._read(scene.cluster, scene.target)
                if _version(fresh) == _version(scene.current) or attempt == 4:
                    raise _cleaned(error) from None
                scene = Scene(scene.cluster, scene.target, fresh, scene.now)
                change = await self.change(scene, params)
            else:
                # A subresource answers with an object of its own kind: what it does to the parent is the edit itself.
                return scene, change, apply_edits(scene.current, change.edits) if change.subresource else after
        raise Conflict(f"{scene.target} changes faster than it can be looked at.")  # pragma: no cover - loop returns

    async def _send(self, scene: Scene, change: Change, action_id: str) -> Obj:
        edits = change.edits
        if change.subresource is None:
            edits = (*edits, Edit(("metadata", "annotations", ACTION_ID), action_id))
        return await scene.cluster.patch(
            scene.target,
            operations(scene.current, edits),
            content_type=JSON_PATCH,
            subresource=change.subresource,
        )


def _version(obj: Obj) -> tuple[Any, Any]:
    return obj["metadata"]["uid"], obj["metadata"]["resourceVersion"]


def _bind(current: Obj, edits: tuple[Edit, ...]) -> dict[str, Any]:
    """Return what an approval is bound to. Secrets stay out of the digest: a short one could be guessed from it."""
    metadata = current["metadata"]
    masked = redact_json(current)
    old = {pointer(edit.path): None if (v := read_at(masked, edit.path)) is ABSENT else v for edit in edits}
    bound = {"uid": metadata["uid"], "resourceVersion": metadata["resourceVersion"], "values": digest(old)}
    return {**bound, "generation": metadata["generation"]} if "generation" in metadata else bound


def _require_unchanged(scene: Scene, change: Change, preview: Preview) -> None:
    bound, present = preview.precondition, _bind(scene.current, change.edits)
    if bound.get("generation") != present.get("generation"):
        raise Conflict(f"The specification of {scene.target} was changed since it was looked at.")
    if bound.get("values") != present["values"]:
        raise Conflict(f"The values that would be changed in {scene.target} are not those that were looked at.")


def _cleaned(error: Conflict | InvalidInput) -> Conflict | InvalidInput:
    """Return the refusal without what the server quoted of the object."""
    return type(error)(redact(error.message), next_step=error.next_step)
