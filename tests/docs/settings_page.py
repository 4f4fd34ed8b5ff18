"""docs/settings.md and .env.example, written from bot/settings.py so that they cannot say anything else."""

import inspect
import json
import types
from collections.abc import Iterator
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from bot.settings import GROUPS

UNITS = {"_SECONDS": "seconds", "_MINUTES": "minutes", "_DAYS": "days", "_USD": "US dollars", "_TOKENS": "tokens"}
PLACEHOLDERS = {
    "SLACK_BOT_TOKEN": "xoxb-your-bot-token",
    "SLACK_APP_TOKEN": "xapp-your-app-level-token",
    "APPROVERS": "U0YOURID,S0YOURGROUP",
}

INTRODUCTION = """\
# Settings

Every setting there is. They are read once, at start, from the environment and from a file `.env` in the working folder;
the environment wins. An empty value counts as not set. `oncall-agent run` names every missing or malformed setting in
one sentence and ends with exit code 2; `oncall-agent doctor` then checks whether they work.

Lists are comma-separated (`a, b`), JSON is written on one line (`{"Payment Service": "payments"}`), switches take
`true` or `false`. [.env.example](../.env.example) has all of them to copy. Only the two Slack tokens are required; with
PostgreSQL, `AUDIT_KEY` is too.

This page and `.env.example` are written from `bot/settings.py`: `UPDATE_DOCS=1 python -m pytest tests/docs`. A test
fails when they differ.
"""

NOTES = {
    "slack": "How to get the tokens: [connect.md](connect.md#slack). What each scope is for: [slack.md](slack.md).",
    "pagerduty": "How to get them: [connect.md](connect.md#pagerduty). More: [pagerduty.md](pagerduty.md).",
    "claude": "What is sent and what ends an analysis: [claude.md](claude.md).",
    "kubernetes": "Permissions to grant: [connect.md](connect.md#kubernetes). Actions: [actions.md](actions.md).",
    "approval": "The same people may approve, reject, undo, acknowledge and resolve. Everybody may look.",
    "api": "In a container listen on `0.0.0.0`; the image does. See [operate.md](operate.md#network).",
    "database": "Backups, several replicas and the audit key: [operate.md](operate.md#database).",
    "log": "One event a line. Secrets are redacted before anything is written.",
    "triage": "How to write a runbook: [runbooks.md](runbooks.md).",
}


def settings() -> Iterator[tuple[str, type[BaseModel], list[tuple[str, FieldInfo]]]]:
    """Yield each group's name, class and settings by their names in the environment."""
    for name, group in GROUPS.items():
        yield name, group, [(str(field.alias), field) for field in group.model_fields.values()]


def _plain_type(annotation: Any) -> Any:
    if get_origin(annotation) in {Union, types.UnionType}:
        return next(arg for arg in get_args(annotation) if arg is not type(None))
    return annotation


def value_words(name: str, field: FieldInfo) -> str:
    """Say what kind of value a setting takes: its unit where it has one, else its type."""
    kind = _plain_type(field.annotation)
    if unit := next((words for suffix, words in UNITS.items() if name.endswith(suffix)), None):
        return unit
    if kind is bool:
        return "true or false"
    if kind in {int, float}:
        return "number"
    if kind is SecretStr:
        return "secret"
    return {tuple: "list", dict: "JSON"}.get(get_origin(kind), "text")


def default_text(field: FieldInfo) -> str | None:
    """Return the default as it would be written into .env, None where there is none."""
    value = field.get_default(call_default_factory=True)
    if field.is_required() or value is None:
        return None
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return ",".join(value)
    if isinstance(value, dict):
        return json.dumps(value) if value else ""
    return f"{value:g}" if isinstance(value, float) else str(value)


def _default_cell(field: FieldInfo) -> str:
    if field.is_required():
        return "**required**"
    text = default_text(field)
    return "not set" if text is None else f"`{text}`" if text else "empty"


def render_settings() -> str:
    """Return docs/settings.md."""
    parts = [INTRODUCTION]
    for name, group, fields in settings():
        heading = inspect.getdoc(group) or name
        title, _, rest = heading.partition(".")
        rest = " ".join(rest.split())
        parts.append(f"\n## {title.strip()}\n\n{rest + ' ' if rest else ''}{NOTES.get(name, '')}".rstrip() + "\n")
        parts.append("\n| setting | effect | value | default |\n|---|---|---|---|\n")
        for alias, field in fields:
            effect = " ".join((field.description or "").split()).replace("|", "\\|")
            parts.append(f"| `{alias}` | {effect} | {value_words(alias, field)} | {_default_cell(field)} |\n")
    return "".join(parts)


def render_example() -> str:
    """Return .env.example: everything commented out, defaults where there are some, no secret."""
    lines = [
        "# Copy this file to .env and remove the # in front of what you set. docs/settings.md explains it all.",
        "# What is shown is the default; where there is none, a placeholder. Keep .env out of version control.",
    ]
    for name, group, fields in settings():
        title = (inspect.getdoc(group) or name).partition(".")[0]
        lines += ["", f"# -- {' '.join(title.split())} --"]
        for alias, field in fields:
            effect = " ".join((field.description or "").split())
            lines += ["", f"# {effect}{' Required.' if field.is_required() else ''}"]
            value = PLACEHOLDERS.get(alias) or default_text(field) or ""
            lines.append(f"#{alias}={value}")
    return "\n".join(lines) + "\n"
