"""The two shapes of an answer: one JSON message, or a stream of server-sent events."""

import json
from collections.abc import Iterator
from typing import Any, Final

from sandbox.messages_api.accounting import count_tokens
from sandbox.messages_api.failures import Failure, break_json
from sandbox.messages_api.model import JSON, Reply

_PIECE: Final = 48

ERROR_TYPES: Final = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    500: "api_error",
    504: "timeout_error",
    529: "overloaded_error",
}


def show_error(status: int, message: str, request_id: str, kind: str | None = None) -> JSON:
    error = {"type": kind or ERROR_TYPES.get(status, "api_error"), "message": message}
    return {"type": "error", "error": error, "request_id": request_id}


def show_message(message_id: str, model: str, reply: Reply, usage: JSON) -> JSON:
    """Return the answer to a request without `stream`."""
    return {
        "id": message_id,
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": [dict(block) for block in reply.blocks],
        "stop_reason": reply.stop_reason,
        "stop_sequence": None,
        "stop_details": reply.stop_details,
        "usage": {**usage, "output_tokens": count_output(reply)},
    }


def count_output(reply: Reply) -> int:
    return sum(count_tokens(block) for block in reply.blocks) + 1


def stream_message(message_id: str, model: str, reply: Reply, usage: JSON, failure: Failure) -> Iterator[bytes]:
    """Yield the events of a streamed answer; `bad_tool_json` shows in the last tool call's deltas."""
    start = show_message(message_id, model, Reply((), reply.stop_reason), usage)
    start |= {"stop_reason": None, "usage": {**usage, "output_tokens": 1}}
    yield show_event("message_start", {"message": start})
    yield show_event("ping", {})
    calls = [index for index, block in enumerate(reply.blocks) if block["type"] == "tool_use"]
    for index, block in enumerate(reply.blocks):
        is_broken = failure.kind == "bad_tool_json" and calls[-1:] == [index]
        yield show_event("content_block_start", {"index": index, "content_block": _open(block)})
        for delta in _deltas(block, is_broken=is_broken):
            yield show_event("content_block_delta", {"index": index, "delta": delta})
        yield show_event("content_block_stop", {"index": index})
    delta = {"stop_reason": reply.stop_reason, "stop_sequence": None, "stop_details": reply.stop_details}
    totals = {name: value for name, value in usage.items() if name.endswith("input_tokens")}
    yield show_event("message_delta", {"delta": delta, "usage": {**totals, "output_tokens": count_output(reply)}})
    yield show_event("message_stop", {})


def show_event(name: str, fields: JSON) -> bytes:
    return f"event: {name}\ndata: {json.dumps({'type': name, **fields})}\n\n".encode()


def _open(block: JSON) -> JSON:
    if block["type"] == "text":
        return {"type": "text", "text": ""}
    if block["type"] == "thinking":
        return {"type": "thinking", "thinking": "", "signature": ""}
    return {**block, "input": {}} if block["type"] == "tool_use" else block


def _deltas(block: JSON, *, is_broken: bool) -> Iterator[JSON]:
    if block["type"] == "text":
        yield from ({"type": "text_delta", "text": piece} for piece in _cut(block["text"]))
    elif block["type"] == "thinking":
        yield from ({"type": "thinking_delta", "thinking": piece} for piece in _cut(block["thinking"]))
        yield {"type": "signature_delta", "signature": block["signature"]}
    elif block["type"] == "tool_use":
        text = break_json(block["input"]) if is_broken else json.dumps(block["input"])
        yield {"type": "input_json_delta", "partial_json": ""}
        yield from ({"type": "input_json_delta", "partial_json": piece} for piece in _cut(text))


def _cut(text: str) -> Iterator[str]:
    yield from (text[start : start + _PIECE] for start in range(0, len(text), _PIECE))


def read_request(body: bytes) -> dict[str, Any] | None:
    """Return the JSON object of a request, or None when it is not one."""
    try:
        request = json.loads(body)
    except ValueError:
        return None
    return request if isinstance(request, dict) else None
