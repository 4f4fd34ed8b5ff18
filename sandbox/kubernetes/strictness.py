"""Unknown fields: what `fieldValidation` refuses or warns about."""

from collections.abc import Iterator
from typing import Any

from sandbox.kubernetes.objects import Obj
from sandbox.kubernetes.schema import METADATA, SCHEMAS, Shape


def unknown_fields(kind: str, obj: Obj) -> list[str]:
    """Return the paths of the fields the schema of `kind` does not have; empty where there is no schema."""
    shape = SCHEMAS.get(kind)
    if shape is None:
        return []
    whole = {**shape, "metadata": METADATA, "kind": {}, "apiVersion": {}, "status": None}
    return list(_unknown(obj, whole, ""))


def _unknown(value: Any, shape: Shape | None, path: str) -> Iterator[str]:
    if not shape:
        return
    if isinstance(shape, list):
        for index, item in enumerate(value if isinstance(value, list) else ()):
            yield from _unknown(item, shape[0], f"{path}[{index}]")
        return
    for name, below in (value if isinstance(value, dict) else {}).items():
        where = f"{path}.{name}" if path else name
        if name not in shape:
            yield where
        else:
            yield from _unknown(below, shape[name], where)
