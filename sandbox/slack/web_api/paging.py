"""Cursor pagination as Slack does it: an opaque word that leads to the next page."""

import base64
import binascii
from collections.abc import Sequence
from typing import Any, TypeVar

from sandbox.slack.errors import SlackError
from sandbox.slack.web_api.arguments import Arguments

T = TypeVar("T")


def page(items: Sequence[T], arguments: Arguments, *, default: int = 100, most: int = 1000) -> tuple[list[T], str]:
    """Return one page and the cursor of the next ("" at the end). Raise invalid_cursor or invalid_limit."""
    start = decode(arguments.text("cursor"))
    limit = arguments.limit(default, most)
    end = start + limit
    return list(items[start:end]), encode(end) if end < len(items) else ""


def metadata(cursor: str) -> dict[str, Any]:
    return {"response_metadata": {"next_cursor": cursor}}


def encode(position: int) -> str:
    return base64.b64encode(f"next:{position}".encode()).decode()


def decode(cursor: str) -> int:
    if not cursor:
        return 0
    try:
        word, _, position = base64.b64decode(cursor, validate=True).decode().partition(":")
        if word != "next":
            raise SlackError("invalid_cursor")
        return int(position)
    except (binascii.Error, ValueError) as malformed:
        raise SlackError("invalid_cursor") from malformed
