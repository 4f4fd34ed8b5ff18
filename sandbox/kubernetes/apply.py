"""Server-side apply: merge a configuration, drop what its manager no longer states, refuse conflicts."""

import json
from typing import Any

from sandbox.kubernetes.calls import Call
from sandbox.kubernetes.cluster import Cluster, Write
from sandbox.kubernetes.errors import StatusError
from sandbox.kubernetes.managed_fields import FieldSet, difference, field_set, intersection, put_entry
from sandbox.kubernetes.objects import Obj, clone, without_nulls
from sandbox.kubernetes.patching import merge_key, strategic_merge


def apply_configuration(cluster: Cluster, call: Call, configuration: Obj) -> tuple[Obj, bool]:
    """Apply and return (object, whether it was created). Raise StatusError 409 when others own what it changes."""
    if "fieldManager" not in call.query:
        raise StatusError.bad_request(
            'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch'
        )
    write = call.write("Apply")
    wanted = without_nulls(configuration)
    wanted.setdefault("metadata", {}).pop("managedFields", None)
    current = cluster.store.get(call.kind.storage, call.namespace, call.name)
    if current is None:
        wanted["metadata"]["name"] = call.name
        return cluster.create(call.kind, call.namespace, wanted, write), True
    stated = field_set(wanted)
    _refuse_conflicts(call, current, wanted, stated, write)

    def merge(draft: Obj) -> Obj:
        return _merged(draft, wanted, stated, write, force=call.flag("force"))

    return cluster.update(call.kind, call.namespace, call.name, merge, write), False


def _merged(draft: Obj, wanted: Obj, stated: FieldSet, write: Write, *, force: bool) -> Obj:
    entries = [dict(entry) for entry in draft["metadata"].get("managedFields") or []]
    mine = next((e for e in entries if e["manager"] == write.manager and e["operation"] == "Apply"), None)
    others = [entry for entry in entries if entry is not mine]
    dropped = difference(mine["fieldsV1"], stated) if mine else {}
    for entry in others:
        dropped = difference(dropped, entry["fieldsV1"])
    result: Obj = strategic_merge(_pruned(draft, dropped, ""), clone(wanted))
    if force:
        for entry in others:
            taken = _changed_leaves(intersection(entry["fieldsV1"], stated), draft, wanted)
            entry["fieldsV1"] = difference(entry["fieldsV1"], taken)
    others = [entry for entry in others if entry["fieldsV1"]]
    if mine and mine["fieldsV1"] == stated and result == draft:
        others.insert(0, mine)
    else:
        put_entry(others, draft["apiVersion"], write.manager, "Apply", write.subresource, stated)
    result["metadata"]["managedFields"] = others
    return result


def _refuse_conflicts(call: Call, current: Obj, wanted: Obj, stated: FieldSet, write: Write) -> None:
    if call.flag("force"):
        return
    causes = []
    for entry in current["metadata"].get("managedFields") or ():
        if entry["manager"] == write.manager and entry["operation"] == "Apply":
            continue
        contested = _changed_leaves(intersection(entry["fieldsV1"], stated), current, wanted)
        for path in _paths(contested):
            using = f" using {entry['apiVersion']}" if entry["operation"] == "Update" else ""
            message = f'conflict with "{entry["manager"]}"{using}'
            causes.append({"reason": "FieldManagerConflict", "message": message, "field": path})
    if causes:
        first = causes[0]
        plural = f"{len(causes)} conflict{'s' if len(causes) > 1 else ''}"
        listed = "; ".join(f"{cause['message']}: {cause['field']}" for cause in causes)
        message = (
            f"Apply failed with {plural}: {listed}"
            if len(causes) > 1
            else (f"Apply failed with {plural}: {first['message']}: {first['field']}")
        )
        raise StatusError(409, "Conflict", message, {"causes": causes})


def _changed_leaves(fields: FieldSet, current: Any, wanted: Any, field: str = "") -> FieldSet:
    """Keep the leaves of `fields` whose values differ between two objects."""
    result: FieldSet = {}
    for step, below in fields.items():
        one, name = _step(current, step, field)
        two, _ = _step(wanted, step, field)
        if not below:
            if one != two:
                result[step] = {}
            continue
        changed = _changed_leaves(below, one, two, name)
        if changed:
            result[step] = changed
    return result


def _step(value: Any, step: str, field: str) -> tuple[Any, str]:
    if step.startswith("f:"):
        return (value.get(step[2:]) if isinstance(value, dict) else None), step[2:]
    keys = json.loads(step[2:]) if step.startswith("k:") else {}
    return (_element(value, keys, field) if keys else None), field


def _element(items: Any, keys: Obj, field: str) -> Any:
    if not isinstance(items, list):
        return None
    key = merge_key(field, items) or ""
    return next((item for item in items if isinstance(item, dict) and item.get(key) == keys.get(key)), None)


def _paths(fields: FieldSet, prefix: str = "") -> list[str]:
    found = []
    for step, below in fields.items():
        if step.startswith("f:"):
            path = f"{prefix}.{step[2:]}"
        else:
            keys = json.loads(step[2:])
            path = prefix + "[" + ",".join(f"{k}={json.dumps(v)}" for k, v in keys.items()) + "]"
        found.extend(_paths(below, path) if below else [path])
    return found


def _pruned(value: Any, dropped: FieldSet, field: str) -> Any:
    """Return `value` without the fields in `dropped`."""
    if isinstance(value, dict):
        result = dict(value)
        for step, below in dropped.items():
            name = step[2:]
            if not step.startswith("f:") or name not in result:
                continue
            if below:
                result[name] = _pruned(result[name], below, name)
            else:
                del result[name]
        return result
    if isinstance(value, list):
        items = list(value)
        for step, below in dropped.items():
            target = _element(items, json.loads(step[2:]), field) if step.startswith("k:") else None
            if target is None:
                continue
            if "." in below:
                items.remove(target)
            else:
                items[items.index(target)] = _pruned(target, below, "")
        return items
    return value
