"""The same change for the source that an object is rendered from, small enough for one line of a message.

Messages collapse line breaks, so the patch is YAML in flow style: it survives that, and can be pasted into a file.
"""

from typing import Any

import yaml

from bot.domain.redaction import redact_json
from integrations.kubernetes.actions.patching import ABSENT, Edit, Obj, Path, read_at

_LONGEST = 240
_MOST_FIELDS = 3
# What a strategic merge patch tells the entries of a list apart by, in the order in which it is looked for.
_MERGE_KEYS = ("name", "containerPort", "port")


def source_patch(obj: Obj, edits: tuple[Edit, ...]) -> str:
    """Return the edits as a strategic merge patch in one line of YAML, "" when they do not belong into a source."""
    wanted = [edit for edit in edits if _belongs(edit)]
    if not wanted or any(edit.private for edit in wanted):
        return ""
    patch: Obj = {}
    for edit in wanted:
        patch = _merge(patch, _nest(obj, edit.path, edit.value))
    text = yaml.safe_dump(redact_json(patch), default_flow_style=True, sort_keys=True, width=1_000_000).strip()
    return text if len(text) <= _LONGEST else ""


def source_fields(obj: Obj, edits: tuple[Edit, ...]) -> str:
    """Return which fields become what, in words, for tools whose sources are templates of their own."""
    parts = [f"{_named(obj, edit.path)} to {_shown(edit)}" for edit in edits if _belongs(edit)]
    more = f" and {len(parts) - _MOST_FIELDS} more" if len(parts) > _MOST_FIELDS else ""
    text = ", ".join(parts[:_MOST_FIELDS]) + more
    return text if len(text) <= _LONGEST else ", ".join(_named(obj, edit.path) for edit in edits[:_MOST_FIELDS])


def _belongs(edit: Edit) -> bool:
    """Annotations such as the time of a restart, and finalizers, are nothing that anybody keeps in Git."""
    return "annotations" not in edit.path and "finalizers" not in edit.path


def _shown(edit: Edit) -> str:
    if edit.value is ABSENT:
        return "nothing (remove it)"
    if edit.private or isinstance(edit.value, dict | list):
        return "what the diff shows"
    name = str(edit.path[-1])
    return str(redact_json({name: edit.value})[name])


def _named(obj: Obj, path: Path) -> str:
    """Return a path as people write it: `spec.template.spec.containers[app].image`."""
    text = ""
    for depth, part in enumerate(path):
        if isinstance(part, int):
            entry = read_at(obj, path[: depth + 1])
            text += f"[{_identity(entry).get('name', part)}]"
        else:
            text += f".{part}" if text else part
    return text


def _identity(entry: Any) -> Obj:
    """Return the key by which a list's entry is found again, empty where it has none."""
    if not isinstance(entry, dict):
        return {}
    return next(({key: entry[key]} for key in _MERGE_KEYS if key in entry), {})


def _nest(obj: Obj, path: Path, value: Any) -> Any:
    """Return `value` wrapped into dictionaries and identified list entries, as far as `path` leads."""
    inner: Any = None if value is ABSENT else value
    for depth in range(len(path) - 1, -1, -1):
        part = path[depth]
        if not isinstance(part, int):
            inner = {part: inner}
            continue
        identity = _identity(read_at(obj, path[: depth + 1]))
        if inner is None:
            inner = {**identity, "$patch": "delete"}
        elif isinstance(inner, dict):
            inner = {**identity, **inner}
        inner = [inner]
    return inner


def _merge(first: Any, second: Any) -> Any:
    """Join two nested patches; entries of lists that are the same entry become one."""
    if isinstance(first, dict) and isinstance(second, dict):
        return {**first, **{key: _merge(first[key], item) if key in first else item for key, item in second.items()}}
    if isinstance(first, list) and isinstance(second, list):
        same = first and second and _identity(first[-1]) and _identity(first[-1]) == _identity(second[0])
        return [*first[:-1], _merge(first[-1], second[0]), *second[1:]] if same else first + second
    return second
