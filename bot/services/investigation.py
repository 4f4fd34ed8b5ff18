"""What people ask for: investigate this, it is about that, look again."""

import asyncio
import re
from collections.abc import Callable

from bot.domain.actor import Actor
from bot.domain.alert import Alert, AlertSource, AlertState, MessageRef, Severity
from bot.domain.base import new_id
from bot.domain.entity import ObjectRef
from bot.domain.event import ChoiceBody, Event, EventKind, InvestigationBody
from bot.domain.incident import Incident, TriageState
from bot.domain.redaction import redact
from bot.errors import Conflict, InvalidInput
from bot.services.core import Core
from bot.services.intake import IntakeService
from bot.services.threads import ThreadService
from bot.store import incidents as incident_store

_LONGEST_TEXT = 500
_OPENING_SECONDS = 5.0
_POLL_SECONDS = 0.1
_KINDS = {
    "deployment": "deployment",
    "deploy": "deployment",
    "statefulset": "statefulset",
    "sts": "statefulset",
    "daemonset": "daemonset",
    "ds": "daemonset",
    "pod": "pod",
    "po": "pod",
    "job": "job",
    "cronjob": "cronjob",
    "service": "service",
    "svc": "service",
}
_NAMED = re.compile(r"\b([A-Za-z]+)/(?:([a-z0-9][a-z0-9-]*)/)?([a-z0-9][a-z0-9.-]*)")


def read_labels(text: str) -> dict[str, str]:
    """Return the labels that a text names by `kind/name` or `kind/namespace/name`."""
    for kind, namespace, name in _NAMED.findall(text):
        label = _KINDS.get(kind.lower())
        if label is not None:
            return {label: name} | ({"namespace": namespace} if namespace else {})
    return {}


class InvestigationService:
    """Starts investigations at a person's wish."""

    def __init__(
        self,
        core: Core,
        intake: IntakeService,
        threads: ThreadService,
        wake: Callable[[], None],
    ) -> None:
        self._core = core
        self._intake = intake
        self._threads = threads
        self._wake = wake

    async def start(
        self, text: str, person: Actor, channel: str | None = None, message: MessageRef | None = None
    ) -> Incident:
        """Open an incident about `text` (free words or `kind/name`) and have it investigated.

        Asked inside the thread of a known incident, look again at that one instead. Raise InvalidInput.
        """
        text = redact(" ".join(text.split()))
        if not text:
            raise InvalidInput(
                "Say what to investigate.", next_step="For example: `/oncall investigate deployment/payment-service`."
            )
        if len(text) > _LONGEST_TEXT:
            raise InvalidInput(f"That is longer than {_LONGEST_TEXT} characters.", next_step="Name the workload.")
        known = await self._known_thread(message)
        if known is not None:
            await self.again(known.id, person, labels=read_labels(text))
            return await self._threads.reload(known.id)
        request_id = new_id("REQ")
        root = None if message is None else MessageRef(channel=message.channel, ts=message.thread_ts or message.ts)
        alert = Alert(
            source=AlertSource.SLACK_COMMAND,
            delivery_id=request_id,
            dedup_key=f"request:{request_id}",
            state=AlertState.TRIGGERED,
            title=text,
            severity=Severity.WARNING,
            labels=read_labels(text),
            occurred_at=self._core.now(),
            actor=person.id,
            message=root,
            channel=channel,
        )
        await self._intake.accept(alert)
        try:
            async with asyncio.timeout(_OPENING_SECONDS):
                return await self._opened(alert.dedup_key)
        except TimeoutError:
            raise Conflict(
                "The request was stored but is not worked on yet.", next_step="Look again in a moment."
            ) from None

    async def _opened(self, dedup_key: str) -> Incident:
        """Return the incident as soon as it is there: another replica may be draining the request this very moment."""
        while True:
            await self._intake.drain()
            async with self._core.transaction() as session:
                incident = await incident_store.by_dedup_key(session, dedup_key)
            if incident is not None:
                return incident
            await asyncio.sleep(_POLL_SECONDS)

    async def _known_thread(self, message: MessageRef | None) -> Incident | None:
        if message is None or message.thread_ts is None:
            return None
        async with self._core.reading() as session:
            return await incident_store.by_thread(session, message.channel, message.thread_ts)

    async def choose_target(self, incident_id: str, target: ObjectRef, person: Actor) -> None:
        """Answer the question which workload it is about. Raise Conflict when nobody asks any more."""
        async with self._core.transaction() as session:
            incident = await incident_store.get(session, incident_id, lock=True)
            if incident is None or incident.triage is not TriageState.WAITING:
                raise Conflict("This question has been answered already.")
            await incident_store.update(
                session,
                incident_id,
                target=target,
                triage=TriageState.WANTED.value,
                triage_run=incident.triage_run + 1,
            )
            await self._core.record(
                session,
                Event(
                    kind=EventKind.TARGET_CHOOSE,
                    actor=person,
                    incident_id=incident_id,
                    body=ChoiceBody(target=str(target)),
                ),
            )
        self._wake()

    async def again(self, incident_id: str, person: Actor, labels: dict[str, str] | None = None) -> None:
        """Investigate once more. Raise Conflict while an investigation is under way."""
        async with self._core.transaction() as session:
            incident = await incident_store.get(session, incident_id, lock=True)
            if incident is None:
                raise InvalidInput(f"There is no incident {incident_id}.")
            if incident.triage in {TriageState.WANTED, TriageState.RUNNING}:
                raise Conflict("An investigation of this incident is under way.")
            changes: dict[str, object] = {
                "triage": TriageState.WANTED.value,
                "triage_run": incident.triage_run + 1,
            }
            if labels:
                changes |= {"labels": {**incident.labels, **labels}, "target": None}
            await incident_store.update(session, incident_id, **changes)
            await self._core.record(
                session,
                Event(
                    kind=EventKind.INVESTIGATION_REPEAT,
                    actor=person,
                    incident_id=incident_id,
                    body=InvestigationBody(run=incident.triage_run + 1, labels=labels or {}),
                ),
            )
        self._wake()
