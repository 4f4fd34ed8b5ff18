"""Edits of one object, and the JSON patch that makes exactly those or nothing.

Every patch begins with `test` operations on the UID, the resourceVersion and the old values: the server applies it to
the object that was looked at, or not at all.
"""

import copy
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

Obj = dict[str, Any]
Path = tuple[str | int, ...]


class _Absent:
    """The value of what is not there."""

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT: Final = _Absent()


@dataclass(frozen=True, slots=True)
class Edit:
    """Set what stands at `path` to `value`, or remove it (`ABSENT`). `private` keeps the old value out of the patch.

    An index one behind the end of a list appends.
    """

    path: Path
    value: Any
    private: bool = False


def pointer(path: Path) -> str:
    """Return the JSON pointer of `path`."""
    return "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in path)


def read_at(obj: Any, path: Path) -> Any:
    """Return what stands at `path`, or ABSENT."""
    for part in path:
        in_list = isinstance(obj, list) and isinstance(part, int) and 0 <= part < len(obj)
        if not in_list and not (isinstance(obj, dict) and part in obj):
            return ABSENT
        obj = obj[part]
    return obj


def is_done(current: Obj, edits: Iterable[Edit]) -> bool:
    """Return whether `current` already is as the edits would make it."""
    return all(read_at(current, edit.path) == edit.value for edit in edits)


def apply_edits(current: Obj, edits: Iterable[Edit]) -> Obj:
    """Return a copy of `current` with the edits made."""
    return _edited(current, edits)[0]


def operations(current: Obj, edits: Iterable[Edit], *, guarded: bool = True) -> list[Obj]:
    """Return the JSON patch (RFC 6902) that turns `current` into what the edits say, tests first."""
    edits = tuple(edits)
    metadata = current["metadata"]
    tests: list[Obj] = []
    if guarded:
        tests = [
            {"op": "test", "path": f"/metadata/{key}", "value": metadata[key]} for key in ("uid", "resourceVersion")
        ]
        tests += [
            {"op": "test", "path": pointer(edit.path), "value": old}
            for edit in edits
            if not edit.private and (old := read_at(current, edit.path)) is not ABSENT
        ]
    return tests + _edited(current, edits)[1]


def _edited(current: Obj, edits: Iterable[Edit]) -> tuple[Obj, list[Obj]]:
    draft = copy.deepcopy(current)
    made: list[Obj] = []
    for edit in edits:
        if edit.value is ABSENT:
            if read_at(draft, edit.path) is not ABSENT:
                del read_at(draft, edit.path[:-1])[edit.path[-1]]
                made.append({"op": "remove", "path": pointer(edit.path)})
            continue
        made += _make_parents(draft, edit.path)
        present = read_at(draft, edit.path) is not ABSENT
        parent, last = read_at(draft, edit.path[:-1]), edit.path[-1]
        value = copy.deepcopy(edit.value)
        if present or isinstance(parent, dict):
            parent[last] = value
        else:
            parent.insert(last, value)
        made.append({"op": "replace" if present else "add", "path": pointer(edit.path), "value": edit.value})
    return draft, made


def _make_parents(draft: Obj, path: Path) -> list[Obj]:
    """Create the empty dictionaries and lists on the way to `path`."""
    made: list[Obj] = []
    for depth in range(1, len(path)):
        if read_at(draft, path[:depth]) in (ABSENT, None):
            empty: Any = [] if isinstance(path[depth], int) else {}
            read_at(draft, path[: depth - 1])[path[depth - 1]] = empty
            made.append({"op": "add", "path": pointer(path[:depth]), "value": copy.deepcopy(empty)})
    return made
