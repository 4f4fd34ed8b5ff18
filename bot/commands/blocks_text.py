"""Slack's Block Kit as lines for a terminal: enough of it to read every message of ours."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from rich.text import Text

JSON = dict[str, Any]

_LINK = re.compile(r"<(https?://[^|>]+)\|([^>]+)>")
_DATE = re.compile(r"<!date\^\d+\^[^|>]*\|([^>]+)>")
_MENTION = re.compile(r"<[@#!](?:subteam\^)?([A-Z0-9]+)(?:\|([^>]+))?>")
_STYLED = re.compile(r"(\*[^*\n]+\*|_[^_\n]+_|`[^`\n]+`)")


def message_lines(message: JSON, names: Mapping[str, str]) -> list[Text]:
    """Return a message's blocks (or its text) as lines; `names` are people's names by their ids."""
    written = json.dumps(message)
    for person, name in names.items():
        written = written.replace(f"<@{person}>", f"<@{person}|{json.dumps(name)[1:-1]}>")
    message = json.loads(written)
    blocks = [*message.get("blocks", ())]
    for attachment in message.get("attachments", ()):
        blocks += attachment.get("blocks", ()) or [
            {"type": "section", "text": {"text": attachment.get("text") or attachment.get("fallback", "")}}
        ]
    lines = [line for block in blocks for line in _block(block)]
    return lines or [_mrkdwn(message.get("text", ""))]


def _block(block: JSON) -> Iterator[Text]:
    match block["type"]:
        case "header":
            yield Text(block["text"]["text"], style="bold")
        case "section":
            if block.get("text"):
                yield _mrkdwn(block["text"]["text"])
            for field in block.get("fields", ()):
                yield _mrkdwn(field["text"])
        case "context":
            texts = [e["text"] for e in block["elements"] if e["type"] != "image"]
            yield Text(_plain(" ".join(texts)), style="dim")
        case "markdown":
            yield Text(block["text"])
        case "rich_text":
            for element in block["elements"]:
                yield from _rich(element)
        case "actions":
            labels = [(e.get("text") or e.get("placeholder") or {}).get("text", "") for e in block["elements"]]
            yield Text("  ".join(f"[ {label} ]" for label in labels if label), style="bold cyan")
        case "divider":
            yield Text("─" * 30, style="dim")


def _rich(element: JSON) -> Iterator[Text]:
    kind = element["type"]
    if kind == "rich_text_list":
        for item in element["elements"]:
            yield Text("  • " + _run(item))
        return
    text = _run(element)
    if kind == "rich_text_preformatted":
        for line in text.splitlines():
            yield Text("    " + line, style="green" if line.startswith("+") else "red" if line.startswith("-") else "")
    elif kind == "rich_text_quote":
        for line in text.splitlines():
            yield Text("  │ " + line, style="italic")
    else:
        yield Text(text.rstrip("\n"))


def _run(element: JSON) -> str:
    return "".join(
        str(
            part.get("text") or part.get("url") or part.get("fallback") or part.get("unicode") or part.get("name") or ""
        )
        for part in element.get("elements", ())
    )


def _plain(text: str) -> str:
    text = _DATE.sub(r"\1", _LINK.sub(r"\2", text))
    text = _MENTION.sub(lambda m: f"@{m[2] or m[1]}", text)
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _mrkdwn(text: str) -> Text:
    line = Text()
    for part in _STYLED.split(_plain(text)):
        style = {"*": "bold", "_": "italic", "`": "cyan"}.get(part[:1], "") if _STYLED.fullmatch(part) else ""
        line.append(part[1:-1] if style else part, style=style)
    return line
