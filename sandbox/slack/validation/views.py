"""Views: the limits of modals and of App Home."""

import json
from typing import Any

from sandbox.slack.errors import SlackError
from sandbox.slack.validation.blocks import check_blocks
from sandbox.slack.validation.problems import PLAIN, Problems

MAX_BYTES = 250_000


def check_view(view: Any, surface: str) -> None:
    """Raise SlackError invalid_arguments (or view_too_large) unless `view` may be shown as a modal or a home."""
    if not isinstance(view, dict):
        raise SlackError("invalid_arguments", messages=["[ERROR] must provide an object [json-pointer:/view]"])
    if len(json.dumps(view, ensure_ascii=False).encode()) > MAX_BYTES:
        raise SlackError("view_too_large")
    problems = Problems()
    if view.get("type") != surface:
        problems.add("/view/type", f"must be {surface}")
    problems.required(view, "/view", "type", "blocks")
    problems.text(view, "/view", "title", 24, PLAIN)
    problems.text(view, "/view", "submit", 24, PLAIN)
    problems.text(view, "/view", "close", 24, PLAIN)
    problems.string(view, "/view", "callback_id", 255, least=0)
    problems.string(view, "/view", "external_id", 255, least=0)
    problems.string(view, "/view", "private_metadata", 3000, least=0)
    if surface == "modal":
        problems.required(view, "/view", "title")
        _needs_submit(view, problems)
    if view.get("blocks") is not None:
        problems.messages += check_blocks(view["blocks"], surface, "/view/blocks")
    if problems.messages:
        raise SlackError("invalid_arguments", messages=problems.messages)


def _needs_submit(view: dict[str, Any], problems: Problems) -> None:
    blocks = view.get("blocks")
    asks = isinstance(blocks, list) and any(isinstance(b, dict) and b.get("type") == "input" for b in blocks)
    if asks and view.get("submit") is None:
        problems.add("/view", "missing required field: submit")
