"""Dumps of one broken Deployment, written the way each tool lays them out."""

import io
import json
import tarfile
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.integrations.kubernetes.builders import (
    NS,
    Object,
    config_map,
    container,
    crashed,
    deployment,
    event,
    node,
    pod,
    pod_metrics,
    replica_set,
    service,
    template,
)

CANARY = "kT9$wq7RrZ2mL0pXvB"
LOG = "2026-05-04T03:18:59.123456789Z starting\n2026-05-04T03:19:00.5Z KeyError: 'DB_HOST' is not set\n"
Files = dict[str, str]


def broken_shop() -> list[Object]:
    """A Deployment whose only pod ends for want of a variable, with what stands around it."""
    pattern = template(container(env=[{"name": "API_TOKEN", "value": CANARY}]))
    owner = deployment(pattern)
    current = replica_set(owner, pattern, 3)
    sick = pod(current, crashed(), suffix="abc12")
    sick["metadata"]["labels"] = {"app": "web"}
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "keys", "namespace": NS},
        "data": {"k": CANARY},
    }
    return [
        owner, current, sick, service(), node(), config_map("web", password=CANARY),
        event(sick, "BackOff", "Back-off restarting failed container"), pod_metrics(sick, "1m"), secret,
    ]  # fmt: skip


def name_of_pod() -> str:
    return str(next(item for item in broken_shop() if item["kind"] == "Pod")["metadata"]["name"])


def kubectl_json(objects: Iterable[Object]) -> str:
    return json.dumps({"apiVersion": "v1", "kind": "List", "metadata": {"resourceVersion": ""}, "items": list(objects)})


def kubectl_yaml(objects: Iterable[Object]) -> str:
    return yaml.safe_dump({"apiVersion": "v1", "kind": "List", "items": list(objects)})


def cluster_info(objects: Iterable[Object]) -> Files:
    """`kubectl cluster-info dump`: typed lists whose items carry no kind, events and pods by namespace."""
    kinds = {
        "Pod": "pods", "Service": "services", "Deployment": "deployments", "ReplicaSet": "replicasets",
        "Event": "events", "Node": "nodes",
    }  # fmt: skip
    files: Files = {}
    for kind, stem in kinds.items():
        found = [item for item in objects if item["kind"] == kind]
        items = [{key: value for key, value in item.items() if key not in {"kind", "apiVersion"}} for item in found]
        version = found[0]["apiVersion"] if found else "v1"
        place = f"{stem}.json" if kind == "Node" else f"{NS}/{stem}.json"
        files[place] = json.dumps(
            {"kind": f"{kind}List", "apiVersion": version, "metadata": {}, "items": items}, indent=4
        )
    title = f"container main of pod {NS}/{name_of_pod()} ===="
    files[f"{NS}/{name_of_pod()}/logs.txt"] = f"==== START logs for {title}\n{LOG}==== END logs for {title}\n"
    return files


def must_gather(objects: Iterable[Object]) -> Files:
    """`oc adm must-gather`: YAML by group and kind, pods one by one, logs by container and run."""
    top = "must-gather.local.1/quay-io-image-sha256-1"
    groups = {"Deployment": "apps/deployments", "ReplicaSet": "apps/replicasets", "Service": "core/services"}
    files: Files = {f"{top}/timestamp": "2026-05-04 03:20:00 start", f"{top}/event-filter.html": "<html></html>"}
    name = name_of_pod()
    for item in objects:
        kind = item["kind"]
        if kind == "Node":
            files[f"{top}/cluster-scoped-resources/core/nodes/{item['metadata']['name']}.yaml"] = yaml.safe_dump(item)
        elif kind == "Pod":
            files[f"{top}/namespaces/{NS}/pods/{name}/{name}.yaml"] = "---\n" + yaml.safe_dump(item)
        elif kind != "Secret":
            place = groups.get(kind, f"core/{kind.lower()}s")
            files[f"{top}/namespaces/{NS}/{place}.yaml"] = kubectl_yaml([item])
    logs = f"{top}/namespaces/{NS}/pods/{name}/main/main/logs"
    files |= {f"{logs}/current.log": "", f"{logs}/previous.log": LOG, f"{logs}/previous.insecure.log": ""}
    return files


def by_hand(objects: Iterable[Object]) -> Files:
    """What people collect: odd names, many documents in one file, logs named after pods."""
    items = list(objects)
    return {
        "everything": kubectl_json(items[:3]),
        "rest.txt": "---\n".join(yaml.safe_dump(item) for item in items[3:]),
        f"{name_of_pod()}-previous.log": LOG,
        "notes.md": "# Monday\nkubectl was slow",
    }


def write_directory(root: Path, files: Mapping[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def write_zip(path: Path, files: Mapping[str, str]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return path


def write_tar(path: Path, files: Mapping[str, str | bytes], mode: Any = "w:gz") -> Path:
    with tarfile.open(path, mode) as archive:
        for name, text in files.items():
            content = text.encode() if isinstance(text, str) else text
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path
