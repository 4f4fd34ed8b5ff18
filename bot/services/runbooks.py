"""Runbooks: Markdown for the person at 3 a.m., chosen by what the alert says, with its own numbers filled in.

A runbook is one Markdown file. Its front matter says when it fits; its sections are the analysis:

    ---
    name: database-pool-exhausted        # unique; a user's runbook of the same name replaces ours
    headline: "{{ service }}: the connection pool is exhausted"
    severity: critical                   # critical, high, warning or info; default: the incident's
    confidence: 0.7
    match:
      all: [{field: text, regex: "database|postgres"}]
      any: [{field: "details.*waiting*", above: 0}, {field: text, regex: "pool"}]
      none: [{field: title, regex: "test"}]
    actions: []                          # names of remediation actions that may help
    ---
    ## Root cause / ## Immediate / ## Long term / ## Monitor

Fields are `text` (title, service, labels and details together), `title`, `service`, `labels.NAME` and `details.NAME`,
where NAME may hold `*`. Every rule of `all` has to hold, one of `any` where there are some, none of `none`; of several
runbooks that fit, the one with the most rules of `any` wins.
"""

import fnmatch
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Self

import structlog
import yaml
from pydantic import Field, ValidationError, field_validator, model_validator

from bot.domain.alert import Alert, Severity
from bot.domain.analysis import Analysis, Provenance
from bot.domain.base import Frozen
from bot.domain.incident import Incident
from bot.domain.redaction import redact, redact_json

logger = structlog.get_logger(__name__)

BUILT_IN = Path(__file__).resolve().parent.parent / "runbooks"

_SECTIONS = ("root cause", "immediate", "long term", "monitor")
_TEXT_LIMIT = 20_000
_VALUE_LIMIT = 200
_PLACEHOLDER = re.compile(r"\{\{\s*([^{}]{1,200}?)\s*\}\}")
_OPTIONAL = re.compile(r"\[\[((?:[^\[\]]|\[(?!\[)|\](?!\])){0,2000}?)\]\]")
_SAFE_IN_COMMAND = re.compile(r"[A-Za-z0-9_.:/@%+,=-]{1,200}")
_NUMBER = re.compile(r"-?\d+(?:[.,]\d+)?")


class RunbookError(ValueError):
    """A runbook that cannot be used: one sentence with file and line."""


class Rule(Frozen):
    """One condition on one field: a regular expression (case ignored), a number, or that it is there at all."""

    field: str
    regex: str | None = None
    above: float | None = None
    below: float | None = None

    @field_validator("field")
    @classmethod
    def _known(cls, value: str) -> str:
        if value not in {"text", "title", "service"} and not re.fullmatch(r"(labels|details)\.\S+", value):
            raise ValueError(f"{value!r} is not text, title, service, labels.NAME or details.NAME")
        return value

    @field_validator("regex")
    @classmethod
    def _compiles(cls, value: str | None) -> str | None:
        try:
            re.compile(value or "")
        except re.error as error:
            raise ValueError(f"{value!r} is not a regular expression ({error})") from None
        return value

    def holds(self, facts: Mapping[str, str]) -> bool:
        return any(self._accepts(facts[name]) for name in _select(self.field, facts))

    def _accepts(self, value: str) -> bool:
        if self.regex is not None and not re.search(self.regex, value, re.IGNORECASE):
            return False
        if self.above is None and self.below is None:
            return True
        found = _NUMBER.search(value)
        if found is None:
            return False
        number = float(found[0].replace(",", "."))
        return (self.above is None or number > self.above) and (self.below is None or number < self.below)


class Match(Frozen):
    all: tuple[Rule, ...] = ()
    any: tuple[Rule, ...] = ()
    none: tuple[Rule, ...] = ()

    @model_validator(mode="after")
    def _not_empty(self) -> Self:
        if not self.all and not self.any:
            raise ValueError("needs a rule under all or any")
        return self

    def score(self, facts: Mapping[str, str]) -> int:
        """Return how well the facts fit: 0 not at all, else 1 and 1 more for each rule of `any`."""
        hits = sum(rule.holds(facts) for rule in self.any)
        if (self.any and not hits) or not all(rule.holds(facts) for rule in self.all):
            return 0
        return 0 if any(rule.holds(facts) for rule in self.none) else 1 + hits


class Runbook(Frozen):
    """A runbook as it was read. `sections` maps root cause, immediate, long term and monitor to their Markdown."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    headline: str = Field(min_length=1)
    severity: Severity | None = None
    confidence: float = Field(0.6, ge=0, le=1)
    match: Match
    actions: tuple[str, ...] = ()
    sections: dict[str, str] = Field(default_factory=dict)
    origin: Literal["built-in", "yours"] = "built-in"


class RunbookLibrary:
    """All runbooks, a user's first. `problems` holds one sentence for each that had to be left out."""

    def __init__(self, runbooks: Sequence[Runbook], problems: Sequence[str] = ()) -> None:
        self.runbooks = tuple(runbooks)
        self.problems = tuple(problems)

    @classmethod
    def load(cls, extra: Path | None = None) -> Self:
        """Read the built-in runbooks and those of `extra`. A broken one of `extra` is reported and left out.

        Raise RunbookError for a broken built-in one: that is a bug, and tests find it.
        """
        ours = [parse_runbook(path) for path in sorted(BUILT_IN.glob("*.md"))]
        yours: list[Runbook] = []
        problems: list[str] = []
        if extra is not None:
            if not extra.is_dir():
                problems.append(f"RUNBOOKS_PATH {extra} is not a folder; only the built-in runbooks are used.")
            for path in sorted(extra.glob("*.md")):
                try:
                    runbook = parse_runbook(path).model_copy(update={"origin": "yours"})
                except RunbookError as error:
                    problems.append(str(error))
                    continue
                if any(runbook.name == other.name for other in yours):
                    problems.append(f"{path}:1: the name {runbook.name} is taken by another of your runbooks.")
                    continue
                yours.append(runbook)
        for problem in problems:
            logger.warning("runbook_skipped", problem=problem)
        taken = {runbook.name for runbook in yours}
        return cls([*yours, *(runbook for runbook in ours if runbook.name not in taken)], problems)

    def match(self, incident: Incident, alerts: Sequence[Alert] = ()) -> Runbook | None:
        """Return the runbook that fits best, a user's before ours, or None."""
        facts = gather_facts(incident, alerts)
        scored = [(runbook.match.score(facts), runbook) for runbook in self.runbooks]
        for origin in ("yours", "built-in"):
            fitting = [pair for pair in scored if pair[0] and pair[1].origin == origin]
            if fitting:
                return max(fitting, key=lambda pair: pair[0])[1]
        return None

    def analysis(self, runbook: Runbook, incident: Incident) -> Analysis:
        """Return the runbook as an analysis of `incident`, with the alert's own numbers in place."""
        started = time.perf_counter()
        facts = gather_facts(incident, ())
        fill = {name: _fill(text, facts) for name, text in runbook.sections.items()}
        return Analysis(
            headline=_fill(runbook.headline, facts)[:300],
            severity=runbook.severity or incident.severity,
            root_cause=_paragraph(fill.get("root cause", "")),
            confidence=runbook.confidence,
            immediate_actions=tuple(_items(fill.get("immediate", ""))),
            long_term_fixes=tuple(_items(fill.get("long term", ""))),
            monitoring=tuple(_items(fill.get("monitor", ""))),
            provenance=Provenance(
                method="runbook", runbook=runbook.name, duration_ms=(time.perf_counter() - started) * 1000
            ),
        )


def gather_facts(incident: Incident, alerts: Sequence[Alert]) -> dict[str, str]:
    """Return everything rules and placeholders can name, as flat text; an incident's own word wins over its alerts'."""
    facts: dict[str, str] = {}
    sources: list[Alert | Incident] = [*alerts, incident]
    for source in sources:
        facts["title"], facts["service"] = source.title, source.service or facts.get("service", "")
        for prefix, mapping in (("labels", source.labels), ("details", redact_json(source.details))):
            facts |= dict(_flatten(prefix, mapping))
    facts["title"] = redact(facts["title"])
    named = " ".join(f"{name.partition('.')[2]}={value}" for name, value in facts.items() if "." in name)
    facts["text"] = f"{facts['title']} {facts['service']} {named}"[:_TEXT_LIMIT]
    return facts


def _flatten(prefix: str, value: Any, depth: int = 0) -> Iterator[tuple[str, str]]:
    match value:
        case Mapping() if depth < 6:
            for name, item in value.items():
                yield from _flatten(f"{prefix}.{name}", item, depth + 1)
        case list() | tuple():
            yield prefix, ", ".join(str(item) for item in value[:10])
        case None:
            return
        case float():
            yield prefix, f"{value:g}"
        case _:
            yield prefix, str(value)[:2000]


def _select(field: str, facts: Mapping[str, str]) -> list[str]:
    if "*" not in field:
        return [field] if field in facts else []
    return [name for name in facts if fnmatch.fnmatchcase(name.lower(), field.lower())]


def _look_up(expression: str, facts: Mapping[str, str]) -> str | None:
    """Return the first of `a | b | "text"` that the alert has."""
    for alternative in expression.split("|"):
        name = alternative.strip()
        if len(name) > 1 and name[0] == name[-1] == '"':
            return name[1:-1]
        for found in _select(name, facts):
            if value := " ".join(facts[found].split())[:_VALUE_LIMIT]:
                return value
    return None


def _fill(text: str, facts: Mapping[str, str]) -> str:
    """Fill `{{ field }}`. `[[ ... ]]` is left out when a field inside is missing; elsewhere its absence is said.

    Values come from outside: inside a command only harmless characters are put in, so that a pasted line runs
    nothing that the alert smuggled in.
    """

    def optional(found: re.Match[str]) -> str:
        wanted = _PLACEHOLDER.findall(found[1])
        return found[1] if all(_look_up(name, facts) is not None for name in wanted) else ""

    text = _OPTIONAL.sub(optional, text)
    in_command = [False]

    def put(expression: str, *, command: bool) -> str:
        value = _look_up(expression, facts)
        last = expression.split("|", maxsplit=1)[0].strip().rpartition(".")[2].strip("*") or "value"
        if command:
            return value if value is not None and _SAFE_IN_COMMAND.fullmatch(value) else f"<{last}>"
        return "(not in the alert)" if value is None else value.replace("`", "'")

    parts = []
    for piece in re.split(r"(`)", text):
        if piece == "`":
            in_command[0] = not in_command[0]
            parts.append(piece)
        else:
            command = in_command[0]
            parts.append(_PLACEHOLDER.sub(lambda found, command=command: put(found[1], command=command), piece))
    return "".join(parts)


def _paragraph(text: str) -> str:
    return "\n\n".join(" ".join(part.split()) for part in text.split("\n\n") if part.strip())


def _items(text: str) -> Iterator[str]:
    """Yield the items of a Markdown list, each on one line."""
    current: list[str] = []
    for line in [*text.splitlines(), "- "]:
        begins = re.match(r"(?:[-*]|\d+\.)\s", line)
        if begins:
            if current:
                yield " ".join(" ".join(current).split())
            current = [line[begins.end() :]]
        elif current:
            current.append(line)


def parse_runbook(path: Path) -> Runbook:
    """Read one runbook. Raise RunbookError with one sentence that names the file and the line."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RunbookError(f"{path}:1: it cannot be read ({type(error).__name__}).") from error
    lines = text.splitlines()
    if not lines or lines[0].strip() != "---":
        raise RunbookError(f"{path}:1: a runbook starts with a line of three dashes and its front matter.")
    end = next((n for n, line in enumerate(lines[1:], 1) if line.strip() == "---"), None)
    if end is None:
        raise RunbookError(f"{path}:{len(lines)}: the front matter is not closed by a line of three dashes.")
    front = _front_matter(path, lines[1:end])
    try:
        return Runbook.model_validate({**front, "sections": _read_sections(path, lines, end + 1)})
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        where = [str(part) for part in problem["loc"]]
        line = _line_of(lines[1:end], where) + 1
        message = problem["msg"].removeprefix("Value error, ")
        raise RunbookError(f"{path}:{line}: {'.'.join(where) or 'the front matter'}: {message}.") from error


def _front_matter(path: Path, lines: list[str]) -> dict[str, Any]:
    try:
        front = yaml.safe_load("\n".join(lines))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        what = getattr(error, "problem", None) or "it is not YAML"
        raise RunbookError(f"{path}:{mark.line + 2 if mark else 1}: the front matter is not YAML: {what}.") from error
    if not isinstance(front, dict):
        raise RunbookError(f"{path}:2: the front matter has to be a mapping with name, headline and match.")
    if "sections" in front or "origin" in front:
        raise RunbookError(f"{path}:2: sections and origin do not belong into the front matter.")
    return front


def _line_of(lines: list[str], where: list[str]) -> int:
    """Return the front-matter line (from 1) that starts with the deepest key of `where` that has a line."""
    best = 1
    for key in where:
        if key.isdigit():
            items = [n for n, line in enumerate(lines, 1) if n > best and re.match(r"\s*-\s", line)]
            best = items[int(key)] if int(key) < len(items) else best
            continue
        wanted = re.compile(rf"(?:^|[\s{{,]){re.escape(key)}\s*:")
        best = next((n for n, line in enumerate(lines, 1) if n >= best and wanted.search(line)), best)
    return best


def _read_sections(path: Path, lines: list[str], start: int) -> dict[str, str]:
    sections: dict[str, list[str]] = {}
    current: list[str] | None = None
    for number, line in enumerate(lines[start:], start + 1):
        if line.startswith("## "):
            name = line[3:].strip().lower()
            if name not in _SECTIONS:
                raise RunbookError(f"{path}:{number}: {line[3:].strip()!r} is none of the sections {_SECTIONS}.")
            current = sections.setdefault(name, [])
        elif current is not None:
            current.append(line)
        elif line.strip() and not line.startswith("# "):
            raise RunbookError(f"{path}:{number}: text before the first section.")
    for name in ("root cause", "immediate"):
        if not "".join(sections.get(name, [])).strip():
            raise RunbookError(f"{path}:{len(lines)}: the section {name!r} is missing or empty.")
    return {name: "\n".join(body).strip() for name, body in sections.items()}
