"""An analysis: what is posted under the incident."""

from typing import Literal

from pydantic import Field

from bot.domain.action import ActionRequest
from bot.domain.alert import Severity
from bot.domain.base import Frozen


class CitedEvidence(Frozen):
    """A claim with the evidence that carries it. `evidence_id` is an id of the incident's evidence, checked by code."""

    evidence_id: str
    source: str = Field(description="what a person calls the source, such as 'previous log of payment-service'")
    quote: str


class Provenance(Frozen):
    """How an analysis was made. Money in US dollars, time in milliseconds."""

    method: Literal["rules", "runbook", "claude"]
    model: str | None = None
    runbook: str | None = None
    duration_ms: float
    turns: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float = 0.0
    note: str = Field(default="", description="why Claude's analysis is missing, when it was wanted")


class Analysis(Frozen):
    """The report. `healthy` is True when everything looked at is in order; `confidence` is between 0 and 1."""

    headline: str
    severity: Severity
    root_cause: str
    confidence: float = Field(ge=0, le=1)
    healthy: bool = False
    evidence: tuple[CitedEvidence, ...] = ()
    immediate_actions: tuple[str, ...] = ()
    long_term_fixes: tuple[str, ...] = ()
    monitoring: tuple[str, ...] = ()
    proposals: tuple[ActionRequest, ...] = ()
    provenance: Provenance
