"""Lists: selection, order, pages with continue tokens, and the JSON text put together from cached pieces."""

import base64
import binascii
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sandbox.kubernetes.calls import Call
from sandbox.kubernetes.cluster import Cluster
from sandbox.kubernetes.errors import StatusError
from sandbox.kubernetes.kinds import Kind
from sandbox.kubernetes.objects import Obj
from sandbox.kubernetes.selectors import Matcher, compile_matcher
from sandbox.kubernetes.store import Store
from sandbox.kubernetes.views import present


@dataclass(frozen=True, slots=True)
class Page:
    """The objects of one answer with the list's metadata (resourceVersion, continue, remainingItemCount)."""

    items: list[Obj]
    metadata: dict[str, Any]


@dataclass(frozen=True, slots=True)
class ListQuery:
    """The parameters of a list: a predicate for both selectors, a page size (0 is all) and where to go on."""

    matches: Matcher
    limit: int
    start: int
    version: str

    @classmethod
    def read(cls, call: Call) -> "ListQuery":
        """Raise StatusError 400 on malformed selectors or numbers, 410 on a continue token that is not ours."""
        query = call.query
        matcher = compile_matcher(call.kind, query.get("labelSelector", ""), query.get("fieldSelector", ""))
        if call.name:
            named = call.name
            matcher = compile_matcher(call.kind, query.get("labelSelector", ""), f"metadata.name={named}")
        try:
            limit = int(query.get("limit") or 0)
        except ValueError as error:
            raise StatusError.bad_request(f'limit: Invalid value: "{query["limit"]}"') from error
        start, version = _read_token(query.get("continue", ""))
        return cls(matcher, limit, start, version)

    def page(self, objects: Iterable[Obj], version: int) -> Page:
        chosen = [obj for obj in objects if self.matches(obj)]
        metadata: dict[str, Any] = {"resourceVersion": self.version or str(version)}
        end = self.start + self.limit if self.limit > 0 else len(chosen)
        if end < len(chosen):
            metadata["continue"] = _make_token(end, metadata["resourceVersion"])
            metadata["remainingItemCount"] = len(chosen) - end
        return Page(chosen[self.start : end], metadata)


def read_objects(cluster: Cluster, kind: Kind, namespace: str, name: str = "") -> list[Obj]:
    """Return the objects of a kind, in a namespace unless it is empty; `name` narrows it to one."""
    if kind.group == "metrics.k8s.io":
        board, store = cluster.usage, cluster.store
        measured = board.pod_metrics(store, namespace) if kind.name == "PodMetrics" else board.node_metrics(store)
        return [found for found in measured if not name or found["metadata"]["name"] == name]
    if name:
        found = cluster.store.get(kind.storage, namespace, name)
        return [found] if found is not None else []
    return cluster.store.list_of(kind.storage, namespace or None)


def list_text(store: Store, kind: Kind, page: Page) -> str:
    """Return the JSON of a list. Items carry neither kind nor apiVersion, as in the real server's typed lists."""
    if kind.group == "events.k8s.io":
        shown = (
            json.dumps({k: v for k, v in present(kind, o).items() if k not in ("kind", "apiVersion")})
            for o in page.items
        )
        items = ",".join(shown)
    else:
        items = ",".join(store.encoded(kind.storage, obj) for obj in page.items)
    head = json.dumps({"kind": f"{kind.name}List", "apiVersion": kind.api_version, "metadata": page.metadata})
    return f'{head[:-1]},"items":[{items}]}}'


def _make_token(start: int, version: str) -> str:
    return base64.urlsafe_b64encode(json.dumps({"v": version, "start": start}).encode()).decode().rstrip("=")


def _read_token(token: str) -> tuple[int, str]:
    if not token:
        return 0, ""
    try:
        read = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        return int(read["start"]), str(read["v"])
    except (binascii.Error, ValueError, KeyError, TypeError) as error:
        raise StatusError.bad_request("continue key is not valid") from error
