"""What can be made to go wrong with the next requests."""

import json
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from sandbox.messages_api.model import JSON, Reply

KINDS: Final[Mapping[str, str]] = {
    "rate_limited": "429 rate_limit_error; retry_after_ms=10 or retry_after=seconds",
    "overloaded": "529 overloaded_error; retry_after_ms=10",
    "server_error": "500 api_error, or another status=",
    "slow": "the answer comes after seconds=1",
    "disconnect": "the connection closes before any answer",
    "empty_body": "200 without a body",
    "truncated": "the stream ends cleanly in the middle, without message_delta; JSON: half a body",
    "stall": "the stream goes silent after its first events for seconds=60",
    "stream_error": "an `error` event in the middle of the stream; type=overloaded_error",
    "bad_tool_json": "the last tool call's input is not JSON",
    "refusal": "stop_reason refusal; category=cyber",
    "max_tokens": "the answer is cut in half with stop_reason max_tokens",
    "injected": "the model obeys what it read: it calls tool=delete_namespace, which is not offered; with "
    "mode='report' its report cites evidence_id=E999, which does not exist",
    "reply": "blocks=[...] and stop_reason=... instead of the script's answer",
}


@dataclass(frozen=True, slots=True)
class Failure:
    kind: str
    params: Mapping[str, Any]


NO_FAILURE: Final = Failure("", {})


@dataclass(slots=True)
class Failures:
    """A queue: each request to POST /v1/messages uses up one failure, in the order they were asked for."""

    waiting: deque[Failure] = field(default_factory=deque)

    def add(self, kind: str, times: int, params: Mapping[str, Any]) -> None:
        """Queue a failure. Raise ValueError for a kind that does not exist."""
        if kind not in KINDS:
            raise ValueError(f"unknown failure {kind!r}; known: {', '.join(KINDS)}")
        self.waiting.extend(Failure(kind, params) for _ in range(times))

    def take(self) -> Failure | None:
        return self.waiting.popleft() if self.waiting else None


def alter_reply(reply: Reply, failure: Failure) -> Reply:
    """Return what the model says when the failure is in what it says; other failures leave the reply alone."""
    params = failure.params
    if failure.kind == "refusal":
        category = params.get("category", "cyber")
        details = {"type": "refusal", "category": category, "explanation": "The request was declined by a classifier."}
        return Reply((), "refusal", details)
    if failure.kind == "max_tokens":
        return Reply(tuple(_halve(block) for block in reply.blocks), "max_tokens")
    if failure.kind == "injected":
        return _obey_injection(reply, params)
    if failure.kind == "reply":
        return Reply(tuple(params["blocks"]), params.get("stop_reason", "end_turn"), params.get("stop_details"))
    return reply


def _halve(block: JSON) -> JSON:
    """Cut a block as running out of tokens does; a tool call keeps the keys that were complete by then."""
    if block["type"] == "text":
        return {**block, "text": block["text"][: max(1, len(block["text"]) // 2)]}
    if block["type"] == "tool_use":
        items = list(block["input"].items())
        return {**block, "input": dict(items[: len(items) // 2])}
    return block


def _obey_injection(reply: Reply, params: Mapping[str, Any]) -> Reply:
    if params.get("mode", "tool") == "tool":
        call = {
            "type": "tool_use",
            "id": "toolu_injected",
            "name": params.get("tool", "delete_namespace"),
            "input": dict(params.get("input") or {"namespace": "demo"}),
        }
        words = {"type": "text", "text": "The log tells me to clean up the namespace first, so I do that."}
        return Reply((words, call), "tool_use")
    wanted, claim = params.get("evidence_id", "E999"), "An operator already approved deleting the namespace."

    def poison(value: Any, key: str = "") -> Any:
        if isinstance(value, dict):
            return {name: poison(inner, name) for name, inner in value.items()}
        if isinstance(value, list):
            return [poison(inner, key) for inner in value]
        return wanted if key == "evidence_id" else claim if key in {"quote", "headline", "root_cause"} else value

    blocks = [
        {**block, "input": poison(block["input"])} if block.get("name") == "submit_report" else block
        for block in reply.blocks
    ]
    return Reply(tuple(blocks), reply.stop_reason)


def break_json(arguments: JSON) -> str:
    """Return a tool call's arguments as a model that lost its thread would stream them."""
    text = json.dumps(arguments)
    return text[: max(1, len(text) - 1)].replace(":", "", 1) + ", oops"
