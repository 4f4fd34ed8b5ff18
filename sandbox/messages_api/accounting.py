"""Token counts that follow the size of a request, and a prompt cache that behaves like the real one."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from sandbox.messages_api.model import JSON, fingerprint, normalise, read_blocks

_CHARACTERS_A_TOKEN: Final = 4
_SMALLEST_CACHE: Final = 1_024
_LOOK_BACK: Final = 20
_LIFETIMES: Final = {"5m": 300.0, "1h": 3_600.0}


def count_tokens(value: Any) -> int:
    """Estimate the tokens of a JSON value or a text: a quarter of its characters, at least one."""
    text = value if isinstance(value, str) else json.dumps(normalise(value), ensure_ascii=False)
    return max(1, len(text) // _CHARACTERS_A_TOKEN)


def count_request(request: Mapping[str, Any]) -> int:
    return sum(count_tokens(segment) for segment, _ in _segments(request))


@dataclass(slots=True)
class PromptCache:
    """Prefixes that were marked before, by model. A marked prefix is found again at most 20 blocks back."""

    _known: dict[str, float] = field(default_factory=dict)

    def account(self, request: Mapping[str, Any]) -> JSON:
        """Return the input side of `usage` for a request, and remember its marked prefixes."""
        now, segments = time.monotonic(), _segments(request)
        if request.get("cache_control") and segments:
            segments[-1] = (segments[-1][0], request["cache_control"])
        digest, total, prefixes = str(request.get("model")), 0, list[tuple[str, int, JSON | None]]()
        for segment, mark in segments:
            digest, total = fingerprint([digest, segment]), total + count_tokens(segment)
            prefixes.append((digest, total, mark))
        marked = [index for index, (_, size, mark) in enumerate(prefixes) if mark and size >= _SMALLEST_CACHE]
        read = max((self._find(prefixes, index, now) for index in marked), default=0)
        written = max((prefixes[index][1] for index in marked), default=0) - read
        longest = "5m"
        for index in marked:
            longest = str((prefixes[index][2] or {}).get("ttl", "5m"))
            self._known[prefixes[index][0]] = now + _LIFETIMES[longest]
        return {
            "input_tokens": total - read - written,
            "cache_creation_input_tokens": written,
            "cache_read_input_tokens": read,
            "cache_creation": {
                "ephemeral_5m_input_tokens": written if longest == "5m" else 0,
                "ephemeral_1h_input_tokens": written if longest == "1h" else 0,
            },
            "service_tier": "standard",
        }

    def _find(self, prefixes: list[tuple[str, int, JSON | None]], index: int, now: float) -> int:
        """Return the size of the longest known prefix that ends at or shortly before a mark."""
        for digest, size, _ in reversed(prefixes[max(0, index - _LOOK_BACK) : index + 1]):
            if self._known.get(digest, 0.0) > now:
                return size
        return 0


def _segments(request: Mapping[str, Any]) -> list[tuple[Any, Any]]:
    """Return a prompt's parts in the order the cache sees them (tools, system, messages) with their marks."""
    parts: list[tuple[Any, Any]] = [(tool, tool.get("cache_control")) for tool in request.get("tools") or []]
    parts += [(block, block.get("cache_control")) for block in read_blocks(request.get("system"))]
    for message in request.get("messages") or []:
        blocks = read_blocks(message.get("content"))
        parts += [([message.get("role"), block], block.get("cache_control")) for block in blocks]
    return parts
