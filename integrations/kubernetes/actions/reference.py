"""docs/actions.md, written from the catalogue itself: `python -m integrations.kubernetes.actions.reference`."""

from collections.abc import Iterator
from typing import Any

from integrations.kubernetes.actions.catalogue import ACTIONS
from integrations.kubernetes.actions.contract import RemediationAction
from integrations.kubernetes.actions.patching import Obj

_RISKS = {"S": "S, reversible", "D": "D, disruptive", "X": "X, destructive"}

_INTRODUCTION = """\
# Remediation actions

What the bot can do to a cluster once somebody has approved it. This page is written from the code:
`python -m integrations.kubernetes.actions.reference > docs/actions.md`. A test fails when the two differ.

Being listed here arms nothing. `K8S_ENABLE_DESTRUCTIVE_OPERATIONS` switches execution on, `K8S_ENABLED_ACTIONS` is the
allow-list, and `APPROVERS` says who may decide. Class X also needs `K8S_ALLOW_DESTRUCTIVE_ACTIONS` and two of them.
Permissions for each class of risk are in `deploy/rbac/`; those named below are to check and to carry out, while the
surroundings and the verification are read with the reader's.

## Common to all actions

- **Preview.** The object is read again, the preconditions are checked, and the server rehearses the change (`dryRun`).
  The message shows the kubectl equivalent, a diff of exactly what changes, how far it reaches, and a warning when
  Argo CD, Flux, Helm or an operator owns the object. A dry run exercises admission; it neither schedules pods nor
  pulls images.
- **Bound to what was seen.** An approval holds for one UID, one generation and the values that will be changed. If any
  of them moved, nothing is done and the bot looks again. Updates of the status alone do not matter.
- **Once.** A change is one JSON patch that tests UID, resourceVersion and old values and carries the id of the action
  as the annotation `oncall-agent.dev/action-id`. A repeat after a crash recognises its own work and does nothing. Where
  there is no place for the annotation (scaling, deleting) the state itself is recognised.
- **Verified.** Afterwards the target has to be well, and to stay well for `K8S_VERIFY_HOLD_SECONDS`, within
  `K8S_VERIFY_TIMEOUT_SECONDS`: the change was seen, all replicas are up to date and available, no container waits, none
  restarts.
- **No secrets.** Values that read like secrets are in no command, diff, summary or undo. A literal secret is refused:
  refer to a Secret.

## Overview

| action | what it does | risk | undo |
|---|---|---|---|"""


def render() -> str:
    """Return the page as Markdown."""
    lines = [_INTRODUCTION]
    for action in ACTIONS:
        undo = "yes" if action.reversible else "no"
        lines.append(f"| [{action.name}](#{action.name}) | {action.summary} | {_RISKS[action.risk_class]} | {undo} |")
    for action in ACTIONS:
        lines += ["", *_section(action)]
    return "\n".join(lines) + "\n"


def _section(action: RemediationAction[Any]) -> Iterator[str]:
    spec = action.spec()
    yield f"## {action.name}"
    yield ""
    yield spec.summary
    yield ""
    yield f"- **Works on:** {', '.join(action.kinds)}"
    yield f"- **Risk:** {_RISKS[spec.risk]}"
    yield f"- **Preconditions:** {'; '.join(action.preconditions)}"
    yield f"- **Undo:** {action.undo_words}"
    yield f"- **Permissions:** {', '.join(f'`{verb}`' for verb in spec.verbs)}"
    properties = spec.params_schema.get("properties") or {}
    if not properties:
        yield "- **Parameters:** none"
        return
    yield ""
    yield "| parameter | type | required | meaning |"
    yield "|---|---|---|---|"
    required = spec.params_schema.get("required") or []
    for name, schema in properties.items():
        needed = "yes" if name in required else "no"
        yield f"| `{name}` | {_type(schema)} | {needed} | {schema.get('description', '')} |"


def _type(schema: Obj) -> str:
    """Return a JSON schema in a few words."""
    if "anyOf" in schema:
        return " or ".join(_type(option) for option in schema["anyOf"] if option.get("type") != "null")
    if "enum" in schema:
        return "one of " + ", ".join(f"`{value}`" for value in schema["enum"])
    match schema.get("type"):
        case "array":
            return f"list of {_type(schema['items'])}"
        case "object":
            return "{" + ", ".join(f"`{name}`" for name in schema["properties"]) + "}"
    return str(schema.get("type", "any"))


if __name__ == "__main__":
    print(render(), end="")  # noqa: T201 - its output is the page
