"""Reading a request the way a model does: what was said, what the tools answered, which evidence there is."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from sandbox.messages_api.model import JSON, read_blocks

_EVIDENCE_ID: Final = re.compile(r"[A-Z]\d{1,4}")
_EVIDENCE_LINE: Final = re.compile(r"^\W*([A-Z]\d{1,4})\b")
_OBJECT: Final = re.compile(r"\b([A-Z][A-Za-z]+)/([a-z0-9-]+)/([a-z0-9.-]+)\b")
_FAILED: Final = re.compile(r"[\[(|]\s*(?:no_data|error)\s*[\])|,]|status\W+(?:no_data|error)\b")
_PROSE_KEYS: Final = ("quotes", "quote", "lines", "log", "message", "detail", "summary", "text", "reason", "label")
_DEPTH: Final = 12


@dataclass(frozen=True, slots=True)
class Observation:
    """Something with an evidence id. `quote` is a verbatim line of it, `text` everything it says."""

    evidence_id: str
    source: str
    quote: str
    text: str
    is_ok: bool


@dataclass(slots=True)
class Transcript:
    """What a request holds. `facts` maps a JSON key to the scalars seen under it, in order of appearance."""

    observations: dict[str, Observation] = field(default_factory=dict)
    facts: dict[str, list[Any]] = field(default_factory=dict)
    findings: list[JSON] = field(default_factory=list)
    suggestions: list[JSON] = field(default_factory=list)
    called: list[str] = field(default_factory=list)
    text: str = ""

    def fact(self, *names: str) -> Any:
        """Return the first scalar seen under one of these keys, or None."""
        return next((self.facts[name][0] for name in names if self.facts.get(name)), None)


def read_transcript(request: Mapping[str, Any]) -> Transcript:
    """Read the messages of a request in order; the system prompt gives orders and no evidence."""
    transcript = Transcript()
    for message in request["messages"]:
        for block in read_blocks(message.get("content")):
            if block.get("type") == "tool_use":
                transcript.called.append(str(block.get("name")))
            elif message.get("role") == "user":
                for text in _texts(block):
                    _read_text(transcript, text)
    return transcript


def _texts(block: JSON) -> Iterator[str]:
    if block.get("type") == "text":
        yield str(block.get("text", ""))
    elif block.get("type") == "tool_result":
        yield from (str(inner.get("text", "")) for inner in read_blocks(block.get("content")))


def _read_text(transcript: Transcript, text: str) -> None:
    transcript.text += text + "\n"
    for value in find_json(text):
        _read_value(transcript, value)
    for kind, namespace, name in _OBJECT.findall(text):
        for key, value in (("kind", kind), ("namespace", namespace), ("name", name)):
            _remember(transcript, key, value)
    # Prompts often list evidence as lines ("E3 previous log: ..."): take the line where no object said more.
    for line in text.splitlines():
        found = _EVIDENCE_LINE.match(line)
        if found and found[1] not in transcript.observations:
            said = line[found.end() :].strip(" :-])|\t") or line.strip()
            is_ok = not _FAILED.search(line)
            transcript.observations[found[1]] = Observation(found[1], said[:80], said[:240], said, is_ok)


def find_json(text: str) -> Iterator[Any]:
    """Yield the JSON objects and arrays that stand in a text, from left to right, outermost only."""
    decoder, at = json.JSONDecoder(), 0
    while True:
        starts = [place for place in (text.find("{", at), text.find("[", at)) if place >= 0]
        if not starts:
            return
        try:
            value, at = decoder.raw_decode(text, min(starts))
        except ValueError:
            at = min(starts) + 1
        else:
            yield value


def _read_value(transcript: Transcript, value: Any, depth: int = 0) -> None:
    if depth > _DEPTH:
        return
    if isinstance(value, list):
        for item in value:
            _read_value(transcript, item, depth + 1)
        return
    if not isinstance(value, dict):
        return
    _read_evidence(transcript, value)
    if isinstance(value.get("key"), str) and isinstance(value.get("summary"), str) and "entity" in value:
        transcript.findings.append(value)
    if isinstance(value.get("action"), str) and "target" in value:
        transcript.suggestions.append(value)
    for key, inner in value.items():
        if isinstance(inner, str | int | float) and not isinstance(inner, bool):
            _remember(transcript, key, inner)
        else:
            _read_value(transcript, inner, depth + 1)


def _read_evidence(transcript: Transcript, value: JSON) -> None:
    marked = value.get("evidence_id", value.get("id"))
    if not isinstance(marked, str) or not (_EVIDENCE_ID.fullmatch(marked) or "evidence_id" in value):
        return
    said = list(strings({key: inner for key, inner in value.items() if key not in {"id", "evidence_id"}}))
    quotes = [line for key in _PROSE_KEYS for line in strings(value.get(key)) if line.strip()]
    known = transcript.observations.get(marked)
    text = "\n".join([*([known.text] if known else []), *said])
    transcript.observations[marked] = Observation(
        evidence_id=marked,
        source=str(value.get("label") or value.get("source") or (known.source if known else marked)),
        quote=(quotes or [known.quote if known else marked])[0].strip()[:240],
        text=text,
        is_ok=value.get("status", "ok") in {"ok", "triggered", "open"},
    )


def strings(value: Any) -> Iterator[str]:
    """Yield every string of a JSON value, in order."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            if isinstance(inner, str | int | float) and not isinstance(inner, bool):
                # A number means something with its name only: "replicas: 0", "exitCode: 137".
                yield inner if isinstance(inner, str) else f"{key}: {inner}"
            else:
                yield from strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from strings(inner)


def _remember(transcript: Transcript, key: str, value: Any) -> None:
    values = transcript.facts.setdefault(key, [])
    if value not in values and len(values) < 50:
        values.append(value)
