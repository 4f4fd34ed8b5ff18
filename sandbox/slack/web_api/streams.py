"""chat.startStream, appendStream and stopStream, and what an assistant says it is doing."""

from typing import Any

from sandbox.slack import ids
from sandbox.slack.errors import SlackError
from sandbox.slack.state import JSON, Channel
from sandbox.slack.validation.blocks import MARKDOWN_LIMIT, MESSAGE, check_blocks
from sandbox.slack.validation.content import read_blocks, read_content
from sandbox.slack.web_api.chat import may_post, own_message, signature
from sandbox.slack.web_api.method import Call, Method, Methods

STREAM_SECONDS = 300.0


async def start(call: Call) -> JSON:
    channel = call.channel()
    may_post(call, channel)
    (thread_ts,) = call.arguments.required("thread_ts")
    if channel.kind != "im":
        if not call.arguments.text("recipient_user_id"):
            raise SlackError("missing_recipient_user_id")
        if not call.arguments.text("recipient_team_id"):
            raise SlackError("missing_recipient_team_id")
        recipient = call.core.state.users.get(call.arguments.text("recipient_user_id"))
        if recipient is None or recipient["is_bot"]:
            raise SlackError("invalid_recipient_user_id")
    mode = call.arguments.text("task_display_mode", "timeline")
    if mode not in {"timeline", "plan", "dense"}:
        raise SlackError("invalid_arguments", messages=[f"[ERROR] unknown task_display_mode: {mode}"])
    draft = _Draft([])
    draft.add(call)
    message = call.core.messages.post(
        channel,
        call.core.messages.as_app(call.app, **signature(call)),
        draft.text(),
        thread_ts=thread_ts,
        blocks=draft.blocks,
        streaming_state="in_progress",
    )
    return {"channel": channel.id, "ts": message["ts"]}


async def append(call: Call) -> JSON:
    channel, message = _streaming(call)
    draft = _Draft(message.get("blocks", []))
    if not draft.add(call):
        raise SlackError("no_text")
    changes = {"text": draft.text(), "blocks": draft.blocks or None}
    call.core.messages.update(channel, message["ts"], changes)
    return {"channel": channel.id, "ts": message["ts"]}


async def stop(call: Call) -> JSON:
    channel, message = _streaming(call)
    draft = _Draft(message.get("blocks", []))
    draft.add(call)
    closing = call.arguments.parsed("blocks")
    if closing:
        draft.blocks += read_blocks(closing)
    changes: JSON = {"text": draft.text(), "blocks": draft.blocks or None, "streaming_state": "completed"}
    if call.arguments.parsed("metadata"):
        _, content = read_content({"text": "-", "metadata": call.arguments.values["metadata"]})
        changes["metadata"] = content["metadata"]
    final = call.core.messages.update(channel, message["ts"], changes)
    return {"channel": channel.id, "ts": message["ts"], "message": final}


async def set_status(call: Call) -> JSON:
    channel = call.channel("channel_id")
    thread_ts, _ = call.arguments.text("thread_ts"), call.arguments.required("thread_ts")
    event = {"type": "typing", "channel": channel.id, "thread_ts": thread_ts, "text": call.arguments.text("status")}
    call.core.pages.publish({**event, "user": call.app.bot_user_id}, channel.members)
    return {}


class _Draft:
    """The blocks a stream has grown so far: text runs on in one block, a task is one card that changes."""

    def __init__(self, blocks: list[JSON]) -> None:
        self.blocks: list[JSON] = [dict(block) for block in blocks]

    def add(self, call: Call) -> bool:
        """Add what one call brings, say whether it brought anything. Raise invalid_chunks or msg_too_long."""
        text = call.arguments.text("markdown_text")
        chunks = call.arguments.parsed("chunks") or []
        if text:
            self._add_text(text)
        if not isinstance(chunks, list):
            raise SlackError("invalid_chunks")
        for chunk in chunks:
            self._add_chunk(chunk)
        if messages := check_blocks(self.blocks, MESSAGE):
            raise SlackError("invalid_chunks", messages=messages)
        return bool(text or chunks)

    def text(self) -> str:
        return "".join(b["text"] for b in self.blocks if b["type"] == "markdown")

    def _add_chunk(self, chunk: Any) -> None:
        kind = chunk.get("type") if isinstance(chunk, dict) else None
        if kind == "markdown_text" and isinstance(chunk.get("text"), str):
            self._add_text(chunk["text"])
        elif kind == "task_update" and chunk.get("id") and chunk.get("title") and chunk.get("status"):
            self._add_task(chunk)
        elif kind == "plan_update" and chunk.get("title"):
            self._plan()["title"] = chunk["title"]
        elif kind == "blocks" and isinstance(chunk.get("blocks"), list):
            self.blocks += read_blocks(chunk["blocks"])
        else:
            raise SlackError("invalid_chunks", messages=[f"[ERROR] not a chunk: {kind}"])

    def _add_text(self, text: str) -> None:
        if len(self.text()) + len(text) > MARKDOWN_LIMIT:
            raise SlackError("msg_too_long")
        if self.blocks and self.blocks[-1]["type"] == "markdown":
            self.blocks[-1]["text"] += text
        else:
            self.blocks.append({"type": "markdown", "block_id": ids.new_block_id(), "text": text})

    def _add_task(self, chunk: JSON) -> None:
        card: JSON = {"type": "task_card", "task_id": chunk["id"], "title": chunk["title"], "status": chunk["status"]}
        for name in ("details", "output"):
            if chunk.get(name):
                card[name] = _rich(chunk[name])
        if chunk.get("sources"):
            card["sources"] = chunk["sources"]
        plan = next((b for b in self.blocks if b["type"] == "plan"), None)
        cards = plan.setdefault("tasks", []) if plan else self.blocks
        for place, known in enumerate(cards):
            if known.get("task_id") == chunk["id"]:
                cards[place] = {**known, **card}
                return
        cards.append({"block_id": ids.new_block_id(), **card})

    def _plan(self) -> JSON:
        plan = next((b for b in self.blocks if b["type"] == "plan"), None)
        if plan is None:
            plan = {"type": "plan", "block_id": ids.new_block_id(), "title": "", "tasks": []}
            self.blocks.append(plan)
        return plan


def _rich(text: Any) -> Any:
    if not isinstance(text, str):
        return text
    section = {"type": "rich_text_section", "elements": [{"type": "text", "text": text}]}
    return {"type": "rich_text", "elements": [section]}


def _streaming(call: Call) -> tuple[Channel, JSON]:
    channel = call.channel()
    message = own_message(call, channel, call.arguments.required("ts")[0], "message_not_owned_by_app")
    age = float(call.core.state.timestamps.next()) - float(message["ts"])
    if message.get("streaming_state") != "in_progress" or age > STREAM_SECONDS:
        raise SlackError("message_not_in_streaming_state")
    return channel, message


_WRITE = ("chat:write",)
METHODS: Methods = {
    "chat.startStream": Method(start, _WRITE),
    "chat.appendStream": Method(append, _WRITE),
    "chat.stopStream": Method(stop, _WRITE),
    "assistant.threads.setStatus": Method(set_status, ("assistant:write", "chat:write")),
}
