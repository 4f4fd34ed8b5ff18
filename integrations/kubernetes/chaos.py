"""Breaking things on purpose, in a namespace of its own, and cleaning up again.

Chaos works in a namespace that it created and labelled itself, refuses every other one, and deletes by that label.
"""

import asyncio
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from time import monotonic
from typing import Any, Final

from bot import clock
from bot.domain.entity import ObjectRef
from bot.errors import Conflict, InvalidInput, NotFound
from integrations.kubernetes.actions.contract import ClusterAPI
from integrations.kubernetes.actions.surroundings import is_ready
from integrations.kubernetes.chaos_workloads import LABEL, Failure, namespace, second_revision, workloads
from integrations.kubernetes.client import STRATEGIC_MERGE_PATCH

Obj = dict[str, Any]

# What a person may have put into the namespace; deleting the namespace would take it along.
_FOREIGN_KINDS: Final = (
    "Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob", "Pod", "Service", "ConfigMap", "PersistentVolumeClaim",
)  # fmt: skip
_OWN_KINDS: Final = ("Deployment", "Service")
_PRODUCTION = re.compile(r"(?<![a-z])(prod|prd|live|production)(?![a-z])", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Broken:
    """Something that was broken: the failure and the name of its Deployment."""

    failure: Failure
    name: str
    namespace: str


@dataclass(frozen=True, slots=True)
class Cleaned:
    """What cleaning did. `left` names what others put into the namespace, which therefore stays."""

    deleted: tuple[str, ...]
    namespace_deleted: bool
    left: tuple[str, ...] = ()


def looks_like_production(*names: str) -> bool:
    """Say whether a context or a server is named like production (`prod-eu`, `live.example.com`, not `product-dev`)."""
    return any(_PRODUCTION.search(name) for name in names)


class Chaos:
    """Breaks things in one namespace of one cluster."""

    def __init__(
        self,
        client: ClusterAPI,
        namespace: str = "oncall-chaos",
        now: Callable[[], datetime] = clock.now,
        poll_seconds: float = 1.0,
    ) -> None:
        self._client = client
        self._namespace = namespace
        self._now = now
        self._poll = poll_seconds

    async def prepare(self) -> None:
        """Create the namespace, or check that chaos did. Raise InvalidInput when somebody else did."""
        try:
            found = await self._owned_namespace()
        except NotFound:
            stamp = self._now().isoformat(timespec="seconds")
            await self._client.create("Namespace", None, namespace(self._namespace, stamp))
            return
        if found["metadata"].get("deletionTimestamp"):
            raise Conflict(
                f"The namespace {self._namespace} is just being deleted.", next_step="Try again in a minute."
            )

    async def break_one(self, failure: Failure, within: float) -> Broken:
        """Create what shows `failure` and return its name. `prepare` has to come before.

        `within` is in seconds: the fourth failure needs a revision that works before the one that does not.
        """
        name = f"chaos-{failure.name}-{secrets.token_hex(2)}"
        for body in workloads(failure, name):
            await self._client.create(body["kind"], self._namespace, body)
        broken = Broken(failure, name, self._namespace)
        if failure.name == "failed-deployment":
            ref = ObjectRef(kind="Deployment", name=name, namespace=self._namespace)
            if not await self._until(lambda: self._available(ref), within):
                raise InvalidInput(f"{ref} did not become available in {within:g} s, so it has nothing to break.")
            await self._client.patch(ref, second_revision(), content_type=STRATEGIC_MERGE_PATCH)
        return broken

    async def wait_until_visible(self, broken: Broken, within: float) -> str:
        """Wait until the failure shows and return what can be seen; "" when nothing shows `within` so many seconds."""
        return await self._until(lambda: self.symptom(broken), within)

    async def symptom(self, broken: Broken) -> str:
        """Return what can be seen of the failure right now, or ""."""
        match broken.failure.name:
            case "failed-deployment":
                return await self._stuck_rollout(broken)
            case "unavailable-service":
                return await self._empty_service(broken)
        for pod in await self._pods(broken):
            for status in (pod.get("status") or {}).get("containerStatuses") or []:
                if seen := _container_symptom(broken.failure, status):
                    return f"pod {pod['metadata']['name']}: {seen}"
        return ""

    async def clean(self) -> Cleaned:
        """Delete what carries the label, then the namespace unless others use it.

        Raise InvalidInput when chaos did not create the namespace; a namespace that does not exist is clean.
        """
        try:
            found = await self._owned_namespace()
        except NotFound:
            return Cleaned((), namespace_deleted=False)
        deleted: list[str] = []
        for kind in _OWN_KINDS:
            for item in await self._client.list(kind, self._namespace, label_selector=f"{LABEL}=true"):
                ref = ObjectRef(kind=kind, name=item["metadata"]["name"], namespace=self._namespace)
                try:
                    await self._client.delete(ref, uid=item["metadata"]["uid"])
                except NotFound:
                    continue
                deleted.append(ref.short)
        if left := await self._foreign():
            return Cleaned(tuple(deleted), namespace_deleted=False, left=tuple(left))
        await self._client.delete(ObjectRef(kind="Namespace", name=self._namespace), uid=found["metadata"]["uid"])
        return Cleaned(tuple(deleted), namespace_deleted=True)

    async def _owned_namespace(self) -> Obj:
        found = await self._client.get(ObjectRef(kind="Namespace", name=self._namespace))
        if (found["metadata"].get("labels") or {}).get(LABEL) != "true":
            raise InvalidInput(
                f"The namespace {self._namespace} was not created by chaos, so nothing is touched in it.",
                next_step="Choose another one with --namespace.",
            )
        return found

    async def _foreign(self) -> list[str]:
        """Return what is in the namespace and is neither ours, nor owned by something, nor put there by the cluster."""
        left: list[str] = []
        for kind in _FOREIGN_KINDS:
            for item in await self._client.list(kind, self._namespace):
                metadata = item["metadata"]
                ours = (metadata.get("labels") or {}).get(LABEL) == "true"
                if ours or metadata.get("ownerReferences") or metadata["name"] == "kube-root-ca.crt":
                    continue
                left.append(f"{kind.lower()}/{metadata['name']}")
        return left

    async def _pods(self, broken: Broken) -> list[Obj]:
        return await self._client.list("Pod", broken.namespace, label_selector=f"app={broken.name}")

    async def _available(self, ref: ObjectRef) -> str:
        status = (await self._client.get(ref)).get("status") or {}
        return "available" if status.get("availableReplicas") else ""

    async def _stuck_rollout(self, broken: Broken) -> str:
        ref = ObjectRef(kind="Deployment", name=broken.name, namespace=broken.namespace)
        for condition in ((await self._client.get(ref)).get("status") or {}).get("conditions") or []:
            if condition.get("type") == "Progressing" and condition.get("status") == "False":
                return f"deployment {broken.name}: {condition.get('reason')}"
        return ""

    async def _empty_service(self, broken: Broken) -> str:
        if not any(is_ready(pod) for pod in await self._pods(broken)):
            return ""
        slices = await self._client.list(
            "EndpointSlice", broken.namespace, label_selector=f"kubernetes.io/service-name={broken.name}"
        )
        if any(part.get("endpoints") for part in slices):
            return ""
        return f"service {broken.name}: no endpoints, although a pod is ready"

    async def _until(self, look: Callable[[], Any], within: float) -> str:
        deadline = monotonic() + within
        while True:
            if seen := await look():
                return str(seen)
            if monotonic() >= deadline:
                return ""
            await asyncio.sleep(self._poll)


def _container_symptom(failure: Failure, status: Obj) -> str:
    """Return what a container's status shows of a failure, or ""."""
    waiting = ((status.get("state") or {}).get("waiting") or {}).get("reason", "")
    ended = (status.get("lastState") or {}).get("terminated") or (status.get("state") or {}).get("terminated") or {}
    match failure.name:
        case "image-pull":
            return waiting if waiting in {"ErrImagePull", "ImagePullBackOff"} else ""
        case "oom":
            return f"OOMKilled, exit code {ended.get('exitCode')}" if ended.get("reason") == "OOMKilled" else ""
    if waiting == "CrashLoopBackOff":
        return f"CrashLoopBackOff, last exit code {ended.get('exitCode')}, {status.get('restartCount')} restarts"
    return ""
