"""Filling a report's schema, whatever it is: fields are recognised by their names and filled by their types."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sandbox.messages_api.model import JSON


@dataclass(frozen=True, slots=True)
class Cited:
    evidence_id: str
    source: str
    quote: str
    claim: str


@dataclass(frozen=True, slots=True)
class Content:
    """What the report says.

    `proposals` are typed actions that stood in the request; `suspicious` says whether the evidence holds text that
    tries to give orders.
    """

    headline: str
    summary: str
    root_cause: str
    severity: str
    confidence: float
    healthy: bool
    evidence: Sequence[Cited]
    immediate_actions: Sequence[str]
    long_term: Sequence[str]
    monitoring: Sequence[str]
    proposals: Sequence[JSON]
    suspicious: bool = False


# Which field of a report says what: the first pattern that fits the field's name decides.
FIELDS: Final = tuple(
    (re.compile(pattern, re.IGNORECASE), attribute)
    for pattern, attribute in (
        (r"inject|suspicious|tamper|instruction", "suspicious"),
        (r"proposal|remediation|typed_action|suggested_action", "proposals"),
        (r"evidence|citation|cited|sources|proof", "evidence"),
        (r"immediate|next_step|now|mitigat|short_term", "immediate_actions"),
        (r"long_term|prevent|follow_?up|fixes", "long_term"),
        (r"monitor|watch|observe", "monitoring"),
        (r"headline|title|subject", "headline"),
        (r"cause|explanation|diagnosis|why|reason", "root_cause"),
        (r"severity|priority|level", "severity"),
        (r"confidence|certainty|probability", "confidence"),
        (r"healthy", "healthy"),
        (r"summary|overview|description|impact|analysis", "summary"),
    )
)

# The same inside one piece of cited evidence.
CITED_FIELDS: Final = tuple(
    (re.compile(pattern, re.IGNORECASE), attribute)
    for pattern, attribute in (
        (r"(?:^|_)ids?$|ref", "evidence_id"),
        (r"quote|excerpt|verbatim|line", "quote"),
        (r"source|label|origin", "source"),
        (r".", "claim"),
    )
)

_SUSPICION: Final = "The evidence holds text that gives orders; it was reported and not followed."


# Words that mean the same level, worst first; the later ones of a group are second choices.
_LEVELS: Final = (
    ("critical", "sev1", "p1", "high"),
    ("error", "high", "major", "sev2", "p2"),
    ("warning", "medium", "minor", "sev3", "p3"),
    ("info", "low", "none", "sev4", "p4"),
)
_OBJECT: Final = re.compile(r"(?P<kind>[A-Z]\w*)/(?P<namespace>[a-z0-9-]+)/(?P<name>[a-z0-9.-]+)")


class Unfillable(Exception):  # noqa: N818 - it says what the schema is
    """A required field of the schema has no content that fits."""


def fill_report(schema: Mapping[str, Any], content: Content) -> JSON:
    """Return an object that follows `schema`. Raise Unfillable when that cannot be done."""
    filled = _fill(dict(schema), "", content, schema)
    if not isinstance(filled, dict):
        raise Unfillable("the schema of a report must be an object")
    return filled


def _fill(schema: JSON, name: str, value: Any, root: Mapping[str, Any]) -> Any:
    schema = _resolve(schema, root)
    if "const" in schema:
        # A constant that tells alternatives apart (an action's name) has to be the one that is meant.
        if isinstance(value, str | int) and value != schema["const"]:
            raise Unfillable(f"{name}: {value} is not {schema['const']}")
        return schema["const"]
    if "anyOf" in schema or "oneOf" in schema:
        return _fill_union(schema.get("anyOf") or schema["oneOf"], name, value, root)
    if "enum" in schema:
        return _choose(schema["enum"], value)
    kind = schema.get("type", "object" if "properties" in schema else "string")
    if isinstance(kind, list):
        return _fill_union([{**schema, "type": one} for one in kind], name, value, root)
    if kind == "object":
        return _fill_object(schema, name, value, root)
    if kind == "array":
        return _fill_array(schema, name, value, root)
    return _fill_scalar(kind, name, value)


def _resolve(schema: JSON, root: Mapping[str, Any]) -> JSON:
    while "$ref" in schema:
        found: Any = root
        for part in str(schema["$ref"]).removeprefix("#/").split("/"):
            found = found[part]
        schema = {**found, **{key: inner for key, inner in schema.items() if key != "$ref"}}
    if len(schema.get("allOf") or []) == 1:
        schema = {**_resolve(schema["allOf"][0], root), **{k: v for k, v in schema.items() if k != "allOf"}}
    return schema


def _fill_union(options: Sequence[JSON], name: str, value: Any, root: Mapping[str, Any]) -> Any:
    """Fill the first alternative that can be filled; null is the last resort."""
    for option in sorted(options, key=lambda option: option.get("type") == "null"):
        try:
            return None if option.get("type") == "null" else _fill(option, name, value, root)
        except Unfillable:
            continue
    raise Unfillable(name)


def _fill_object(schema: JSON, name: str, value: Any, root: Mapping[str, Any]) -> JSON:
    if isinstance(value, str) and (parts := _OBJECT.fullmatch(value)):
        value = parts.groupdict()
    required, filled = set(schema.get("required", [])), {}
    for key, inner in (schema.get("properties") or {}).items():
        found = _look_up(key, value)
        if found is None and key not in required:
            continue
        try:
            filled[key] = _fill(inner, key, found, root)
        except Unfillable:
            if key in required:
                raise
    if isinstance(value, Mapping) and schema.get("additionalProperties") is not False and not schema.get("properties"):
        filled |= value
    if required - set(filled):
        raise Unfillable(f"{name}: {', '.join(sorted(required - set(filled)))}")
    return filled


def _look_up(key: str, value: Any) -> Any:
    """Return what an object's field is to say, given what the object is about."""
    if isinstance(value, Content):
        return next((getattr(value, attribute) for pattern, attribute in FIELDS if pattern.search(key)), None)
    if isinstance(value, Cited):
        return next((getattr(value, attribute) for pattern, attribute in CITED_FIELDS if pattern.search(key)), None)
    if isinstance(value, Mapping):
        return value.get(key)
    return value


def _fill_array(schema: JSON, name: str, value: Any, root: Mapping[str, Any]) -> list[Any]:
    if isinstance(value, Mapping):  # strict schemas have no open objects: parameters travel as pairs
        value = [{"name": key, "key": key, "value": inner} for key, inner in value.items()]
    values = list(value) if isinstance(value, Sequence) and not isinstance(value, str) else []
    filled = []
    for item in values[: schema.get("maxItems", 8)]:
        try:
            filled.append(_fill(schema.get("items") or {}, name, item, root))
        except Unfillable:
            continue
    if len(filled) < schema.get("minItems", 0):
        raise Unfillable(name)
    return filled


def _choose(options: Sequence[Any], value: Any) -> Any:
    """Return the option that means the same as `value`: levels have a few spellings. Raise Unfillable."""
    if isinstance(value, float):
        value = "high" if value >= 0.8 else "medium" if value >= 0.5 else "low"
    word = str(value).lower()
    exact = [option for option in options if str(option).lower() == word]
    groups = sorted((group for group in _LEVELS if word in group), key=lambda group: group.index(word))
    for spelling in groups[0] if groups else ():
        exact += [option for option in options if str(option).lower() == spelling]
    if not exact:
        raise Unfillable(f"{value} is none of {options}")
    return exact[0]


def _fill_scalar(kind: str, name: str, value: Any) -> Any:
    if kind == "boolean":
        return value if isinstance(value, bool) else False
    if kind in {"number", "integer"}:
        if not isinstance(value, int | float):
            raise Unfillable(name)
        return round(value * 100 if 0 < value <= 1 else value) if kind == "integer" else value
    if kind == "null":
        return None
    if isinstance(value, Cited):
        return value.evidence_id
    if isinstance(value, Mapping):
        names = [str(value.get(part, "")) for part in ("kind", "namespace", "name")]
        return "/".join(names) if all(names) else json.dumps(value)
    if isinstance(value, bool):
        return _SUSPICION if value else ""
    if isinstance(value, str | int | float):
        return str(value)
    if isinstance(value, Sequence) and value and all(isinstance(item, str) for item in value):
        return "\n".join(value)
    raise Unfillable(name)
