"""meta.k8s.io Table answers, which `kubectl get` prints."""

from typing import Any

from aiohttp import web

from sandbox.kubernetes.calls import Call
from sandbox.kubernetes.columns import AGE, COLUMNS, NAME, Column
from sandbox.kubernetes.objects import Obj


def wants_table(request: web.Request) -> bool:
    return "as=Table" in request.headers.get("Accept", "")


def table_of(call: Call, items: list[Obj], metadata: dict[str, Any]) -> Obj:
    """Return the Table of some objects; `includeObject` decides what each row carries of its object."""
    columns = COLUMNS.get(call.kind.name, (NAME, AGE))
    include = call.query.get("includeObject", "Metadata")
    kept = ("resourceVersion", "continue", "remainingItemCount")
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": {key: metadata[key] for key in kept if key in metadata},
        "columnDefinitions": [_definition(column) for column in columns],
        "rows": [_row(columns, obj, include, call) for obj in items],
    }


def _definition(column: Column) -> Obj:
    return {
        "name": column.name,
        "type": column.type,
        "format": "name" if column.name == "Name" else "",
        "description": column.name,
        "priority": 1 if column.wide else 0,
    }


def _row(columns: tuple[Column, ...], obj: Obj, include: str, call: Call) -> Obj:
    row: Obj = {"cells": [column.read(obj) for column in columns]}
    if include == "Object":
        row["object"] = {"kind": call.kind.name, "apiVersion": call.kind.api_version, **obj}
    elif include != "None":
        head = {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1"}
        row["object"] = {**head, "metadata": obj["metadata"]}
    return row
