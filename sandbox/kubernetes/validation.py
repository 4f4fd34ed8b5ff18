"""What the server refuses with 422, in the wording of the real one, for the fields people and bots get wrong."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from sandbox.kubernetes.errors import Cause, StatusError
from sandbox.kubernetes.kinds import Kind
from sandbox.kubernetes.objects import Obj, quantity
from sandbox.kubernetes.selectors import selector_matches

_SUBDOMAIN = re.compile(r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$")
_LABEL = re.compile(r"^[a-z]([-a-z0-9]*[a-z0-9])?$")
_LABEL_VALUE = re.compile(r"^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$")
_SUBDOMAIN_MESSAGE = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start "
    "and end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)
_LABEL_MESSAGE = (
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, "
    "and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is "
    "'[a-z]([-a-z0-9]*[a-z0-9])?')"
)
_WITH_TEMPLATE = frozenset({"Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "Job"})
_WITH_SELECTOR = frozenset({"Deployment", "ReplicaSet", "StatefulSet", "DaemonSet"})
_SPEC_REQUIRED = frozenset({*_WITH_TEMPLATE, "Pod", "CronJob", "Service", "HorizontalPodAutoscaler"})
_IMMUTABLE_POD_TEXT = (
    "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
    "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
)


def check_create(kind: Kind, obj: Obj) -> None:
    """Raise StatusError 422 with every cause found in a new object."""
    name = str(obj["metadata"].get("name", ""))
    _raise(kind, name, [*_metadata(kind, obj), *_content(kind, obj)])


def check_update(kind: Kind, before: Obj, after: Obj, subresource: str) -> None:
    """Raise StatusError 422 when the new state is invalid or changes what is immutable."""
    name = before["metadata"]["name"]
    causes = [*_labels(after), *_content(kind, after), *_immutable(kind, before, after, subresource)]
    _raise(kind, name, causes)


def _raise(kind: Kind, name: str, causes: list[Cause]) -> None:
    if causes:
        raise StatusError.invalid(kind, name, causes)


def invalid(field: str, value: object, message: str) -> Cause:
    return Cause(field, f"Invalid value: {_shown(value)}: {message}")


def required(field: str, message: str = "") -> Cause:
    return Cause(field, f"Required value{': ' + message if message else ''}", "FieldValueRequired")


def _shown(value: object) -> str:
    if isinstance(value, str):
        return f'"{value}"'
    return str(value) if isinstance(value, int | float) else f"{value!r}"


def _metadata(kind: Kind, obj: Obj) -> Iterator[Cause]:
    name = obj["metadata"].get("name")
    if not name:
        yield required("metadata.name", "name or generateName is required")
    elif kind.group == "rbac.authorization.k8s.io":
        if "/" in name or "%" in name:
            yield invalid("metadata.name", name, "may not contain '/'")
    elif kind.name in ("Service", "Namespace"):
        if not _LABEL.match(name) or len(name) > 63:
            yield invalid("metadata.name", name, _LABEL_MESSAGE)
    elif not _SUBDOMAIN.match(name) or len(name) > 253:
        yield invalid("metadata.name", name, _SUBDOMAIN_MESSAGE)
    yield from _labels(obj)


def _labels(obj: Obj) -> Iterator[Cause]:
    for key, value in (obj["metadata"].get("labels") or {}).items():
        if not isinstance(value, str) or not _LABEL_VALUE.match(value) or len(value) > 63:
            yield invalid(
                "metadata.labels",
                value,
                f"a valid label must be an empty string or consist of alphanumeric "
                f"characters, '-', '_' or '.' (key {key})",
            )


def _content(kind: Kind, obj: Obj) -> Iterator[Cause]:
    spec = obj.get("spec")
    if kind.name in _SPEC_REQUIRED and not isinstance(spec, dict):
        yield required("spec")
        return
    if not isinstance(spec, dict):
        return
    if kind.name in _WITH_SELECTOR:
        yield from _selector(spec)
    if kind.name in _WITH_TEMPLATE:
        yield from _template(kind, spec)
        replicas = spec.get("replicas", 0)
        if isinstance(replicas, int) and replicas < 0:
            yield invalid("spec.replicas", replicas, "must be greater than or equal to 0")
    elif kind.name == "Pod":
        yield from _pod_spec(spec, "spec")
    elif kind.name == "Service":
        yield from _service(spec)
    elif kind.name == "HorizontalPodAutoscaler" and spec.get("maxReplicas", 0) < spec.get("minReplicas", 1):
        message = "must be greater than or equal to `minReplicas`"
        yield invalid("spec.maxReplicas", spec.get("maxReplicas", 0), message)


def _selector(spec: Obj) -> Iterator[Cause]:
    selector = spec.get("selector")
    if not selector:
        yield required("spec.selector")
        return
    labels = ((spec.get("template") or {}).get("metadata") or {}).get("labels")
    if not selector_matches(selector, labels):
        yield invalid("spec.template.metadata.labels", labels or {}, "`selector` does not match template `labels`")


def _template(kind: Kind, spec: Obj) -> Iterator[Cause]:
    template = spec.get("template")
    if not isinstance(template, dict) or not isinstance(template.get("spec"), dict):
        yield required("spec.template.spec.containers")
        return
    claims = {claim.get("metadata", {}).get("name") for claim in spec.get("volumeClaimTemplates") or ()}
    yield from _pod_spec(template["spec"], "spec.template.spec", claims)
    policy = template["spec"].get("restartPolicy")
    field = "spec.template.spec.restartPolicy"
    if kind.name == "Job" and policy == "Always":
        message = 'Unsupported value: "Always": supported values: "OnFailure", "Never"'
        yield Cause(field, message, "FieldValueNotSupported")
    elif kind.name != "Job" and policy != "Always":
        yield Cause(field, f'Unsupported value: "{policy}": supported values: "Always"', "FieldValueNotSupported")


def _pod_spec(spec: Obj, at: str, claims: set[Any] | None = None) -> Iterator[Cause]:
    if not spec.get("containers"):
        yield required(f"{at}.containers")
    volumes = {volume.get("name") for volume in spec.get("volumes") or ()} | (claims or set())
    names: set[str] = set()
    for group in ("initContainers", "containers"):
        for index, container in enumerate(spec.get(group) or ()):
            where = f"{at}.{group}[{index}]"
            name = container.get("name")
            if not name:
                yield required(f"{where}.name")
            elif name in names:
                yield Cause(f"{where}.name", f'Duplicate value: "{name}"', "FieldValueDuplicate")
            names.add(name)
            yield from _container(container, where, volumes)


def _container(container: Obj, where: str, volumes: set[Any]) -> Iterator[Cause]:
    if not container.get("image"):
        yield required(f"{where}.image")
    elif container["image"] != container["image"].strip():
        yield invalid(f"{where}.image", container["image"], "must not have leading or trailing whitespace")
    for index, mount in enumerate(container.get("volumeMounts") or ()):
        if mount.get("name") not in volumes:
            message = f'Not found: "{mount.get("name")}"'
            yield Cause(f"{where}.volumeMounts[{index}].name", message, "FieldValueNotFound")
    for index, entry in enumerate(container.get("env") or ()):
        if not entry.get("name"):
            yield required(f"{where}.env[{index}].name")
        if entry.get("value") and entry.get("valueFrom"):
            message = "may not be specified when `value` is not empty"
            yield invalid(f"{where}.env[{index}].valueFrom", "", message)
    yield from _resources(container.get("resources") or {}, f"{where}.resources")


def _resources(resources: Mapping[str, Any], where: str) -> Iterator[Cause]:
    read: dict[tuple[str, str], float] = {}
    for part in ("limits", "requests"):
        for name, value in (resources.get(part) or {}).items():
            try:
                read[part, name] = quantity(value)
            except ValueError:
                message = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
                yield invalid(f"{where}.{part}[{name}]", str(value), message)
    for (part, name), value in read.items():
        limit = read.get(("limits", name))
        if part == "requests" and limit is not None and value > limit:
            shown = resources["limits"][name]
            message = f"must be less than or equal to {name} limit of {shown}"
            yield invalid(f"{where}.requests", str(resources["requests"][name]), message)


def _service(spec: Obj) -> Iterator[Cause]:
    headless = spec.get("clusterIP") == "None"
    if not spec.get("ports") and spec.get("type") != "ExternalName" and not headless:
        yield required("spec.ports")
    ports = spec.get("ports") or []
    for index, port in enumerate(ports):
        number = port.get("port")
        if not isinstance(number, int) or not 1 <= number <= 65535:
            yield invalid(f"spec.ports[{index}].port", number, "must be between 1 and 65535, inclusive")
        if len(ports) > 1 and not port.get("name"):
            yield required(f"spec.ports[{index}].name")


def _immutable(kind: Kind, before: Obj, after: Obj, subresource: str) -> Iterator[Cause]:
    old, new = before.get("spec") or {}, after.get("spec") or {}
    if kind.name in ("Deployment", "ReplicaSet", "DaemonSet", "Job") and old.get("selector") != new.get("selector"):
        yield invalid("spec.selector", new.get("selector"), "field is immutable")
    if kind.name == "Job" and old.get("template") != new.get("template"):
        yield invalid("spec.template", "...", "field is immutable")
    if kind.name == "StatefulSet":
        mutable = (
            "replicas",
            "ordinals",
            "template",
            "updateStrategy",
            "revisionHistoryLimit",
            "persistentVolumeClaimRetentionPolicy",
            "minReadySeconds",
        )
        if any(old.get(key) != new.get(key) for key in old.keys() | new.keys() if key not in mutable):
            message = (
                "Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', "
                "'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and "
                "'minReadySeconds' are forbidden"
            )
            yield Cause("spec", message, "FieldValueForbidden")
    if kind.name == "Service" and old.get("clusterIP") and new.get("clusterIP") != old["clusterIP"]:
        yield invalid("spec.clusterIPs[0]", new.get("clusterIP"), "may not change once set")
    if kind.name in ("RoleBinding", "ClusterRoleBinding") and before.get("roleRef") != after.get("roleRef"):
        yield invalid("roleRef", after.get("roleRef"), "cannot change roleRef")
    if kind.name in ("ConfigMap", "Secret") and before.get("immutable") and before.get("data") != after.get("data"):
        yield Cause("data", "Forbidden: field is immutable when `immutable` is set", "FieldValueForbidden")
    if kind.name == "PersistentVolumeClaim" and subresource == "":
        yield from _claim_changes(old, new, bound=(before.get("status") or {}).get("phase") == "Bound")
    if kind.name == "Pod" and subresource == "" and _frozen(old) != _frozen(new):
        yield Cause("spec", f"Forbidden: {_IMMUTABLE_POD_TEXT}", "FieldValueForbidden")


def _claim_changes(old: Obj, new: Obj, *, bound: bool) -> Iterator[Cause]:
    """Let a claim grow once it is bound, and be given a class or volume while it is not; nothing else of it changes."""
    open_keys = ("resources",) if bound else ("resources", "storageClassName", "volumeName")
    before, after = (((spec.get("resources") or {}).get("requests") or {}).get("storage", 0) for spec in (old, new))
    resized = quantity(after) != quantity(before)
    if (resized and not bound) or any(
        old.get(key) != new.get(key) for key in old.keys() | new.keys() if key not in open_keys
    ):
        message = "Forbidden: spec is immutable after creation except resources.requests for bound claims"
        yield Cause("spec", message, "FieldValueForbidden")
    elif quantity(after) < quantity(before):
        message = "Forbidden: field can not be less than status.capacity"
        yield Cause("spec.resources.requests.storage", message, "FieldValueForbidden")


def _frozen(spec: Obj) -> Obj:
    """Return a pod's spec without the parts that may change."""
    rest = {k: v for k, v in spec.items() if k not in ("tolerations", "activeDeadlineSeconds")}
    for group in ("containers", "initContainers"):
        if group in rest:
            rest[group] = [{k: v for k, v in c.items() if k != "image"} for c in rest[group]]
    return rest
