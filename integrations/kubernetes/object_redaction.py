"""Taking secrets and bulk out of the API's objects while they are added to a snapshot.

Only what people write freely is redacted: names, references and identifiers have to stay exact, because actions are
filled in from them. Of a Secret only its name, the names of its keys and the dates of its certificate stay.
"""

import re
from collections.abc import Iterator
from typing import Any

from bot.domain.redaction import MARKER, is_secret_name, looks_random, looks_secret, redact, redact_json
from integrations.kubernetes.certificate_dates import FIELD, dates_of, describe_bundles, kept_dates

Object = dict[str, Any]
_WEBHOOKS = frozenset({"ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"})

_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_TEMPLATED = frozenset({"Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "Job", "ReplicationController"})
_CONTAINER_LISTS = ("containers", "initContainers", "ephemeralContainers")
_SECRET_METADATA = ("name", "namespace", "uid", "creationTimestamp", "resourceVersion", "ownerReferences")
_EXACT_GROUPS = frozenset({"apps", "batch", "extensions", "policy", "autoscaling"})
_OPTIONS = re.compile(r"\s*[A-Za-z][\w ]*=[^;=]*(?:;\s*[A-Za-z][\w ]*=[^;]*)+;?\s*")
_REMEMBERED = 20_000
_REMEMBERED_LENGTH = 2_000
MAX_DEPTH = 100
"""How deep an object may be nested. The API's own objects stay under 40; what is deeper is hostile or broken."""


class Redactor:
    """Redacts objects. Replicas repeat the same texts, so that answers are remembered for the redactor's lifetime."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}
        self._values: dict[tuple[str, str], str] = {}

    def redact_object(self, item: Object) -> Object:
        """Return a copy of an object without secrets and without bulk that nobody judges.

        Raise ValueError when it is nested deeper than `MAX_DEPTH` or when its parts have the wrong types.
        """
        try:
            return self._redact_object(item)
        except (AttributeError, TypeError, LookupError) as error:
            raise ValueError(f"not an object of the API: {error}") from error

    def _redact_object(self, item: Object) -> Object:
        kind = item.get("kind")
        copy = {**item, "metadata": self._metadata(item.get("metadata") or {})}
        if kind == "Secret":
            return _names_of_secret(copy)
        copy = _without_holes(copy)
        if kind == "Event":
            for name in ("message", "note"):
                if copy.get(name):
                    copy[name] = self.text(str(copy[name]))
            copy.setdefault("message", copy.get("note", ""))
        elif kind == "ConfigMap":
            copy["data"] = {key: self._value(key, value) for key, value in (copy.get("data") or {}).items()}
            copy["binaryData"] = dict.fromkeys(copy.get("binaryData") or {}, MARKER)
        elif kind in _WEBHOOKS:
            copy = describe_bundles(copy)
        elif kind == "Pod":
            copy["spec"] = self._pod_spec(copy.get("spec") or {})
            copy["status"] = self._messages(copy.get("status") or {})
        elif kind in _TEMPLATED:
            copy["spec"] = self._templated(copy.get("spec") or {})
        elif kind == "CronJob":
            spec = copy.get("spec") or {}
            job = spec.get("jobTemplate") or {}
            copy["spec"] = {**spec, "jobTemplate": {**job, "spec": self._templated(job.get("spec") or {})}}
        elif not _is_of_the_api(str(item.get("apiVersion") or "")):
            # Somebody's own kind: nothing fills in actions from it, and anything may stand in it.
            copy = {**redact_json({k: v for k, v in copy.items() if k != "metadata"}), "metadata": copy["metadata"]}
        return copy

    def text(self, text: str) -> str:
        """Return `redact(text)`."""
        if len(text) > _REMEMBERED_LENGTH:
            return redact(text)
        known = self._texts.get(text)
        if known is None:
            known = redact(text)
            if len(self._texts) < _REMEMBERED:
                self._texts[text] = known
        return known

    def _value(self, name: str, value: Any) -> str:
        text = str(value)
        if len(text) > _REMEMBERED_LENGTH:
            return self._judge(name, text)
        known = self._values.get((name, text))
        if known is None:
            known = self._judge(name, text)
            if len(self._values) < _REMEMBERED:
                self._values[(name, text)] = known
        return known

    def _judge(self, name: str, text: str) -> str:
        """Take out the whole value where its name says that it is a secret, else only what is secret inside.

        Of `postgres://shop:secret@db:5432/shop` the host and the port stay: they say on what a program depends. So do
        those of a connection string in parts, `Host=db;Port=5432;Password=secret`, whatever its variable is called.
        """
        cleaned = self.text(text)
        if "connection" in name.lower() and _OPTIONS.fullmatch(text):
            parts = [part.partition("=") for part in text.split(";")]
            return MARKER if any(looks_random(value.strip()) for _, _, value in parts if value in cleaned) else cleaned
        if cleaned != text and not is_secret_name(name):
            return cleaned
        return MARKER if looks_secret(name, text) else cleaned

    def _metadata(self, metadata: Object) -> Object:
        copy = dict(metadata)
        if annotations := metadata.get("annotations"):
            copy["annotations"] = {
                key: self._value(key, value) for key, value in annotations.items() if key != _LAST_APPLIED
            }
        if fields := metadata.get("managedFields"):
            copy["managedFields"] = [{k: v for k, v in entry.items() if k != "fieldsV1"} for entry in fields if entry]
        return copy

    def _templated(self, spec: Object) -> Object:
        template = spec.get("template") or {}
        redacted = {**template, "spec": self._pod_spec(template.get("spec") or {})}
        if "metadata" in template:
            redacted["metadata"] = self._metadata(template["metadata"] or {})
        return {**spec, "template": redacted}

    def _pod_spec(self, spec: Object) -> Object:
        copy = dict(spec)
        for name in _CONTAINER_LISTS:
            if spec.get(name):
                copy[name] = [self._container(container) for container in spec[name]]
        return copy

    def _container(self, container: Object) -> Object:
        copy = dict(container)
        if env := container.get("env"):
            copy["env"] = [
                {**entry, "value": self._value(str(entry.get("name", "")), entry["value"])}
                if entry.get("value")
                else entry
                for entry in env
            ]
        for name in ("command", "args"):
            if container.get(name):
                copy[name] = self._arguments(container[name])
        for name in ("livenessProbe", "readinessProbe", "startupProbe", "lifecycle"):
            if container.get(name):
                copy[name] = redact_json(container[name])
        return copy

    def _arguments(self, parts: list[Any]) -> list[str]:
        """Redact each argument, and what follows a flag whose name says that a secret comes next."""
        found: list[str] = []
        flag = ""
        for part in map(str, parts):
            found.append(self._value(flag, part) if flag else self.text(part))
            flag = part.lstrip("-") if part.startswith("-") and "=" not in part and is_secret_name(part) else ""
        return found

    def _messages(self, value: Any) -> Any:
        """Redact what the kubelet quotes from containers: messages, wherever in a status they stand."""
        if isinstance(value, dict):
            return {
                key: self.text(item)
                if key == "message" and isinstance(item, str)
                else self._messages(item)
                if isinstance(item, dict | list)
                else item
                for key, item in value.items()
            }
        if isinstance(value, list):
            return [self._messages(item) for item in value]
        return value


def redact_object(item: Object) -> Object:
    """Return a redacted copy of one object, see `Redactor.redact_object`."""
    return Redactor().redact_object(item)


def _is_of_the_api(version: str) -> bool:
    group = version.partition("/")[0] if "/" in version else ""
    return not group or group.endswith(".k8s.io") or group in _EXACT_GROUPS


def _names_of_secret(item: Object) -> Object:
    """Return a Secret's name, type, key names and how long its certificate is valid.

    Labels and annotations go too: tools keep values there.
    """
    metadata = item["metadata"]
    kept = {name: metadata[name] for name in _SECRET_METADATA if name in metadata}
    keys = [key for part in ("data", "stringData") for key in item.get(part) or ()]
    dates = dates_of((item.get("data") or {}).get("tls.crt")) or kept_dates(item.get(FIELD))
    return {
        **({FIELD: dates} if dates is not None else {}),
        "apiVersion": item.get("apiVersion") or "v1",
        "kind": "Secret",
        "metadata": kept,
        "type": str(item.get("type") or ""),
        "data": {str(key): MARKER for key in sorted(set(keys))},
    }


def _without_holes(item: Object) -> Object:
    """Return the object without nulls in lists: the API never sends one, files that people edited may.

    The object itself is returned when it has none. Raise ValueError when it is nested too deeply.
    """
    holes = False
    level: list[Any] = [item]
    for _ in range(MAX_DEPTH):
        if not level:
            filled: Object = _fill(item) if holes else item
            return filled
        below: list[Any] = []
        for value in level:
            holes = holes or (value.__class__ is list and None in value)
            below += [child for child in _children(value) if child.__class__ is dict or child.__class__ is list]
        level = below
    raise ValueError(f"nested deeper than {MAX_DEPTH} levels")


def _children(value: Any) -> Iterator[Any]:
    return iter(value.values() if value.__class__ is dict else value)


def _fill(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _fill(item) if isinstance(item, dict | list) else item for key, item in value.items()}
    return [_fill(item) if isinstance(item, dict | list) else item for item in value if item is not None]
