"""Thinking blocks are bound to what stood before them: the ledger that notices when somebody changed either."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.messages_api.model import JSON, fingerprint, read_blocks


@dataclass(slots=True)
class ThinkingLedger:
    """Signs the thinking of replies and checks it when a conversation comes back."""

    _signed: dict[str, tuple[str, str]] = field(default_factory=dict)
    _thought_calls: set[str] = field(default_factory=set)

    def sign(self, request: Mapping[str, Any], blocks: list[JSON]) -> None:
        """Put a signature on every thinking block of a reply, in place."""
        prefix = fingerprint(_prefix(request, len(request["messages"])))
        thought = False
        for block in blocks:
            if block["type"] == "thinking":
                block["signature"] = secrets.token_urlsafe(48)
                self._signed[block["signature"]] = (block["thinking"], prefix)
                thought = True
            elif block["type"] == "tool_use" and thought:
                self._thought_calls.add(block["id"])

    def find_violation(self, request: Mapping[str, Any]) -> str | None:
        """Return what is wrong with the thinking in a conversation's history, or None."""
        for index, message in enumerate(request["messages"]):
            if message.get("role") != "assistant":
                continue
            blocks = read_blocks(message.get("content"))
            thoughts = [block for block in blocks if block.get("type") == "thinking"]
            called = {str(block.get("id")) for block in blocks if block.get("type") == "tool_use"}
            if not thoughts and called & self._thought_calls:
                return f"messages.{index}: the turn's `thinking` blocks must be passed back with its `tool_use` blocks"
            for block in thoughts:
                known = self._signed.get(str(block.get("signature", "")))
                if known is None:
                    return f"messages.{index}: Invalid `signature` in `thinking` block"
                if known[0] != block.get("thinking"):
                    return f"messages.{index}: `thinking` blocks in the latest assistant message cannot be modified"
                if known[1] != fingerprint(_prefix(request, index)):
                    return f"messages.{index}: system, tools or an earlier turn changed after this `thinking` was made"
        return None


def _prefix(request: Mapping[str, Any], length: int) -> list[Any]:
    turns = [[m.get("role"), read_blocks(m.get("content"))] for m in request["messages"][:length]]
    return [read_blocks(request.get("system")), request.get("tools") or [], turns]
