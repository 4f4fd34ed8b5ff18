"""What people see of a change: a command line that can be pasted, and a diff without secrets."""

import difflib
import json
import shlex
from collections.abc import Iterable
from typing import Any

import yaml

from bot.domain.entity import ObjectRef
from bot.domain.redaction import redact, redact_json
from integrations.kubernetes.actions.contract import ACTION_ID
from integrations.kubernetes.actions.patching import Obj

_SERVER_OWNED = (
    "managedFields", "resourceVersion", "generation", "uid", "creationTimestamp", "selfLink",
)  # fmt: skip
# Bookkeeping that changes by itself, or repeats the whole object in one line.
_BOOKKEEPING = (ACTION_ID, "kubectl.kubernetes.io/last-applied-configuration", "deployment.kubernetes.io/revision")


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as such, so that one changed line of a file is one changed line of the diff."""


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)


_Dumper.add_representer(str, _text)


def kubectl(target: ObjectRef, *words: str) -> str:
    """Return a quoted command line: `words` after `kubectl` and the target's namespace.

    Nothing is redacted here: a command with a hole in it must not be pasted, and what it is made of was refused when it
    read like a secret. A container may well be called `token-service`.
    """
    namespace = ["--namespace", target.namespace] if target.namespace else []
    return shlex.join(["kubectl", *namespace, *words])


def kubectl_json_patch(target: ObjectRef, operations: Iterable[Obj]) -> str:
    """Return `kubectl patch` with a JSON patch, for changes that no simpler command makes exactly."""
    body = json.dumps(list(operations), separators=(",", ":"), ensure_ascii=False)
    return kubectl(target, "patch", target.short, "--type=json", f"--patch={body}")


def presentable(obj: Obj) -> Obj:
    """Return what a person has written of an object, without secrets."""
    shown: Obj = {key: value for key, value in obj.items() if key != "status"}
    metadata = {key: value for key, value in (shown.get("metadata") or {}).items() if key not in _SERVER_OWNED}
    annotations = {k: v for k, v in (metadata.pop("annotations", None) or {}).items() if k not in _BOOKKEEPING}
    if annotations:
        metadata["annotations"] = annotations
    redacted: Obj = redact_json({**shown, "metadata": metadata})
    return redacted


def to_yaml(value: Any) -> str:
    """Return `value` as YAML with sorted keys."""
    return yaml.dump(value, Dumper=_Dumper, sort_keys=True, allow_unicode=True, width=1_000_000)


def unified_diff(target: ObjectRef, before: Obj, after: Obj) -> str:
    """Return the unified diff of two versions of an object, "" when nothing that a person would see changes."""
    old, new = to_yaml(presentable(before)).splitlines(), to_yaml(presentable(after)).splitlines()
    lines = difflib.unified_diff(old, new, f"{target} (now)", f"{target} (after)", lineterm="")
    return redact("\n".join(lines))


def removal(target: ObjectRef, obj: Obj) -> str:
    """Return the diff of an object that goes: its identity, for nobody decides by the whole of it."""
    shown = presentable(obj)
    kept = {key: shown[key] for key in ("apiVersion", "kind", "metadata") if key in shown}
    lines = [f"-{line}" for line in to_yaml(kept).splitlines()]
    return "\n".join([f"--- {target} (now)", "+++ /dev/null", f"@@ -1,{len(lines)} +0,0 @@", *lines])


def addition(target: ObjectRef, obj: Obj) -> str:
    """Return the diff of an object that is new."""
    lines = [f"+{line}" for line in to_yaml(presentable(obj)).splitlines()]
    return redact("\n".join(["--- /dev/null", f"+++ {target} (after)", f"@@ -0,0 +1,{len(lines)} @@", *lines]))
