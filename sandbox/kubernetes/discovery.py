"""What the server says it serves: versions, groups and resources, in the legacy and in the aggregated form."""

from typing import Any

from aiohttp import web

from sandbox.kubernetes.kinds import Kind, group_versions
from sandbox.kubernetes.objects import Obj

VERSION = {
    "major": "1",
    "minor": "32",
    "gitVersion": "v1.32.4",
    "gitCommit": "59526cd4867447956156ae3a602fcbac10a2c335",
    "gitTreeState": "clean",
    "buildDate": "2025-04-22T15:56:41Z",
    "goVersion": "go1.23.8",
    "compiler": "gc",
    "platform": "linux/amd64",
}
_AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
# What a subresource is written and read as, where it differs from its parent.
_SUBRESOURCE_KINDS = {
    "scale": ("autoscaling", "v1", "Scale"),
    "eviction": ("policy", "v1", "Eviction"),
    "binding": ("", "v1", "Binding"),
    "token": ("authentication.k8s.io", "v1", "TokenRequest"),
}
_SUBRESOURCE_VERBS = {
    "binding": ["create"],
    "eviction": ["create"],
    "token": ["create"],
    "log": ["get"],
    "proxy": ["get"],
    "finalize": ["update"],
}
_STATUS_VERBS = ["get", "patch", "update"]


def wants_aggregated(request: web.Request) -> bool:
    return "as=APIGroupDiscoveryList" in request.headers.get("Accept", "")


def aggregated(core: bool) -> tuple[str, Obj]:
    """Return (content type, APIGroupDiscoveryList) for `/api` or `/apis`."""
    groups: dict[str, Obj] = {}
    for group, version, kinds in group_versions():
        if (group == "") is not core:
            continue
        entry = groups.setdefault(group, {"metadata": {"name": group}, "versions": []})
        resources = [_aggregated_resource(kind) for kind in kinds]
        entry["versions"].append({"version": version, "resources": resources, "freshness": "Current"})
    body = {
        "kind": "APIGroupDiscoveryList",
        "apiVersion": "apidiscovery.k8s.io/v2",
        "metadata": {},
        "items": list(groups.values()),
    }
    return _AGGREGATED, body


def _aggregated_resource(kind: Kind) -> Obj:
    found: dict[str, Any] = {
        "resource": kind.plural,
        "responseKind": {"group": kind.group, "version": kind.version, "kind": kind.name},
        "scope": "Namespaced" if kind.namespaced else "Cluster",
        "singularResource": kind.singular,
        "verbs": list(kind.verbs),
    }
    if kind.short_names:
        found["shortNames"] = list(kind.short_names)
    if kind.categories:
        found["categories"] = list(kind.categories)
    if kind.subresources:
        found["subresources"] = [
            {
                "subresource": name,
                "responseKind": dict(zip(("group", "version", "kind"), _subresource_kind(kind, name), strict=True)),
                "verbs": _SUBRESOURCE_VERBS.get(name, _STATUS_VERBS),
            }
            for name in kind.subresources
        ]
    return found


def _subresource_kind(kind: Kind, name: str) -> tuple[str, str, str]:
    return _SUBRESOURCE_KINDS.get(name, (kind.group, kind.version, kind.name))


def core_versions(address: str) -> Obj:
    clients = [{"clientCIDR": "0.0.0.0/0", "serverAddress": address}]
    return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": clients}


def group_list() -> Obj:
    groups = [_group(group, version) for group, version, _ in group_versions() if group]
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}


def one_group(name: str) -> Obj | None:
    for group, version, _ in group_versions():
        if group and group == name:
            return {"kind": "APIGroup", "apiVersion": "v1", **_group(group, version)}
    return None


def _group(group: str, version: str) -> Obj:
    shown = {"groupVersion": f"{group}/{version}", "version": version}
    return {"name": group, "versions": [shown], "preferredVersion": shown}


def resource_list(group: str, version: str) -> Obj | None:
    """Return the APIResourceList of a group version, or None when it is not served."""
    for found_group, found_version, kinds in group_versions():
        if (found_group, found_version) == (group, version):
            resources = [entry for kind in kinds for entry in _legacy_resources(kind)]
            name = f"{group}/{version}" if group else version
            return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": name, "resources": resources}
    return None


def _legacy_resources(kind: Kind) -> list[Obj]:
    first: dict[str, Any] = {
        "name": kind.plural,
        "singularName": kind.singular,
        "namespaced": kind.namespaced,
        "kind": kind.name,
        "verbs": list(kind.verbs),
    }
    if kind.short_names:
        first["shortNames"] = list(kind.short_names)
    if kind.categories:
        first["categories"] = list(kind.categories)
    found = [first]
    for name in kind.subresources:
        group, version, shown = _subresource_kind(kind, name)
        entry: dict[str, Any] = {"name": f"{kind.plural}/{name}", "singularName": "", "namespaced": kind.namespaced}
        if (group, version) != (kind.group, kind.version):
            entry |= {"group": group, "version": version}
        found.append({**entry, "kind": shown, "verbs": _SUBRESOURCE_VERBS.get(name, _STATUS_VERBS)})
    return found
