"""Label and field selectors, in the query-string form and in the LabelSelector form."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from sandbox.kubernetes.errors import StatusError
from sandbox.kubernetes.kinds import Kind
from sandbox.kubernetes.objects import Obj

Matcher = Callable[[Obj], bool]
Requirement = tuple[str, str, frozenset[str]]

_SET = re.compile(r"^(?P<key>[^\s!=,()]+)\s+(?P<op>in|notin)\s*\(\s*(?P<values>[^()]*)\)$")
_EQUAL = re.compile(r"^(?P<key>[^\s!=,()]+)\s*(?P<op>==|!=|=)\s*(?P<value>[^\s!=,()]*)$")
_EXISTS = re.compile(r"^(?P<not>!?)\s*(?P<key>[^\s!=,()]+)$")
_SPLIT = re.compile(r",(?![^(]*\))")


def parse_labels(text: str) -> list[Requirement]:
    """Read `a=b,c!=d,e in (f,g),!h`. Raise StatusError 400 as the real server does on anything else."""
    return [_requirement(part.strip()) for part in _SPLIT.split(text) if part.strip() or text.strip()]


def _requirement(part: str) -> Requirement:
    if found := _SET.match(part):
        values = frozenset(value.strip() for value in found["values"].split(","))
        return (found["key"], found["op"], values)
    if found := _EQUAL.match(part):
        return (found["key"], "notin" if found["op"] == "!=" else "in", frozenset({found["value"]}))
    if found := _EXISTS.match(part):
        return (found["key"], "absent" if found["not"] else "exists", frozenset())
    raise StatusError.bad_request(
        f"unable to parse requirement: found '{part}', expected: identifier, or one of '!', 'in', 'notin', '=', '!='"
    )


def satisfies(requirements: list[Requirement], labels: Mapping[str, str]) -> bool:
    for key, operator, values in requirements:
        value = labels.get(key)
        if operator == "in":
            good = value is not None and value in values
        elif operator == "notin":
            good = value is None or value not in values
        else:
            good = (value is not None) == (operator == "exists")
        if not good:
            return False
    return True


def selector_requirements(selector: Mapping[str, Any] | None) -> list[Requirement]:
    """Translate a LabelSelector (matchLabels, matchExpressions)."""
    selector = selector or {}
    found: list[Requirement] = [(k, "in", frozenset({v})) for k, v in (selector.get("matchLabels") or {}).items()]
    operators = {"In": "in", "NotIn": "notin", "Exists": "exists", "DoesNotExist": "absent"}
    return found + [
        (entry["key"], operators[entry["operator"]], frozenset(entry.get("values") or ()))
        for entry in selector.get("matchExpressions") or ()
    ]


def selector_matches(selector: Mapping[str, Any] | None, labels: Mapping[str, str] | None) -> bool:
    """Whether a LabelSelector matches; None matches nothing, an empty one everything."""
    return selector is not None and satisfies(selector_requirements(selector), labels or {})


def selector_text(selector: Mapping[str, Any] | None) -> str:
    """Return the selector as kubectl prints it and as the scale subresource carries it."""
    parts = [f"{key}={value}" for key, value in sorted(((selector or {}).get("matchLabels") or {}).items())]
    words = {"In": "in", "NotIn": "notin"}
    for entry in (selector or {}).get("matchExpressions") or ():
        if entry["operator"] in words:
            parts.append(f"{entry['key']} {words[entry['operator']]} ({','.join(entry.get('values') or ())})")
        else:
            parts.append(entry["key"] if entry["operator"] == "Exists" else f"!{entry['key']}")
    return ",".join(parts)


def compile_matcher(kind: Kind, label_text: str, field_text: str) -> Matcher:
    """Return one predicate for both selectors of a request. Raise StatusError 400 when one is malformed."""
    labels = parse_labels(label_text) if label_text.strip() else []
    fields = _parse_fields(kind, field_text)

    def matches(obj: Obj) -> bool:
        if labels and not satisfies(labels, obj["metadata"].get("labels") or {}):
            return False
        return all((_read(kind, obj, path) == value) is wanted for path, value, wanted in fields)

    return matches


def _parse_fields(kind: Kind, text: str) -> list[tuple[str, str, bool]]:
    found = []
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        match = re.match(r"^([^=!]+?)(==|!=|=)(.*)$", part)
        if match is None:
            raise StatusError.bad_request(f"invalid field selector: '{text}'; can't understand '{part}'")
        path, operator, value = match.groups()
        if path not in ("metadata.name", "metadata.namespace", *kind.field_labels):
            what = (
                f'Unable to find "{kind.group}/{kind.version}, Resource={kind.plural}" that match label selector "", '
            )
            raise StatusError.bad_request(f'{what}field selector "{text}": field label not supported: {path}')
        found.append((path, value, operator != "!="))
    return found


def _read(kind: Kind, obj: Obj, path: str) -> str:
    if kind.name == "Event" and path in ("source", "reportingComponent"):
        return str(obj.get("reportingComponent") or obj.get("source", {}).get("component", ""))
    value: Any = obj
    for step in path.split("."):
        value = value.get(step) if isinstance(value, dict) else None
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "false" if path in ("spec.unschedulable", "spec.hostNetwork") else ""
    return str(value)
