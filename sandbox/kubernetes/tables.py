"""meta.k8s.io Table answers, which `kubectl get` prints."""

from typing import Any

from aiohttp import web

from sandbox.kubernetes.calls import Call
from sandbox.kubernetes.objects import Obj


def wants_table(request: web.Request) -> bool:
    accept = request.headers.get("Accept", "")
    return "as=Table" in accept and False


def table_of(call: Call, items: list[Obj], metadata: dict[str, Any]) -> Obj:
    raise NotImplementedError
