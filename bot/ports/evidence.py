"""Sources of evidence."""

from collections.abc import Callable
from typing import Any, Protocol

from pydantic import Field

from bot.domain.base import Frozen
from bot.domain.entity import ObjectRef
from bot.domain.evidence import Evidence, ProgressItem
from bot.domain.finding import Diagnosis
from bot.domain.incident import Incident

ReportProgress = Callable[[ProgressItem], None]


class Gathered(Frozen):
    """What one source saw; `diagnosis` is there when the source can judge what it saw."""

    evidence: tuple[Evidence, ...] = ()
    diagnosis: Diagnosis | None = None


class Resolution(Frozen):
    """Which workload an incident is about: one, several that it might be, or none."""

    target: ObjectRef | None = None
    candidates: tuple[ObjectRef, ...] = Field(default=(), description="best first, 20 at most")
    reason: str = Field(default="", description="one sentence: how it was found, or why not")


class EvidenceTool(Protocol):
    """A read-only tool over gathered evidence and its source, for a model.

    `call` returns JSON, redacted and bounded; for bad arguments it does not raise but returns `{"error": sentence}`.
    """

    name: str
    description: str
    input_schema: dict[str, Any]

    async def call(self, arguments: dict[str, Any]) -> Any: ...


class EvidenceSource(Protocol):
    """Something that can be looked at."""

    name: str

    async def resolve(self, incident: Incident) -> Resolution:
        """Say which object the incident is about. Raise VendorError when the source cannot be reached."""

    async def gather(self, incident: Incident, report: ReportProgress) -> Gathered:
        """Look at `incident.target` (and around it), reporting each step. Never raises: failures are evidence.

        Evidence ids are `E1`, `E2` ... in the order of the checklist.
        """

    def tools(self, incident: Incident, gathered: Gathered) -> tuple[EvidenceTool, ...]:
        """Return the read-only tools that a model may use on this incident, bounded to its namespace."""
