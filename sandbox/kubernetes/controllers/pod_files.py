"""What a container finds when it starts: environment and mounted files, from ConfigMaps and Secrets of the store."""

import base64
from collections.abc import Iterator

from sandbox.kubernetes.objects import Obj
from sandbox.kubernetes.store import Store


class MissingReference(Exception):  # noqa: N818 - the kubelet reports it and waits; nothing failed in our code
    """A ConfigMap, Secret or key that a pod refers to is not there; `message` is the kubelet's wording."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


def read_map(store: Store, kind: str, namespace: str, name: str) -> dict[str, str] | None:
    """Return the content of a ConfigMap or a Secret as text, or None when it does not exist."""
    found = store.get(kind, namespace, name)
    if found is None:
        return None
    content = found.get("data") or {}
    if kind == "ConfigMap":
        return dict(content)
    return {key: base64.b64decode(value).decode(errors="replace") for key, value in content.items()}


def check_volumes(store: Store, pod: Obj) -> None:
    """Raise MissingReference when a volume's ConfigMap, Secret or key is not there."""
    for volume in pod["spec"].get("volumes") or ():
        volume_files(store, pod, volume)


def volume_files(store: Store, pod: Obj, volume: Obj) -> dict[str, str]:
    """Return the files of a volume by their path inside it."""
    files: dict[str, str] = {}
    for kind, source in _sources(volume):
        name = source.get("name") or source.get("secretName") or ""
        if kind == "ConfigMap" and name == "kube-root-ca.crt":
            continue
        content = read_map(store, kind, pod["metadata"]["namespace"], name)
        if content is None:
            if source.get("optional"):
                continue
            noun = kind.lower()
            what = f'{noun} "{name}" not found'
            raise MissingReference(f'MountVolume.SetUp failed for volume "{volume["name"]}" : {what}')
        if not source.get("items"):
            files.update(content)
            continue
        for item in source["items"]:
            if item["key"] not in content:
                if source.get("optional"):
                    continue
                what = f"references non-existent {'config' if kind == 'ConfigMap' else 'secret'} key: {item['key']}"
                noun = kind.lower()
                raise MissingReference(
                    f'MountVolume.SetUp failed for volume "{volume["name"]}" : {noun} {what}'
                    if kind == "Secret"
                    else f'MountVolume.SetUp failed for volume "{volume["name"]}" : configmap {what}'
                )
            files[item["path"]] = content[item["key"]]
    return files


def _sources(volume: Obj) -> Iterator[tuple[str, Obj]]:
    if "configMap" in volume:
        yield "ConfigMap", volume["configMap"]
    if "secret" in volume:
        yield "Secret", volume["secret"]
    for source in (volume.get("projected") or {}).get("sources") or ():
        if "configMap" in source:
            yield "ConfigMap", source["configMap"]
        elif "secret" in source:
            yield "Secret", source["secret"]


def mounted_files(store: Store, pod: Obj, container: Obj) -> dict[str, str]:
    """Return the files a container sees, by absolute path."""
    volumes = {volume["name"]: volume for volume in pod["spec"].get("volumes") or ()}
    files: dict[str, str] = {}
    for mount in container.get("volumeMounts") or ():
        content = volume_files(store, pod, volumes[mount["name"]])
        root = mount["mountPath"].rstrip("/")
        if mount.get("subPath"):
            if mount["subPath"] in content:
                files[root] = content[mount["subPath"]]
            continue
        files.update({f"{root}/{path}": text for path, text in content.items()})
    return files


def environment(store: Store, pod: Obj, container: Obj) -> dict[str, str]:
    """Return a container's environment. Raise MissingReference in the kubelet's words."""
    namespace = pod["metadata"]["namespace"]
    values: dict[str, str] = {}
    for source in container.get("envFrom") or ():
        for field, kind in (("configMapRef", "ConfigMap"), ("secretRef", "Secret")):
            if field in source:
                content = read_map(store, kind, namespace, source[field]["name"])
                if content is None and not source[field].get("optional"):
                    raise MissingReference(f'{kind.lower()} "{source[field]["name"]}" not found')
                prefix = source.get("prefix", "")
                values.update({f"{prefix}{key}": text for key, text in (content or {}).items()})
    for entry in container.get("env") or ():
        value = entry.get("value", "")
        if "valueFrom" in entry:
            found = _referenced(store, pod, container, entry["valueFrom"])
            if found is None:
                continue
            value = found
        values[entry["name"]] = str(value)
    return values


def _referenced(store: Store, pod: Obj, container: Obj, source: Obj) -> str | None:
    namespace = pod["metadata"]["namespace"]
    for field, kind in (("configMapKeyRef", "ConfigMap"), ("secretKeyRef", "Secret")):
        if field not in source:
            continue
        reference = source[field]
        content = read_map(store, kind, namespace, reference["name"])
        if content is None:
            if reference.get("optional"):
                return None
            raise MissingReference(f'{kind.lower()} "{reference["name"]}" not found')
        if reference["key"] not in content:
            if reference.get("optional"):
                return None
            where = f"{namespace}/{reference['name']}"
            raise MissingReference(f"couldn't find key {reference['key']} in {kind} {where}")
        return content[reference["key"]]
    if "fieldRef" in source:
        return _field(pod, source["fieldRef"]["fieldPath"])
    if "resourceFieldRef" in source:
        part, _, name = source["resourceFieldRef"]["resource"].partition(".")
        return str(((container.get("resources") or {}).get(part) or {}).get(name, "0"))
    return None


def _field(pod: Obj, path: str) -> str:
    value: object = pod
    for step in path.split("."):
        value = value.get(step) if isinstance(value, dict) else None
    return "" if value is None else str(value)
