"""What the service refuses with 400, and what it says then."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from sandbox.messages_api.model import JSON, Model, read_blocks

_EFFORTS: Final = ("low", "medium", "high", "xhigh", "max")
_SAMPLING: Final = ("temperature", "top_p", "top_k")


def find_violation(request: Mapping[str, Any], model: Model) -> str | None:
    """Return the first thing wrong with a request, in the service's words, or None."""
    return next(iter(_violations(request, model)), None)


def _violations(request: Mapping[str, Any], model: Model) -> Iterator[str]:
    yield from _check_limits(request)
    if model.strict_thinking:
        yield from _check_thinking_model(request, model)
    yield from _check_tools(request.get("tools") or [])
    yield from _check_cache_marks(request)
    yield from _check_messages(request.get("messages"))


def _check_limits(request: Mapping[str, Any]) -> Iterator[str]:
    tokens = request.get("max_tokens")
    if not isinstance(tokens, int) or isinstance(tokens, bool):
        yield "max_tokens: Field required"
    elif not 1 <= tokens <= 128_000:
        yield "max_tokens: must be between 1 and 128000"
    effort = (request.get("output_config") or {}).get("effort")
    if effort is not None and effort not in _EFFORTS:
        yield f"output_config.effort: Input should be one of {', '.join(_EFFORTS)}"


def _check_thinking_model(request: Mapping[str, Any], model: Model) -> Iterator[str]:
    for name in _SAMPLING:
        if request.get(name) is not None:
            yield f"{name}: sampling parameters are not supported by {model.id}"
    thinking = (request.get("thinking") or {}).get("type")
    if thinking in {"disabled", "enabled"}:
        yield f"thinking.type: '{thinking}' is not supported by {model.id}; use 'adaptive'"
    choice = (request.get("tool_choice") or {}).get("type")
    if choice in {"any", "tool"}:
        yield f"tool_choice.type: '{choice}' is not supported by {model.id}; use 'auto'"


def _check_tools(tools: list[JSON]) -> Iterator[str]:
    names = [str(tool.get("name", "")) for tool in tools]
    yield from (f"tools: Tool names must be unique, {name!r} is not" for name in names if names.count(name) > 1)
    strict = [(index, tool) for index, tool in enumerate(tools) if tool.get("strict")]
    if len(strict) > 20:
        yield "tools: at most 20 tools may be strict"
    for index, tool in enumerate(tools):
        schema = tool.get("input_schema")
        if "type" not in tool or tool["type"] == "custom":
            if not names[index]:
                yield f"tools.{index}.name: Field required"
            if not isinstance(schema, dict) or schema.get("type") != "object":
                yield f"tools.{index}.input_schema.type: Field required, must be 'object'"
    optional = unions = 0
    for index, tool in strict:
        for part in walk_schema(tool["input_schema"]):
            if part.get("type") == "object" or "properties" in part:
                optional += len(set(part.get("properties", {})) - set(part.get("required", [])))
                if part.get("additionalProperties") is not False:
                    yield f"tools.{index}.input_schema: strict objects must set additionalProperties to false"
            unions += any(key in part for key in ("anyOf", "oneOf")) or isinstance(part.get("type"), list)
        if _is_recursive(tool["input_schema"]):
            yield f"tools.{index}.input_schema: recursive schemas are not supported by strict tools"
    if optional > 24:
        yield f"tools: strict tools have {optional} optional parameters together, at most 24 are supported"
    if unions > 16:
        yield f"tools: strict tools have {unions} parameters of union type together, at most 16 are supported"


def walk_schema(schema: Any) -> Iterator[JSON]:
    """Yield every schema inside a schema, itself first; `$defs` once each, whatever refers to them."""
    if not isinstance(schema, dict):
        return
    yield schema
    for key in ("properties", "$defs", "definitions"):
        for inner in (schema.get(key) or {}).values():
            yield from walk_schema(inner)
    for key in ("anyOf", "oneOf", "allOf", "prefixItems"):
        for inner in schema.get(key) or []:
            yield from walk_schema(inner)
    yield from walk_schema(schema.get("items"))


def _is_recursive(schema: JSON) -> bool:
    definitions = {f"#/$defs/{name}": inner for name, inner in (schema.get("$defs") or {}).items()}
    reaches = {
        name: {part["$ref"] for part in walk_schema(inner) if "$ref" in part} for name, inner in definitions.items()
    }

    def returns(start: str, at: str, seen: frozenset[str]) -> bool:
        onward = reaches.get(at, set())
        return start in onward or any(returns(start, name, seen | {name}) for name in onward - seen)

    return any(returns(name, name, frozenset()) for name in reaches)


def _check_cache_marks(request: Mapping[str, Any]) -> Iterator[str]:
    marks = list(find_cache_marks(request))
    if len(marks) > 4:
        yield f"A maximum of 4 blocks with cache_control may be provided. Found {len(marks)}."
    for mark in marks:
        if mark.get("type") != "ephemeral" or mark.get("ttl", "5m") not in {"5m", "1h"}:
            yield "cache_control: type must be 'ephemeral' and ttl '5m' or '1h'"


def find_cache_marks(request: Mapping[str, Any]) -> Iterator[JSON]:
    """Yield every cache_control of a request: the top-level one, of tools, of system blocks, of content blocks."""
    blocks: list[Any] = [request, *(request.get("tools") or []), *read_blocks(request.get("system"))]
    for message in request.get("messages") or []:
        blocks.extend(read_blocks(message.get("content")))
    yield from (block["cache_control"] for block in blocks if block.get("cache_control"))


def _check_messages(messages: Any) -> Iterator[str]:
    if not isinstance(messages, list) or not messages:
        yield "messages: at least one message is required"
        return
    if messages[0].get("role") != "user":
        yield 'messages: first message must use the "user" role'
    for index, message in enumerate(messages):
        if message.get("role") not in {"user", "assistant"}:
            yield f"messages.{index}.role: Input should be 'user' or 'assistant'"
        blocks = read_blocks(message.get("content"))
        if not blocks:
            yield f"messages.{index}: all messages must have non-empty content"
        for place, block in enumerate(blocks):
            if block.get("type") == "text" and not str(block.get("text", "")).strip():
                yield f"messages.{index}.content.{place}: text content blocks must be non-empty"
        yield from _check_tool_results(messages, index)


def _check_tool_results(messages: list[JSON], index: int) -> Iterator[str]:
    """Every tool_use is answered in the very next message, first thing, and nothing else is."""
    calls = _ids(messages[index], "assistant", "tool_use", "id")
    following = messages[index + 1] if index + 1 < len(messages) else {}
    missing = [call for call in calls if call not in _ids(following, "user", "tool_result", "tool_use_id")]
    if missing:
        yield (
            f"messages.{index}: `tool_use` ids were found without `tool_result` blocks immediately after: "
            f"{', '.join(missing)}. Each `tool_use` block must have its `tool_result` block in the next message."
        )
    known = _ids(messages[index - 1], "assistant", "tool_use", "id") if index else []
    answers = _ids(messages[index], "user", "tool_result", "tool_use_id")
    for answer in answers:
        if answer not in known:
            yield f"messages.{index}: unexpected `tool_use_id` found in `tool_result` blocks: {answer}"
        if answers.count(answer) > 1:
            yield f"messages.{index}: each tool_use must have a single result, {answer} has several"
    kinds = [block.get("type") for block in read_blocks(messages[index].get("content"))]
    if answers and kinds[: len(answers)] != ["tool_result"] * len(answers):
        yield f"messages.{index}: `tool_result` blocks must come before other content"


def _ids(message: JSON, role: str, kind: str, key: str) -> list[str]:
    if message.get("role") != role:
        return []
    return [str(block.get(key)) for block in read_blocks(message.get("content")) if block.get("type") == kind]
