"""JSON patch, merge patch and strategic merge patch over plain JSON."""

from typing import Any

import jsonpatch

from sandbox.kubernetes.errors import StatusError
from sandbox.kubernetes.objects import Obj, clone

# The x-kubernetes-patch-merge-key of each list that merges by key, by the name of the field that holds the list.
MERGE_KEYS = {
    "addresses": "type",
    "conditions": "type",
    "containerStatuses": "name",
    "containers": "name",
    "env": "name",
    "ephemeralContainers": "name",
    "hostAliases": "ip",
    "imagePullSecrets": "name",
    "initContainers": "name",
    "ownerReferences": "uid",
    "podIPs": "ip",
    "hostIPs": "ip",
    "secrets": "name",
    "taints": "key",
    "topologySpreadConstraints": "topologyKey",
    "volumeDevices": "devicePath",
    "volumeMounts": "mountPath",
    "volumes": "name",
}
_PRIMITIVE_SETS = frozenset({"finalizers"})
# Fields of which at most one may be set: a strategic patch that names another replaces the old one.
_RETAIN_KEYS = "$retainKeys"


def merge_key(field: str, items: list[Any]) -> str | None:
    """Return the key a list merges by, or None for an atomic one. `ports` differs between Services and containers."""
    if field == "ports":
        return "containerPort" if any("containerPort" in item for item in items if isinstance(item, dict)) else "port"
    return MERGE_KEYS.get(field)


def merge_patch(target: Any, patch: Any) -> Any:
    """RFC 7386: null deletes, dictionaries merge, everything else replaces."""
    if not isinstance(patch, dict):
        return clone(patch)
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge_patch(result.get(key), value)
    return result


def json_patch(target: Obj, operations: Any) -> Obj:
    """RFC 6902. Raise StatusError 400 on a malformed patch and 422 when it does not fit or a test fails."""
    try:
        patched = jsonpatch.JsonPatch(operations).apply(clone(target))
    except (jsonpatch.InvalidJsonPatch, AttributeError, TypeError) as error:
        raise StatusError.bad_request(f"error decoding patch: {error}") from error
    except (jsonpatch.JsonPatchException, jsonpatch.JsonPointerException) as error:
        message = f"the server rejected our request due to an error in our request: {error}"
        raise StatusError(422, "Invalid", message) from error
    result: Obj = patched
    return result


def strategic_merge(target: Any, patch: Any, field: str = "") -> Any:
    """Merge dictionaries and keyed lists, meeting $patch, $retainKeys, $deleteFromPrimitiveList, $setElementOrder."""
    if isinstance(patch, dict):
        return _merge_dictionary(target if isinstance(target, dict) else {}, patch)
    if isinstance(patch, list):
        return _merge_list(target if isinstance(target, list) else [], patch, field)
    return patch


def _merge_dictionary(target: Obj, patch: Obj) -> Obj:
    if patch.get("$patch") == "replace":
        return {key: clone(value) for key, value in patch.items() if key != "$patch"}
    if patch.get("$patch") == "delete":
        return {}
    result = dict(target)
    if _RETAIN_KEYS in patch:
        result = {key: value for key, value in result.items() if key in patch[_RETAIN_KEYS]}
    for key, value in patch.items():
        if key.startswith("$deleteFromPrimitiveList/"):
            listed = key.partition("/")[2]
            result[listed] = [item for item in result.get(listed) or [] if item not in value]
        elif key.startswith("$"):
            continue
        elif value is None:
            result.pop(key, None)
        else:
            result[key] = strategic_merge(result.get(key), value, key)
    for key, order in patch.items():
        if key.startswith("$setElementOrder/"):
            _reorder(result, key.partition("/")[2], order)
    return result


def _merge_list(target: list[Any], patch: list[Any], field: str) -> list[Any]:
    if field in _PRIMITIVE_SETS:
        return [*target, *(item for item in patch if item not in target)]
    if any(isinstance(item, dict) and item.get("$patch") == "replace" for item in patch):
        return [clone(item) for item in patch if item != {"$patch": "replace"}]
    key = merge_key(field, [*target, *patch])
    if key is None or not all(isinstance(item, dict) for item in patch):
        return [strategic_merge(None, item) for item in patch]
    result = list(target)
    for item in patch:
        if key not in item:
            raise StatusError.bad_request(f"map: {item} does not contain declared merge key: {key}")
        position = next((i for i, old in enumerate(result) if old.get(key) == item[key]), None)
        if item.get("$patch") == "delete":
            result = [old for old in result if old.get(key) != item[key]]
        elif position is None:
            result.append(_merge_dictionary({}, item))
        else:
            result[position] = _merge_dictionary(result[position], item)
    return result


def _reorder(result: Obj, field: str, order: list[Any]) -> None:
    """Put the elements a patch names in its order; elements it does not name keep their place after them."""
    items = result.get(field)
    if not isinstance(items, list):
        return
    key = merge_key(field, items)
    wanted = [entry.get(key) if isinstance(entry, dict) else entry for entry in order]

    def place(item: Any) -> int:
        name = item.get(key) if isinstance(item, dict) else item
        return wanted.index(name) if name in wanted else len(wanted)

    result[field] = sorted(items, key=place)
