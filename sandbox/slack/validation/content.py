"""What a message says: text, blocks, attachments and metadata, checked and completed."""

import json
from typing import Any

from sandbox.slack import ids
from sandbox.slack.errors import SlackError
from sandbox.slack.validation.blocks import MARKDOWN_LIMIT, MESSAGE, check_blocks

POST_LIMIT = 40_000
UPDATE_LIMIT = 4_000
MAX_ATTACHMENTS = 100

JSON = dict[str, Any]


def read_content(body: JSON) -> tuple[str, JSON]:
    """Return the text and the other content of a message payload.

    Content has blocks, attachments and metadata as far as given. Raise SlackError: no_text, invalid_blocks,
    invalid_blocks_format, invalid_attachments, too_many_attachments, invalid_metadata_format, invalid_metadata_schema.
    """
    text = body.get("text")
    text = "" if text is None else str(text)
    if body.get("markdown_text"):
        return _read_markdown(body, str(body["markdown_text"]))
    content: JSON = {}
    if (blocks := _parsed(body.get("blocks"), "invalid_blocks_format")) is not None:
        content["blocks"] = read_blocks(blocks)
    if (attachments := _parsed(body.get("attachments"), "invalid_attachments")) is not None:
        content["attachments"] = _read_attachments(attachments)
    if (metadata := _parsed(body.get("metadata"), "invalid_metadata_format")) is not None:
        content["metadata"] = _read_metadata(metadata)
    if not text.strip() and not content.get("blocks") and not content.get("attachments"):
        raise SlackError("no_text")
    return text, content


def _read_markdown(body: JSON, markdown: str) -> tuple[str, JSON]:
    """Markdown instead of text and blocks: it becomes the message's one block."""
    if body.get("text") or body.get("blocks"):
        raise SlackError("markdown_text_conflict")
    if len(markdown) > MARKDOWN_LIMIT:
        raise SlackError("msg_too_long")
    rest = {name: body.get(name) for name in ("attachments", "metadata")}
    return markdown, read_content({**rest, "blocks": [{"type": "markdown", "text": markdown}]})[1]


def read_blocks(blocks: Any) -> list[JSON]:
    """Return a message's blocks with ids filled in, or raise invalid_blocks."""
    if messages := check_blocks(blocks, MESSAGE):
        raise SlackError("invalid_blocks", messages=messages)
    return fill_ids(blocks)


def fill_ids(blocks: list[JSON]) -> list[JSON]:
    """Return the blocks with the block_ids and action_ids that were left out, as Slack stores them."""
    return [_filled(block) for block in blocks]


def _filled(original: JSON) -> JSON:
    block = dict(original)
    block["block_id"] = block.get("block_id") or ids.new_block_id()
    for place in ("accessory", "element"):
        if isinstance(block.get(place), dict):
            block[place] = _with_action_id(block[place])
    if block["type"] in {"actions", "context_actions"}:
        block["elements"] = [_with_action_id(e) for e in block["elements"]]
    elif block["type"] == "card" and block.get("actions"):
        block["actions"] = [_with_action_id(e) for e in block["actions"]]
    elif block["type"] == "carousel":
        block["elements"] = fill_ids(block["elements"])
    elif block["type"] == "container":
        block["child_blocks"] = fill_ids(block["child_blocks"])
    return block


def _with_action_id(element: JSON) -> JSON:
    if element.get("type") == "image" or element.get("action_id"):
        return element
    return {**element, "action_id": ids.new_block_id()}


def _parsed(value: Any, error: str) -> Any:
    """Blocks and the like come as JSON in a JSON body, and as a JSON string in a form."""
    if value is None or value == "":
        return None
    if isinstance(value, str):
        try:
            return json.loads(value)
        except ValueError as malformed:
            raise SlackError(error) from malformed
    return value


def _read_attachments(attachments: Any) -> list[JSON]:
    if not isinstance(attachments, list) or not all(isinstance(a, dict) for a in attachments):
        raise SlackError("invalid_attachments")
    if len(attachments) > MAX_ATTACHMENTS:
        raise SlackError("too_many_attachments")
    read = []
    for number, attachment in enumerate(attachments, start=1):
        kept = {"id": number, "fallback": "[no preview available]", **attachment}
        if attachment.get("blocks") is not None:
            pointer = f"/attachments/{number - 1}/blocks"
            if messages := check_blocks(attachment["blocks"], MESSAGE, pointer):
                raise SlackError("invalid_blocks", messages=messages)
            kept["blocks"] = fill_ids(attachment["blocks"])
        read.append(kept)
    return read


def _read_metadata(metadata: Any) -> JSON:
    if not isinstance(metadata, dict):
        raise SlackError("invalid_metadata_format")
    kind, payload = metadata.get("event_type"), metadata.get("event_payload")
    if not isinstance(kind, str) or not kind or not isinstance(payload, dict):
        raise SlackError("invalid_metadata_schema")
    return {"event_type": kind, "event_payload": payload}
