"""Previews for a bot that may look and not touch.

Where execution is switched off, the bot's account often has no permission to write, and a dry run needs the same
permission as the write. The proposal is then made from what can be read: people get the command and the diff, and are
told that the server did not rehearse it.
"""

from typing import Any

import jsonpatch

from bot.domain.entity import ObjectRef
from bot.errors import AuthenticationFailed, Conflict
from integrations.kubernetes.actions.contract import ClusterAPI
from integrations.kubernetes.actions.patching import Obj

WARNING = "The server did not rehearse this: the bot may not write here. Run the command with --dry-run=server first."


class CommandOnlyCluster:
    """Reads through `cluster`, writes nothing, and notes in `unrehearsed` when the server refused a dry run."""

    def __init__(self, cluster: ClusterAPI) -> None:
        self._cluster = cluster
        self.unrehearsed = False

    async def get(self, ref: ObjectRef) -> Obj:
        """See `KubernetesClient.get`."""
        return await self._cluster.get(ref)

    async def list(
        self,
        kind: str,
        namespace: str | None = None,
        *,
        label_selector: str | None = None,
        field_selector: str | None = None,
    ) -> list[Obj]:
        """See `KubernetesClient.list`."""
        return await self._cluster.list(kind, namespace, label_selector=label_selector, field_selector=field_selector)

    async def patch(
        self,
        ref: ObjectRef,
        body: Any,
        *,
        content_type: str = "application/json-patch+json",
        dry_run: bool = False,  # noqa: ARG002 - nothing but rehearsals comes through here
        subresource: str | None = None,
    ) -> Obj:
        """Rehearse a JSON patch: on the server where it lets us, else here."""
        try:
            return await self._cluster.patch(
                ref, body, content_type=content_type, dry_run=True, subresource=subresource
            )
        except AuthenticationFailed:
            self.unrehearsed = True
        try:
            patched: Obj = jsonpatch.JsonPatch(body).apply(await self._cluster.get(ref))
        except jsonpatch.JsonPatchException as error:
            raise Conflict(f"{ref} changed while it was looked at.") from error
        return patched

    async def create(
        self,
        kind: str,
        namespace: str | None,
        body: Obj,
        *,
        name: str | None = None,
        subresource: str | None = None,
        dry_run: bool = False,  # noqa: ARG002 - as above
    ) -> Obj:
        """Rehearse the creation of an object, or of something such as an eviction."""
        try:
            return await self._cluster.create(kind, namespace, body, name=name, subresource=subresource, dry_run=True)
        except AuthenticationFailed:
            self.unrehearsed = True
        return body

    async def delete(
        self,
        ref: ObjectRef,
        *,
        uid: str | None = None,
        resource_version: str | None = None,
        dry_run: bool = False,  # noqa: ARG002 - as above
        grace_period_seconds: int | None = None,
    ) -> Obj:
        """Rehearse a delete."""
        try:
            return await self._cluster.delete(
                ref,
                uid=uid,
                resource_version=resource_version,
                dry_run=True,
                grace_period_seconds=grace_period_seconds,
            )
        except AuthenticationFailed:
            self.unrehearsed = True
        return await self._cluster.get(ref)
