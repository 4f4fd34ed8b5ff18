"""A model that writes analyses."""

from typing import Protocol

from bot.domain.action import ActionSpec
from bot.domain.alert import Alert
from bot.domain.analysis import Analysis
from bot.domain.base import Frozen
from bot.domain.evidence import Evidence
from bot.domain.finding import Diagnosis
from bot.domain.incident import Incident
from bot.ports.evidence import EvidenceTool, ReportProgress


class Brief(Frozen):
    """Everything an analyst starts from. `rules` is the analysis that stands if the model fails."""

    incident: Incident
    alerts: tuple[Alert, ...]
    evidence: tuple[Evidence, ...]
    diagnosis: Diagnosis | None
    runbook: str | None = None
    rules: Analysis
    actions: tuple[ActionSpec, ...]


class Analyst(Protocol):
    """Turns a brief into an analysis."""

    name: str

    async def analyse(self, brief: Brief, tools: tuple[EvidenceTool, ...], report: ReportProgress) -> Analysis:
        """Return an analysis whose citations exist in the evidence and whose proposals are in the catalogue.

        Raise VendorError when the model is away, refuses, truncates or answers nonsense, or a limit on turns, tokens,
        money or time is reached; the message says which, in words for the thread.
        """
