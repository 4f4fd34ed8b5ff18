"""Slack's Web API: one module an area, each with a table of its methods."""

from sandbox.slack.web_api import (
    auth,
    bookmarks,
    chat,
    conversations,
    files,
    history,
    pins,
    reactions,
    streams,
    users,
    views,
)
from sandbox.slack.web_api.method import Method

AREAS = (auth, bookmarks, chat, conversations, files, history, pins, reactions, streams, users, views)


def all_methods() -> dict[str, Method]:
    """Return every method the workspace knows, by its name."""
    return {name: method for area in AREAS for name, method in area.METHODS.items()}
