"""What stands behind the API: something that answers a request."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

JSON = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Reply:
    """One turn of the assistant. `blocks` are content blocks as they stand in a message, without signatures."""

    blocks: tuple[JSON, ...]
    stop_reason: str = "end_turn"
    stop_details: JSON | None = None


class Script(Protocol):
    """A stand-in for a model. It sees the whole request, validated, and nothing else."""

    def reply(self, request: Mapping[str, Any]) -> Reply: ...


@dataclass(frozen=True, slots=True)
class Model:
    """An entry of GET /v1/models. Dates are ISO 8601; `strict_thinking` marks the models that always think."""

    id: str
    display_name: str
    line: str
    created_at: str
    lifecycle: str = "active"
    deprecated_at: str | None = None
    retires_at: str | None = None
    strict_thinking: bool = True


MODELS: Final = (
    Model("claude-opus-5-5", "Claude Opus 5.5", "opus", "2026-09-15T00:00:00Z"),
    Model("claude-sonnet-5-5", "Claude Sonnet 5.5", "sonnet", "2026-09-15T00:00:00Z"),
    Model("claude-haiku-5-5", "Claude Haiku 5.5", "haiku", "2026-10-01T00:00:00Z", strict_thinking=False),
    Model("claude-fable-5-1", "Claude Fable 5.1", "fable", "2026-10-20T00:00:00Z"),
    Model(
        "claude-sonnet-4-5",
        "Claude Sonnet 4.5",
        "sonnet",
        "2025-09-29T00:00:00Z",
        lifecycle="deprecated",
        deprecated_at="2026-08-01T00:00:00Z",
        retires_at="2026-11-30T00:00:00Z",
        strict_thinking=False,
    ),
)


def find_model(model_id: str) -> Model | None:
    return next((model for model in MODELS if model.id == model_id), None)


def show_model(model: Model) -> JSON:
    return {
        "type": "model",
        "id": model.id,
        "display_name": model.display_name,
        "line": model.line,
        "created_at": model.created_at,
        "lifecycle": model.lifecycle,
        "deprecated_at": model.deprecated_at,
        "retires_at": model.retires_at,
        "max_input_tokens": 1_000_000,
        "max_tokens": 128_000,
    }


def read_blocks(content: Any) -> list[JSON]:
    """Return a message's or a system prompt's content as a list of blocks; a string is one text block."""
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return [block for block in content or [] if isinstance(block, dict)]


def normalise(value: Any) -> Any:
    """Drop what does not change a prompt: nulls and cache marks. Replayed turns come back with both."""
    if isinstance(value, Mapping):
        return {k: normalise(v) for k, v in sorted(value.items()) if v is not None and k != "cache_control"}
    return [normalise(item) for item in value] if isinstance(value, list) else value


def fingerprint(value: Any) -> str:
    """Return a digest of a JSON value that does not depend on the order of keys."""
    return hashlib.sha256(json.dumps(normalise(value), sort_keys=True).encode()).hexdigest()
