"""Runbooks: Markdown files that know an alert when they see it and fill in its numbers.

A file has YAML front matter and four sections (docs/runbooks.md shows one):

    name, title      what it is called
    match            a list; each entry is a set of conditions that must all hold, one entry is enough
    confidence       0 to 1, how sure the cause is when it matches
    severity         optional; raises the incident's, never lowers it

A condition is a field of the alert (`title`, `service`, `labels.x`, `details.x`, or `text` for all of it) with a
regular expression, or a comparison such as ">= 90". In the text, `{{ details.a or details.b or "words" }}` is the first
value that the alert has. A sentence whose first value is missing is left out, and with it the line that it begins.
"""

import re
import time
from collections.abc import Mapping, Sequence
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import structlog
import yaml
from pydantic import Field, ValidationError, field_validator

from bot.domain.alert import Alert, Severity
from bot.domain.analysis import Analysis, CitedEvidence, Provenance
from bot.domain.base import Frozen
from bot.domain.incident import Incident
from bot.domain.redaction import redact
from bot.errors import InvalidInput
from bot.services.runbook_text import fill

logger = structlog.get_logger(__name__)

_SECTIONS = ("Root cause", "Immediate", "Long term", "Monitor")
_COMPARISON = re.compile(r"^\s*(>=|<=|>|<|=)\s*(-?\d+(?:\.\d+)?)\s*$")
_LONGEST_TEXT = 20_000


class Runbook(Frozen):
    """One parsed file. `sections` maps a section's name to its lines (list items without their dash)."""

    name: str = Field(min_length=1)
    title: str = Field(min_length=1)
    match: tuple[dict[str, str], ...] = Field(min_length=1)
    confidence: float = Field(0.7, ge=0, le=1)
    severity: Severity | None = None
    sections: dict[str, tuple[str, ...]]

    @field_validator("match")
    @classmethod
    def _conditions(cls, entries: tuple[dict[str, str], ...]) -> tuple[dict[str, str], ...]:
        for entry in entries:
            if not entry:
                raise ValueError("a match entry without conditions would match everything")
            for field, condition in entry.items():
                if not re.fullmatch(r"title|service|text|(labels|details)\.[\w.-]+", field):
                    raise ValueError(f"{field!r} is not title, service, text, labels.x or details.x")
                try:
                    re.compile(condition)
                except re.error as error:
                    raise ValueError(f"the expression for {field!r} is malformed: {error}") from None
        return entries


def parse_runbook(text: str, origin: str) -> Runbook:
    """Read one file. Raise InvalidInput with one sentence that names the file and the line."""
    lines = text.splitlines()
    if not lines or lines[0].strip() != "---" or "---" not in [line.strip() for line in lines[1:]]:
        raise InvalidInput(f"{origin}, line 1: a runbook starts with front matter between two lines of ---.")
    end = [line.strip() for line in lines[1:]].index("---") + 1
    try:
        front = yaml.safe_load("\n".join(lines[1:end])) or {}
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 2 if mark is not None else 1
        raise InvalidInput(f"{origin}, line {line}: the front matter is not YAML.") from error
    if not isinstance(front, dict):
        raise InvalidInput(f"{origin}, line 2: the front matter is not a list of settings.")
    sections = _read_sections(lines, end + 1, origin)
    try:
        return Runbook.model_validate({**front, "sections": sections})
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False)[0]
        field = str(problem["loc"][0]) if problem["loc"] else "front matter"
        line = next((n for n, content in enumerate(lines, 1) if content.startswith(f"{field}:")), 2)
        raise InvalidInput(
            f"{origin}, line {line}: {field}: {problem['msg'].removeprefix('Value error, ')}."
        ) from error


def _read_sections(lines: Sequence[str], start: int, origin: str) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    current: list[str] | None = None
    for number, line in enumerate(lines[start:], start + 1):
        content = line.strip()
        if content.startswith("## "):
            heading = content[3:].strip()
            if heading not in _SECTIONS:
                raise InvalidInput(f"{origin}, line {number}: {heading!r} is not one of {', '.join(_SECTIONS)}.")
            current = found.setdefault(heading, [])
        elif content and current is None:
            raise InvalidInput(f"{origin}, line {number}: text before the first section.")
        elif content and current is not None:
            if content.startswith("- ") or not current or not lines[number - 2].strip():
                current.append(content.removeprefix("- "))
            else:  # a wrapped line belongs to the one before it
                current[-1] = f"{current[-1]} {content}"
    if missing := [name for name in _SECTIONS if name not in found]:
        raise InvalidInput(f"{origin}, line {len(lines)}: the section {missing[0]!r} is missing.")
    return {name: tuple(found[name]) for name in _SECTIONS}


class RunbookLibrary:
    """The runbooks in the order in which they are tried: a user's own first."""

    def __init__(self, runbooks: Sequence[Runbook], problems: Sequence[str] = ()) -> None:
        self.runbooks = tuple(runbooks)
        self.problems = tuple(problems)

    @classmethod
    def load(cls, extra: Path | None = None) -> "RunbookLibrary":
        """Read the user's folder and the built-in ones. A broken file of the user's is skipped and reported."""
        runbooks: list[Runbook] = []
        problems: list[str] = []
        if extra is not None:
            if not extra.is_dir():
                problems.append(f"RUNBOOKS_PATH: {extra} is not a folder.")
            for path in sorted(extra.glob("*.md")):
                try:
                    runbooks.append(parse_runbook(path.read_text(encoding="utf-8"), str(path)))
                except (InvalidInput, OSError, UnicodeDecodeError) as error:
                    problems.append(error.message if isinstance(error, InvalidInput) else f"{path}: {error}")
        for problem in problems:
            logger.warning("runbook_skipped", problem=problem)
        builtin: Traversable = files("bot") / "runbooks"
        runbooks.extend(
            parse_runbook(entry.read_text(encoding="utf-8"), entry.name)
            for entry in sorted(builtin.iterdir(), key=lambda e: e.name)
            if entry.name.endswith(".md")
        )
        return cls(runbooks, problems)

    def match(self, incident: Incident, alerts: Sequence[Alert] = ()) -> Runbook | None:
        """Return the first runbook whose conditions hold for the incident with all that its alerts say."""
        fields = _fields(incident, alerts)
        return next((r for r in self.runbooks if any(_holds(entry, fields) for entry in r.match)), None)

    def analysis(self, runbook: Runbook, incident: Incident, alerts: Sequence[Alert] = ()) -> Analysis:
        """Return the runbook as an analysis with the alert's own numbers filled in."""
        started = time.perf_counter()
        fields = _fields(incident, alerts)
        text = {name: fill(lines, fields) for name, lines in runbook.sections.items()}
        severity = incident.severity
        if runbook.severity is not None and runbook.severity.rank < severity.rank:
            severity = runbook.severity
        numbers = tuple(
            CitedEvidence(evidence_id="A1", source="alert", quote=redact(f"{name.removeprefix('details.')}: {value}"))
            for name, value in fields.items()
            if name.startswith("details.") and not isinstance(value, dict | list)
        )
        return Analysis(
            headline=f"{incident.service}: {runbook.title}" if incident.service else runbook.title,
            severity=severity,
            root_cause=" ".join(text["Root cause"]),
            confidence=runbook.confidence,
            evidence=numbers[:8],
            immediate_actions=text["Immediate"],
            long_term_fixes=text["Long term"],
            monitoring=text["Monitor"],
            provenance=Provenance(
                method="runbook", runbook=runbook.name, duration_ms=(time.perf_counter() - started) * 1000
            ),
        )


def _fields(incident: Incident, alerts: Sequence[Alert]) -> dict[str, Any]:
    """Return every field that conditions and placeholders may name; nested details by dotted names."""
    details: dict[str, Any] = {}
    labels: dict[str, str] = {}
    for alert in alerts:
        details |= alert.details
        labels |= alert.labels
    details |= incident.details
    labels |= incident.labels
    fields: dict[str, Any] = {"title": incident.title, "service": incident.service or ""}
    fields |= {f"labels.{name}": value for name, value in labels.items()}
    fields |= _flatten("details", details)
    # The alerts' own titles count too: people rename incidents.
    lines = [f"{name}: {value}" for name, value in fields.items()] + [f"title: {alert.title}" for alert in alerts]
    fields["text"] = "\n".join(dict.fromkeys(lines))[:_LONGEST_TEXT]
    return fields


def _flatten(prefix: str, value: Mapping[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, item in value.items():
        flat |= _flatten(f"{prefix}.{name}", item) if isinstance(item, Mapping) else {f"{prefix}.{name}": item}
    return flat


def _holds(conditions: Mapping[str, str], fields: Mapping[str, Any]) -> bool:
    return all(name in fields and _meets(fields[name], condition) for name, condition in conditions.items())


def _meets(value: Any, condition: str) -> bool:
    comparison = _COMPARISON.match(condition)
    if comparison is None:
        return re.search(condition, str(value), re.IGNORECASE) is not None
    try:
        number, limit = float(value), float(comparison[2])
    except (TypeError, ValueError):
        return False
    match comparison[1]:
        case ">=":
            return number >= limit
        case "<=":
            return number <= limit
        case ">":
            return number > limit
        case "<":
            return number < limit
        case _:
            return number == limit
