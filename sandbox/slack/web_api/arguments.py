"""The arguments of a Web API call, whichever of Slack's ways they came in."""

import json
from collections.abc import Mapping
from typing import Any

from sandbox.slack.errors import SlackError


class Arguments:
    """Values are strings when they came in a form or a query, and anything JSON has otherwise."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.values = values

    def text(self, name: str, default: str = "") -> str:
        value = self.values.get(name)
        return default if value is None else str(value)

    def required(self, *names: str) -> list[str]:
        """Return the values as text, or raise invalid_arguments naming all that are missing."""
        missing = [n for n in names if self.values.get(n) in (None, "")]
        if missing:
            messages = [f"[ERROR] missing required field: {name}" for name in missing]
            raise SlackError("invalid_arguments", messages=messages)
        return [str(self.values[name]) for name in names]

    def flag(self, name: str, default: bool = False) -> bool:
        value = self.values.get(name)
        if value is None or value == "":
            return default
        return value if isinstance(value, bool) else str(value).lower() in {"1", "true"}

    def limit(self, default: int, most: int) -> int:
        """Return the page size. Raise invalid_limit when it is no positive number."""
        value = self.values.get("limit")
        if value in (None, "", 0, "0"):
            return default
        try:
            limit = int(str(value))
        except ValueError as malformed:
            raise SlackError("invalid_limit") from malformed
        if limit < 0:
            raise SlackError("invalid_limit")
        return min(limit, most)

    def names(self, name: str) -> list[str]:
        """Return a list that came as an array or separated by commas."""
        value = self.values.get(name)
        if isinstance(value, list):
            return [str(item) for item in value]
        return [part.strip() for part in str(value or "").split(",") if part.strip()]

    def parsed(self, name: str) -> Any:
        """Return an object or array; as text it is decoded. Raise invalid_arguments when it is not JSON."""
        value = self.values.get(name)
        if not isinstance(value, str) or not value:
            return value
        try:
            return json.loads(value)
        except ValueError as malformed:
            raise SlackError("invalid_arguments", messages=[f"[ERROR] invalid JSON: {name}"]) from malformed
