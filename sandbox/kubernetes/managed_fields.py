"""metadata.managedFields: who set what, and server-side apply on top of it.

A set of fields is kept in the wire form, `fieldsV1`: nested dictionaries with `f:name` for a field and
`k:{"name":"x"}` for an element of a keyed list; an empty dictionary is a leaf.
"""

import json
from typing import Any

from sandbox.kubernetes.objects import Obj, clone, now_text
from sandbox.kubernetes.patching import merge_key

FieldSet = dict[str, Any]

_SERVER_OWNED = frozenset(
    {
        "uid",
        "resourceVersion",
        "creationTimestamp",
        "generation",
        "managedFields",
        "name",
        "namespace",
        "selfLink",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
    }
)


def field_set(obj: Obj) -> FieldSet:
    """Return the fields an object sets, without its identity and what the server owns."""
    return changed_fields(None, obj)


def changed_fields(before: Obj | None, after: Obj) -> FieldSet:
    """Return the fields in which `after` differs from `before`; removed ones are not part of it."""
    result: FieldSet = {}
    before = before or {}
    for key, content in after.items():
        value = content
        if key in ("kind", "apiVersion"):
            continue
        old = before.get(key)
        if key == "metadata":
            value = {k: v for k, v in value.items() if k not in _SERVER_OWNED}
            if not value:
                continue
        if old == value and key in before:
            continue
        fields = _fields_of(old, value, key)
        if fields is not None:
            result[f"f:{key}"] = fields
    return result


def _fields_of(old: Any, new: Any, field: str) -> FieldSet | None:
    """Return the changed part of a value as a field set; None when nothing below it changed."""
    if isinstance(new, dict) and new:
        found: FieldSet = {}
        previous = old if isinstance(old, dict) else {}
        for key, value in new.items():
            if key in previous and previous[key] == value:
                continue
            fields = _fields_of(previous.get(key), value, key)
            if fields is not None:
                found[f"f:{key}"] = fields
        return found or None
    if isinstance(new, list) and new and isinstance(new[0], dict):
        key_name = merge_key(field, new)
        if key_name is not None:
            return _fields_of_list(old if isinstance(old, list) else [], new, key_name)
    return {}


def _fields_of_list(old: list[Any], new: list[Any], key_name: str) -> FieldSet | None:
    previous = {item.get(key_name): item for item in old if isinstance(item, dict)}
    found: FieldSet = {}
    for item in new:
        name = item.get(key_name)
        if previous.get(name) == item:
            continue
        fields = _fields_of(previous.get(name), item, "") or {}
        if name not in previous:
            fields = {".": {}, **fields}
        found[element_key(item, key_name)] = fields
    return found or None


def element_key(item: Obj, key_name: str) -> str:
    keys = {key_name: item.get(key_name)}
    if key_name in ("containerPort", "port"):
        keys["protocol"] = item.get("protocol", "TCP")
    return "k:" + json.dumps(keys, separators=(",", ":"), sort_keys=True)


def union(first: FieldSet, second: FieldSet) -> FieldSet:
    result = dict(first)
    for key, value in second.items():
        result[key] = union(result[key], value) if key in result else clone(value)
    return result


def difference(first: FieldSet, second: FieldSet) -> FieldSet:
    """Return the fields of `first` that `second` does not hold; a branch left empty disappears."""
    result: FieldSet = {}
    for key, value in first.items():
        if key not in second:
            result[key] = value
            continue
        if not value:
            continue
        rest = difference(value, second[key])
        if rest and set(rest) != {"."}:
            result[key] = rest
    return result


def intersection(first: FieldSet, second: FieldSet) -> FieldSet:
    """Return the leaves both hold."""
    result: FieldSet = {}
    for key in first.keys() & second.keys():
        if key == ".":
            continue
        one, two = first[key], second[key]
        if not one or not two:
            if not one and not two:
                result[key] = {}
            continue
        both = intersection(one, two)
        if both:
            result[key] = both
    return result


def record_update(before: Obj | None, after: Obj, manager: str, operation: str, subresource: str) -> None:
    """Note in `after` that `manager` set what differs from `before`; others lose what it took over."""
    entries = list((before or {}).get("metadata", {}).get("managedFields") or [])
    fields = field_set(after) if before is None else changed_fields(before, after)
    if fields:
        entries = [_without(entry, fields) for entry in entries]
        entries = [entry for entry in entries if entry["fieldsV1"]]
        put_entry(entries, after["apiVersion"], manager, operation, subresource, fields)
    if entries:
        after["metadata"]["managedFields"] = entries
    else:
        after["metadata"].pop("managedFields", None)


def _without(entry: Obj, fields: FieldSet) -> Obj:
    kept = difference(entry["fieldsV1"], fields)
    return entry if kept == entry["fieldsV1"] else {**entry, "fieldsV1": kept}


def put_entry(
    entries: list[Obj], api_version: str, manager: str, operation: str, subresource: str, fields: FieldSet
) -> None:
    """Add `fields` to the manager's entry, or append one."""
    for index, entry in enumerate(entries):
        same = entry["manager"] == manager and entry["operation"] == operation
        if same and entry.get("subresource", "") == subresource:
            entries[index] = {**entry, "time": now_text(), "fieldsV1": union(entry["fieldsV1"], fields)}
            return
    entry = {
        "manager": manager,
        "operation": operation,
        "apiVersion": api_version,
        "time": now_text(),
        "fieldsType": "FieldsV1",
        "fieldsV1": fields,
    }
    if subresource:
        entry["subresource"] = subresource
    entries.append(entry)
