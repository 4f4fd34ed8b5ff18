"""The API as Anthropic's own client sees it."""

from typing import Any

import aiohttp
import anthropic
import httpx2
import pytest
from anthropic import AsyncAnthropic

from sandbox.messages_api import MessagesServer, Reply
from sandbox.traffic import TrafficLog
from tests.sandbox.messages_api.conftest import MODEL, REPORT_TOOL, tool

HELLO: Any = [{"role": "user", "content": "What is wrong?"}]
ADAPTIVE: Any = {"type": "adaptive", "display": "summarized"}


async def test_a_message_is_answered_in_json_and_as_a_stream(claude: AsyncAnthropic) -> None:
    plain = await claude.messages.create(model=MODEL, max_tokens=500, messages=HELLO)
    assert plain.stop_reason == "end_turn"
    async with claude.messages.stream(model=MODEL, max_tokens=500, messages=HELLO, thinking=ADAPTIVE) as stream:
        kinds = [event.type async for event in stream]
        streamed = await stream.get_final_message()
    assert [block.type for block in streamed.content] == ["thinking", "text"]
    assert streamed.content[-1].model_dump()["text"] == plain.content[-1].model_dump()["text"]
    assert streamed.stop_reason == "end_turn"
    assert streamed.usage.output_tokens > 1
    assert kinds[0] == "message_start"
    assert kinds[-1] == "message_stop"
    assert "signature" in kinds


async def test_thinking_comes_without_text_unless_asked_for(claude: AsyncAnthropic) -> None:
    message = await claude.messages.create(model=MODEL, max_tokens=500, messages=HELLO)
    block = message.content[0]
    assert block.type == "thinking"
    assert block.thinking == ""
    assert len(block.signature) > 20


async def test_keys_and_versions_are_checked(api: MessagesServer) -> None:
    async with AsyncAnthropic(base_url=api.url, api_key="wrong", max_retries=0) as client:
        with pytest.raises(anthropic.AuthenticationError):
            await client.messages.create(model=MODEL, max_tokens=5, messages=HELLO)
    async with aiohttp.ClientSession() as session:
        headers = {"x-api-key": api.api_key, "anthropic-version": "2026-10-21"}
        async with session.get(api.url + "/v1/models", headers=headers) as response:
            assert response.status == 401
        old = {"Authorization": f"Bearer {api.api_key}", "anthropic-version": "2023-06-01"}
        async with session.get(api.url + "/v1/models", headers=old) as response:
            assert response.status == 400


async def test_models_are_listed_with_their_end(claude: AsyncAnthropic) -> None:
    models = {model.id: model async for model in claude.models.list()}
    assert models["claude-opus-5-5"].lifecycle == "active"
    assert models["claude-sonnet-4-5"].retires_at is not None
    assert (await claude.models.retrieve(MODEL)).max_tokens == 128_000
    with pytest.raises(anthropic.NotFoundError):
        await claude.models.retrieve("claude-none")
    with pytest.raises(anthropic.NotFoundError):
        await claude.messages.create(model="claude-none", max_tokens=5, messages=HELLO)


async def test_tokens_are_counted_by_size(claude: AsyncAnthropic) -> None:
    small = await claude.messages.count_tokens(model=MODEL, messages=HELLO)
    big = await claude.messages.count_tokens(model=MODEL, messages=HELLO, system="x" * 4_000)
    assert 900 <= big.input_tokens - small.input_tokens <= 1_100


ANSWERED: Any = [
    {"role": "user", "content": "Look"},
    {"role": "assistant", "content": [{"type": "tool_use", "id": "toolu_1", "name": "look", "input": {}}]},
    {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "nothing"}]},
]
RESULT: Any = ANSWERED[2]["content"][0]
STRICT = {"type": "object", "properties": {}, "required": [], "additionalProperties": False}
OPTIONAL = {**STRICT, "properties": {f"p{n}": {"type": "string"} for n in range(25)}}
UNIONS = {f"p{n}": {"anyOf": [{"type": "string"}, {"type": "null"}]} for n in range(17)}
LOOP = {"$ref": "#/$defs/Node"}
NODE = {"type": "object", "properties": {"next": LOOP}, "required": ["next"], "additionalProperties": False}

FOREIGN = {"type": "thinking", "thinking": "", "signature": "x"}


def strict(schema: dict[str, Any], name: str = "look") -> dict[str, Any]:
    return {"name": name, "strict": True, "input_schema": schema}


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "tool_choice any": ({"tools": [tool("look")], "tool_choice": {"type": "any"}}, "tool_choice"),
    "tool_choice tool": ({"tools": [tool("look")], "tool_choice": {"type": "tool", "name": "look"}}, "tool_choice"),
    "temperature": ({"temperature": 0.5}, "temperature"),
    "top_p": ({"top_p": 0.5}, "top_p"),
    "top_k": ({"top_k": 5}, "top_k"),
    "thinking disabled": ({"thinking": {"type": "disabled"}}, "disabled"),
    "thinking by hand": ({"thinking": {"type": "enabled", "budget_tokens": 1_024}}, "enabled"),
    "effort": ({"output_config": {"effort": "enormous"}}, "effort"),
    "no tokens": ({"max_tokens": None}, "max_tokens"),
    "too many tokens": ({"max_tokens": 200_000}, "max_tokens"),
    "no messages": ({"messages": []}, "at least one message"),
    "assistant first": ({"messages": [{"role": "assistant", "content": "Hi"}]}, "first message"),
    "system role": ({"messages": [*HELLO, {"role": "system", "content": "Hi"}]}, "role"),
    "empty text": ({"messages": [{"role": "user", "content": " "}]}, "non-empty"),
    "unanswered tool_use": ({"messages": ANSWERED[:2]}, "without `tool_result`"),
    "answer to nothing": ({"messages": [{"role": "user", "content": [RESULT]}]}, "unexpected `tool_use_id`"),
    "answered twice": ({"messages": [*ANSWERED[:2], {"role": "user", "content": [RESULT, RESULT]}]}, "single result"),
    "answer after text": (
        {"messages": [*ANSWERED[:2], {"role": "user", "content": [{"type": "text", "text": "So:"}, RESULT]}]},
        "before other content",
    ),
    "two tools of a name": ({"tools": [tool("look"), tool("look")]}, "unique"),
    "no object": ({"tools": [{"name": "look", "input_schema": {"type": "string"}}]}, "object"),
    "open strict tool": ({"tools": [strict({"type": "object", "properties": {}})]}, "additionalProperties"),
    "21 strict tools": ({"tools": [strict(STRICT, f"t{n}") for n in range(21)]}, "at most 20"),
    "25 optional": ({"tools": [strict(OPTIONAL)]}, "at most 24"),
    "17 unions": ({"tools": [strict({**STRICT, "properties": UNIONS, "required": list(UNIONS)})]}, "at most 16"),
    "recursion": ({"tools": [strict({**NODE, "$defs": {"Node": NODE}})]}, "recursive"),
    "5 cache marks": (
        {"system": [{"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}}] * 5},
        "maximum of 4",
    ),
    "cache ttl": ({"cache_control": {"type": "ephemeral", "ttl": "2d"}}, "ttl"),
    "foreign thinking": (
        {"messages": [*HELLO, {"role": "assistant", "content": [FOREIGN]}]},
        "signature",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
async def test_what_the_service_refuses(claude: AsyncAnthropic, name: str) -> None:
    change, words = REFUSED[name]
    body = {"model": MODEL, "max_tokens": 100, "messages": HELLO, **change}
    with pytest.raises(anthropic.BadRequestError) as refused:
        await claude.post("/v1/messages", body=body, cast_to=object)
    assert words in str(refused.value)
    assert refused.value.type == "invalid_request_error"
    assert refused.value.request_id is not None


async def test_what_a_smaller_model_takes(claude: AsyncAnthropic) -> None:
    body = {"model": "claude-haiku-5-5", "max_tokens": 100, "messages": HELLO, "thinking": {"type": "disabled"}}
    answer: Any = await claude.post("/v1/messages", body=body, cast_to=object)
    assert answer["stop_reason"] == "end_turn"


async def converse(claude: AsyncAnthropic, **change: Any) -> tuple[list[Any], Any]:
    """Let the model call a tool, and answer it."""
    messages: list[Any] = [{"role": "user", "content": "E1 pod: waiting"}]
    options: dict[str, Any] = {"model": MODEL, "max_tokens": 900, "thinking": ADAPTIVE, "system": "Be brief."}
    options |= {"tools": [tool("read_logs"), REPORT_TOOL], **change}
    message = await claude.messages.create(messages=messages, **options)
    calls = [block for block in message.content if block.type == "tool_use"]
    results = [{"type": "tool_result", "tool_use_id": call.id, "content": "[]"} for call in calls]
    return [*messages, message.to_param(), {"role": "user", "content": results}], options


async def test_a_conversation_is_replayed_as_it_was(claude: AsyncAnthropic) -> None:
    messages, options = await converse(claude)
    message = await claude.messages.create(messages=messages, **options)
    assert message.stop_reason == "tool_use"


@pytest.mark.parametrize("what", ["system", "tools", "first turn", "text of the thinking", "no thinking"])
async def test_changing_what_was_thought_about_is_refused(claude: AsyncAnthropic, what: str) -> None:
    messages, options = await converse(claude)
    blocks = [block.model_dump() for block in messages[1]["content"]]
    messages[1] = {"role": "assistant", "content": blocks}
    if what == "system":
        options["system"] = "Be long."
    elif what == "tools":
        options["tools"] = [tool("read_logs"), tool("read_events"), REPORT_TOOL]
    elif what == "first turn":
        messages[0] = {"role": "user", "content": "E1 pod: running"}
    elif what == "text of the thinking":
        blocks[0]["thinking"] = "I know it."
    else:
        del blocks[0]
    with pytest.raises(anthropic.BadRequestError, match="thinking"):
        await claude.messages.create(messages=messages, **options)


async def test_moving_cache_marks_changes_nothing(claude: AsyncAnthropic) -> None:
    messages, options = await converse(claude)
    messages[0] = {
        "role": "user",
        "content": [{"type": "text", "text": "E1 pod: waiting", "cache_control": {"type": "ephemeral"}}],
    }
    assert (await claude.messages.create(messages=messages, **options)).stop_reason == "tool_use"


async def test_a_marked_prefix_is_read_from_the_cache(claude: AsyncAnthropic) -> None:
    mark: Any = {"type": "ephemeral", "ttl": "1h"}
    system: Any = [{"type": "text", "text": "rule " * 2_000, "cache_control": mark}]
    first = await claude.messages.create(model=MODEL, max_tokens=50, system=system, messages=HELLO)
    second = await claude.messages.create(model=MODEL, max_tokens=50, system=system, messages=HELLO)
    assert first.usage.cache_read_input_tokens == 0
    assert first.usage.cache_creation is not None
    assert first.usage.cache_creation.ephemeral_1h_input_tokens == first.usage.cache_creation_input_tokens
    assert second.usage.cache_creation_input_tokens == 0
    assert (second.usage.cache_read_input_tokens or 0) > 2_000
    assert second.usage.input_tokens == first.usage.input_tokens < 50
    system[0]["text"] += "!"
    third = await claude.messages.create(model=MODEL, max_tokens=50, system=system, messages=HELLO)
    assert third.usage.cache_read_input_tokens == 0


async def test_a_growing_conversation_reads_what_it_wrote(claude: AsyncAnthropic) -> None:
    mark: Any = {"type": "ephemeral"}
    messages, options = await converse(claude, cache_control=mark, system="rule " * 2_000)
    message = await claude.messages.create(messages=messages, **options)
    assert (message.usage.cache_read_input_tokens or 0) > 2_000
    assert 0 < (message.usage.cache_creation_input_tokens or 0) < 500


async def test_a_short_prefix_is_not_cached(claude: AsyncAnthropic) -> None:
    mark: Any = {"type": "ephemeral"}
    for _ in range(2):
        message = await claude.messages.create(model=MODEL, max_tokens=50, messages=HELLO, cache_control=mark)
    assert message.usage.cache_read_input_tokens == 0


@pytest.mark.parametrize("kind", ["rate_limited", "overloaded", "server_error", "disconnect"])
async def test_a_passing_failure_is_retried(api: MessagesServer, claude: AsyncAnthropic, kind: str) -> None:
    api.fail_next(kind)
    message = await claude.messages.create(model=MODEL, max_tokens=50, messages=HELLO)
    assert message.stop_reason == "end_turn"
    assert len(api.requests) == 2


async def test_a_lasting_failure_reaches_the_caller(api: MessagesServer, impatient: AsyncAnthropic) -> None:
    expected = {
        "rate_limited": anthropic.RateLimitError,
        "overloaded": anthropic.InternalServerError,
        "server_error": anthropic.InternalServerError,
        "disconnect": anthropic.APIConnectionError,
    }
    for kind, error in expected.items():
        api.fail_next(kind)
        with pytest.raises(error):
            await impatient.messages.create(model=MODEL, max_tokens=50, messages=HELLO)
    api.fail_next("slow", seconds=1)
    with pytest.raises(anthropic.APITimeoutError):
        await impatient.messages.create(model=MODEL, max_tokens=50, messages=HELLO)


async def stream(client: AsyncAnthropic, **options: Any) -> Any:
    request: dict[str, Any] = {"model": MODEL, "max_tokens": 900, "messages": HELLO, **options}
    async with client.messages.stream(**request) as events:
        async for _ in events:
            pass
        return await events.get_final_message()


async def test_a_stream_that_ends_early_has_no_stop_reason(api: MessagesServer, claude: AsyncAnthropic) -> None:
    api.fail_next("truncated")
    assert (await stream(claude)).stop_reason is None


async def test_an_error_in_the_stream_is_raised(api: MessagesServer, claude: AsyncAnthropic) -> None:
    api.fail_next("stream_error")
    with pytest.raises(anthropic.APIStatusError) as failed:
        await stream(claude)
    assert failed.value.type == "overloaded_error"
    assert failed.value.status_code == 200
    assert len(api.requests) == 1


async def test_a_silent_stream_times_out(api: MessagesServer, impatient: AsyncAnthropic) -> None:
    api.fail_next("stall", seconds=1)
    with pytest.raises(httpx2.ReadTimeout):
        await stream(impatient)


async def test_an_empty_body_is_noticed(api: MessagesServer, claude: AsyncAnthropic) -> None:
    api.fail_next("empty_body")
    with pytest.raises(AssertionError):
        await stream(claude)


async def test_bad_tool_json_is_noticed(api: MessagesServer, claude: AsyncAnthropic) -> None:
    api.fail_next("bad_tool_json")
    messages: Any = [{"role": "user", "content": "E1 pod: waiting in Pod/demo/payment-1"}]
    with pytest.raises(ValueError, match="JSON"):
        await stream(claude, messages=messages, tools=[tool("read_logs"), REPORT_TOOL])


async def test_a_refusal_says_its_category(api: MessagesServer, claude: AsyncAnthropic) -> None:
    api.fail_next("refusal", times=2, category="cyber")
    for message in (await stream(claude), await claude.messages.create(model=MODEL, max_tokens=9, messages=HELLO)):
        assert message.stop_reason == "refusal"
        assert message.stop_details is not None
        assert message.stop_details.category == "cyber"
        assert message.content == []


async def test_running_out_of_tokens_cuts_the_answer(api: MessagesServer, claude: AsyncAnthropic) -> None:
    whole = await stream(claude)
    api.fail_next("max_tokens")
    cut = await stream(claude)
    assert cut.stop_reason == "max_tokens"
    assert 0 < len(cut.content[-1].text) < len(whole.content[-1].text)


async def test_a_model_that_obeys_what_it_reads(api: MessagesServer, claude: AsyncAnthropic) -> None:
    api.fail_next("injected")
    message = await stream(claude, tools=[tool("read_logs")])
    assert message.content[-1].name == "delete_namespace"
    api.fail_next("injected", mode="report")
    content = "E1 log: can't open '/etc/app/config.yaml': No such file or directory"
    message = await stream(claude, messages=[{"role": "user", "content": content}], tools=[REPORT_TOOL])
    assert message.content[-1].input["evidence"][0]["evidence_id"] == "E999"


async def test_any_answer_can_be_dictated(api: MessagesServer, claude: AsyncAnthropic) -> None:
    api.fail_next("reply", blocks=[{"type": "text", "text": "42"}], stop_reason="pause_turn")
    message = await stream(claude)
    assert (message.content[0].text, message.stop_reason) == ("42", "pause_turn")
    with pytest.raises(ValueError, match="unknown failure"):
        api.fail_next("meteor")


async def test_another_script_can_stand_behind_it() -> None:
    class Parrot:
        def reply(self, request: Any) -> Reply:
            return Reply(({"type": "text", "text": request["messages"][-1]["content"]},))

    server = MessagesServer(script=Parrot(), pace=0.001)
    await server.start()
    async with AsyncAnthropic(base_url=server.url, api_key=server.api_key) as client:
        assert (await stream(client)).content[0].text == "What is wrong?"
    await server.stop()


async def test_traffic_is_recorded_without_the_key(
    api: MessagesServer, claude: AsyncAnthropic, traffic: TrafficLog
) -> None:
    await stream(claude)
    (exchange,) = traffic.since(0, "claude")
    assert (exchange["path"], exchange["status"]) == ("/v1/messages", 200)
    assert "What is wrong?" in exchange["request"]
    assert "end_turn" in exchange["response"]
    assert api.api_key not in str(exchange)
