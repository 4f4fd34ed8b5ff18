"""Evidence: a raw observation with its origin, and the progress of gathering it."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import Field

from bot.domain.base import Frozen


class EvidenceStatus(StrEnum):
    OK = "ok"
    NO_DATA = "no_data"
    ERROR = "error"


class Evidence(Frozen):
    """One observation.

    `id` is unique inside its incident and what analyses cite (`E1`, `E2` ...). `source` is the technical origin
    (`kubernetes.pods`), `label` what a person reads. `detail` is one sentence: what was seen, or what went wrong.
    `quotes` are verbatim, redacted lines worth showing. `payload` is the raw JSON, redacted, for the modal and for
    Claude's tools. Durations are in milliseconds.
    """

    id: str
    source: str
    label: str
    status: EvidenceStatus
    detail: str
    quotes: tuple[str, ...] = ()
    payload: Any = None
    gathered_at: datetime
    duration_ms: float


class ProgressState(StrEnum):
    WAITING = "waiting"
    RUNNING = "running"
    OK = "ok"
    NO_DATA = "no_data"
    ERROR = "error"


class ProgressItem(Frozen):
    """One line of the checklist in the thread; `key` stays the same while its state changes."""

    key: str
    label: str
    state: ProgressState
    detail: str = ""
    duration_ms: float | None = None


class Progress(Frozen):
    """What the thread shows while an investigation runs."""

    headline: str
    items: tuple[ProgressItem, ...] = Field(default=())
