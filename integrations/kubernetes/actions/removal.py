"""Actions that make one object go, for good or so that its controller makes another.

What is gone carries no annotation: a repeated apply recognises its work by the UID that is gone.
"""

# ruff: noqa: ARG002 - the signatures are the contract's

import asyncio
from abc import abstractmethod
from collections.abc import Callable
from datetime import datetime
from typing import Any

from bot.domain.action import ActionRequest, Applied, Preview
from bot.domain.entity import ObjectRef
from bot.errors import Conflict, NotFound
from integrations.kubernetes.actions.contract import ClusterAPI, P, RemediationAction
from integrations.kubernetes.actions.patching import Obj
from integrations.kubernetes.actions.watching import Timing


class Moved(Exception):  # noqa: N818 - it reads as a state of affairs
    """The object's resourceVersion is another one: look again and repeat."""


class RemovalAction(RemediationAction[P]):
    """An action that makes exactly the object go that was looked at."""

    done = "deleted"
    """What happened to the object, past participle."""

    @abstractmethod
    async def recheck(
        self, cluster: ClusterAPI, target: ObjectRef, current: Obj, preview: Preview, state: dict[str, Any]
    ) -> dict[str, Any]:
        """Raise when `current` is not what was approved, or may not go any more. Return what verify needs."""

    async def remove(self, cluster: ClusterAPI, target: ObjectRef, uid: str, version: str) -> None:
        """Make exactly this object go. Raise Moved when it moved on, NotFound when it is gone."""
        try:
            await cluster.delete(target, uid=uid, resource_version=version)
        except Conflict as error:
            raise Moved from error

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
        target, uid = request.target, preview.precondition.get("uid")
        state = {"uid": uid, **preview.pre_image}
        gone = Applied(summary=f"{target} was gone before.", already_done=True, state=state)
        for attempt in range(timing.retries + 1):
            try:
                current = await cluster.get(target)
                if current["metadata"]["uid"] != uid or current["metadata"].get("deletionTimestamp"):
                    return gone
                state = await self.recheck(cluster, target, current, preview, state)
                await self.remove(cluster, target, str(uid), str(current["metadata"]["resourceVersion"]))
                return Applied(summary=f"{target} was {self.done}.", state=state)
            except NotFound:
                return gone
            except Moved:
                pass  # as a crashing pod does all the time
            await asyncio.sleep(timing.retry_pause * (attempt + 1))
        raise Conflict(f"{target} changes faster than it can be deleted.")
