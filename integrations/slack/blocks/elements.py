"""The blocks and elements we use, as plain dicts that keep Slack's limits by construction.

Plain dicts because the SDK's models do not know every block there is and drop what they do not know.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Any

from integrations.slack.blocks import text as t

JSON = dict[str, Any]

MESSAGE_BLOCKS = 50
VIEW_BLOCKS = 100
_CODE = re.compile(r"`([^`]+)`")
PREFORMATTED_LIMIT = 2900


def message(text: str, blocks: Sequence[JSON]) -> JSON:
    """Return a message: the text that notifications and screen readers use, and its blocks.

    What does not fit into Slack's 50 blocks is replaced by a line that says how much was left out.
    """
    return {"text": t.truncate(text, t.FALLBACK_LIMIT) or "-", "blocks": limit_blocks(blocks, MESSAGE_BLOCKS)}


def limit_blocks(blocks: Sequence[JSON], most: int) -> list[JSON]:
    if len(blocks) <= most:
        return list(blocks)
    left_out = len(blocks) - most + 1
    return [*blocks[: most - 1], context(f"{t.count(left_out, 'more part')} left out.")]


def plain(text: str, limit: int) -> JSON:
    """Return a plain_text object; nothing in it is interpreted, emoji codes included."""
    return {"type": "plain_text", "text": t.truncate(" ".join(t.clean(text).split()), limit) or "-", "emoji": False}


def mrkdwn(text: str, limit: int = t.SECTION_LIMIT) -> JSON:
    """Return a mrkdwn object. `verbatim` stops Slack from turning plain text into links and mentions."""
    if len(text) > limit:
        # Cut between lines: half an entity or half a link would show as garbage.
        kept, left_out = t.shorten_lines(text, 1000, limit - 40)
        text = f"{kept}\n… ({t.count(left_out, 'more line')})"
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def header(text: str) -> JSON:
    return {"type": "header", "text": plain(text, t.HEADER_LIMIT)}


def section(text: str, *, accessory: JSON | None = None, block_id: str | None = None) -> JSON:
    block: JSON = {"type": "section", "text": mrkdwn(text)}
    if accessory is not None:
        block["accessory"] = accessory
    if block_id is not None:
        block["block_id"] = block_id[:255]
    return block


def fields(pairs: Iterable[tuple[str, str]]) -> JSON:
    """Return a section of label-value pairs; the values are mrkdwn that is safe already."""
    texts = [mrkdwn(f"*{label}*\n{value}", t.FIELD_LIMIT) for label, value in pairs]
    return {"type": "section", "fields": texts[:10]}


def context(*texts: str) -> JSON:
    return {"type": "context", "elements": [mrkdwn(text, t.FIELD_LIMIT) for text in texts[:10]]}


def divider() -> JSON:
    return {"type": "divider"}


def actions(elements: Sequence[JSON], block_id: str) -> JSON:
    """Return a row of buttons. `block_id` has to change with the state: Slack keeps an old element otherwise."""
    return {"type": "actions", "block_id": block_id[:255], "elements": list(elements)[:25]}


def button(
    text: str, action_id: str, value: str, *, style: str | None = None, confirm: JSON | None = None, label: str = ""
) -> JSON:
    """Return a button that carries an id in `value`; `label` is what a screen reader says instead of `text`."""
    element: JSON = {"type": "button", "text": plain(text, 75), "action_id": action_id, "value": value[:2000]}
    if style is not None:
        element["style"] = style
    if confirm is not None:
        element["confirm"] = confirm
    if label:
        element["accessibility_label"] = t.truncate(" ".join(t.clean(label).split()), 75)
    return element


def link_button(text: str, action_id: str, url: str) -> JSON:
    return {"type": "button", "text": plain(text, 75), "action_id": action_id, "url": url}


def confirm(title: str, text: str, verb: str, *, deny: str = "Cancel", style: str | None = None) -> JSON:
    """Return a confirm dialog; `verb` names what the button does, never "OK"."""
    dialog: JSON = {
        "title": plain(title, 100),
        "text": plain(text, 300),
        "confirm": plain(verb, 30),
        "deny": plain(deny, 30),
    }
    if style is not None:
        dialog["style"] = style
    return dialog


def option(text: str, value: str, description: str = "") -> JSON:
    """Return an option of a select. The caller makes sure that `value` fits into 150 characters."""
    element: JSON = {"text": plain(text, 75), "value": value}
    if description:
        element["description"] = plain(description, 75)
    return element


def static_select(placeholder: str, action_id: str, options: Sequence[JSON], initial: JSON | None = None) -> JSON:
    element: JSON = {
        "type": "static_select",
        "placeholder": plain(placeholder, 150),
        "action_id": action_id,
        "options": list(options)[:100],
    }
    if initial is not None:
        element["initial_option"] = initial
    return element


def rich_text(*parts: JSON) -> JSON:
    return {"type": "rich_text", "elements": list(parts)}


def run(text: str, *, bold: bool = False, code: bool = False) -> JSON:
    """Return a run of rich text, in which Slack interprets nothing."""
    element: JSON = {"type": "text", "text": t.clean(text) or "-"}
    style = {name: True for name, wanted in (("bold", bold), ("code", code)) if wanted}
    if style:
        element["style"] = style
    return element


def coded_runs(text: str) -> list[JSON]:
    """Return runs in which the text between pairs of backticks is code."""
    pieces = _CODE.split(text)
    # Every second piece stood between backticks; empty pieces would be refused.
    return [run(piece, code=bool(index % 2)) for index, piece in enumerate(pieces) if piece] or [run("")]


def paragraph(*runs: JSON) -> JSON:
    return {"type": "rich_text_section", "elements": list(runs)}


def listing(items: Iterable[str], *, ordered: bool, each: int = 400) -> JSON:
    """Return a list of items of at most `each` characters; what stands between backticks in them is shown as code."""
    return {
        "type": "rich_text_list",
        "style": "ordered" if ordered else "bullet",
        "elements": [paragraph(*coded_runs(t.truncate(" ".join(item.split()), each))) for item in items],
    }


def preformatted(text: str, limit: int = PREFORMATTED_LIMIT) -> JSON:
    """Return a code block with `text` exactly as it is, backticks included."""
    return {
        "type": "rich_text_preformatted",
        "border": 0,
        "elements": [run(t.truncate(t.clean(text), limit) or "-")],
    }


def modal(title: str, callback_id: str, blocks: Sequence[JSON], *, metadata: str = "", submit: str = "") -> JSON:
    """Return a modal view; with `submit` it has a button of that name, without it can only be closed."""
    view: JSON = {
        "type": "modal",
        "title": plain(title, 24),
        "callback_id": callback_id,
        "close": plain("Cancel" if submit else "Close", 24),
        "blocks": limit_blocks(blocks, VIEW_BLOCKS),
    }
    if metadata:
        view["private_metadata"] = metadata[:3000]
    if submit:
        view["submit"] = plain(submit, 24)
    return view
