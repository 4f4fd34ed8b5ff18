"""Collects what is wrong with a payload, each with a JSON pointer to the place, in the form Slack reports it."""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

BOTH_TEXTS = ("plain_text", "mrkdwn")
PLAIN = ("plain_text",)


@dataclass(slots=True)
class Problems:
    """`messages` is empty when nothing was found."""

    messages: list[str] = field(default_factory=list)

    def add(self, pointer: str, text: str) -> None:
        self.messages.append(f"[ERROR] {text} [json-pointer:{pointer}]")

    def required(self, owner: dict[str, Any], pointer: str, *names: str) -> bool:
        """Report every name that is absent; say whether all are there."""
        missing = [name for name in names if owner.get(name) is None]
        for name in missing:
            self.add(pointer, f"missing required field: {name}")
        return not missing

    def string(self, owner: dict[str, Any], pointer: str, name: str, limit: int, least: int = 1) -> None:
        """Check an optional string's type and length in characters."""
        value = owner.get(name)
        if value is None:
            return
        if not isinstance(value, str):
            self.add(f"{pointer}/{name}", "must be a string")
        else:
            self._length(value, f"{pointer}/{name}", limit, least)

    def text(
        self,
        owner: dict[str, Any],
        pointer: str,
        name: str,
        limit: int,
        kinds: Collection[str] = BOTH_TEXTS,
    ) -> None:
        """Check an optional text object."""
        value = owner.get(name)
        if value is not None:
            self.text_object(value, f"{pointer}/{name}", limit, kinds)

    def text_object(self, value: Any, pointer: str, limit: int, kinds: Collection[str] = BOTH_TEXTS) -> None:
        if not isinstance(value, dict):
            self.add(pointer, "must provide an object")
            return
        if value.get("type") not in kinds:
            self.add(f"{pointer}/type", f"must be a valid text type, one of: {', '.join(kinds)}")
            return
        text = value.get("text")
        if text is None:
            self.add(pointer, "missing required field: text")
        elif not isinstance(text, str):
            self.add(f"{pointer}/text", "must be a string")
        else:
            self._length(text, f"{pointer}/text", limit, 1)
        if value["type"] == "mrkdwn" and "emoji" in value:
            self.add(f"{pointer}/emoji", "unsupported field for mrkdwn: emoji")

    def listing(self, owner: dict[str, Any], pointer: str, name: str, limit: int, least: int = 1) -> list[Any]:
        """Check an optional array's size and return its items (none when it is no array)."""
        value = owner.get(name)
        if value is None:
            return []
        place = f"{pointer}/{name}"
        if not isinstance(value, list):
            self.add(place, "must provide an array")
            return []
        if len(value) > limit:
            self.add(place, f"no more than {limit} items allowed")
        if len(value) < least:
            self.add(place, f"no fewer than {least} items allowed")
        return value

    def choice(self, owner: dict[str, Any], pointer: str, name: str, allowed: Collection[str]) -> None:
        value = owner.get(name)
        if value is not None and value not in allowed:
            self.add(f"{pointer}/{name}", f"must be one of: {', '.join(allowed)}")

    def _length(self, value: str, pointer: str, limit: int, least: int) -> None:
        if len(value) > limit:
            self.add(pointer, f"must be less than {limit + 1} characters")
        elif len(value) < least:
            self.add(pointer, f"must be more than {least - 1} characters")
