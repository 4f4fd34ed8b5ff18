"""Slack's limits, walked over a rendered payload. Written from the published limits, apart from the code under test."""

import json
from collections.abc import Iterator
from typing import Any

JSON = dict[str, Any]


def texts(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        for value in node.values():
            yield from texts(value)
    elif isinstance(node, list):
        for value in node:
            yield from texts(value)
    elif isinstance(node, str):
        yield node


def _text(obj: JSON, limit: int) -> None:
    assert obj["type"] in {"plain_text", "mrkdwn"}
    assert 1 <= len(obj["text"]) <= limit, (limit, len(obj["text"]))
    if obj["type"] == "mrkdwn":
        assert obj["verbatim"] is True
        _only_our_markup(obj["text"])


def _only_our_markup(text: str) -> None:
    """Every angle bracket belongs to a date, a person's mention or a web link of ours."""
    rest = text
    while (start := rest.find("<")) >= 0:
        end = rest.index(">", start)
        token = rest[start + 1 : end]
        assert token.startswith(("!date^", "@U", "@W", "http://", "https://")), token
        assert ">" not in rest[:start]
        rest = rest[end + 1 :]
    assert ">" not in rest.replace("\n> ", "")


def _element(element: JSON) -> None:
    assert len(element.get("action_id", "")) <= 255
    if "confirm" in element:
        _text(element["confirm"]["title"], 100)
        _text(element["confirm"]["text"], 300)
        _text(element["confirm"]["confirm"], 30)
        _text(element["confirm"]["deny"], 30)
        assert element["confirm"]["confirm"]["text"] not in {"OK", "Yes"}
    match element["type"]:
        case "button":
            _text(element["text"], 75)
            assert len(element.get("value", "")) <= 2000
            assert len(element.get("url", "")) <= 3000
            assert 1 <= len(element.get("accessibility_label", "x")) <= 75
        case "static_select":
            _text(element["placeholder"], 150)
            assert 1 <= len(element["options"]) <= 100
            for option in element["options"]:
                _text(option["text"], 75)
                assert 1 <= len(option["value"]) <= 150
                if "description" in option:
                    _text(option["description"], 75)
            if "initial_option" in element:
                assert element["initial_option"] in element["options"]
        case "plain_text_input":
            _text(element["placeholder"], 150)
        case kind:
            raise AssertionError(kind)


def _rich(part: JSON) -> None:
    match part["type"]:
        case "rich_text_section" | "rich_text_preformatted":
            assert part["elements"]
            for run in part["elements"]:
                assert run["type"] == "text"
                assert 1 <= len(run["text"]) <= 3000
        case "rich_text_list":
            assert part["elements"]
            for item in part["elements"]:
                _rich(item)
        case kind:
            raise AssertionError(kind)


def _block(block: JSON) -> None:
    match block["type"]:
        case "header":
            assert block["text"]["type"] == "plain_text"
            _text(block["text"], 150)
        case "section":
            assert "text" in block or "fields" in block
            if "text" in block:
                _text(block["text"], 3000)
            assert len(block.get("fields", [])) <= 10
            for field in block.get("fields", []):
                _text(field, 2000)
        case "context":
            assert 1 <= len(block["elements"]) <= 10
            for element in block["elements"]:
                _text(element, 2000)
        case "actions":
            assert 1 <= len(block["elements"]) <= 25
            for element in block["elements"]:
                _element(element)
            ids = [element["action_id"] for element in block["elements"]]
            assert len(ids) == len(set(ids))
            assert sum(element.get("style") == "primary" for element in block["elements"]) <= 1
        case "rich_text":
            for part in block["elements"]:
                _rich(part)
        case "input":
            _text(block["label"], 2000)
            _text(block["hint"], 2000)
            _element(block["element"])
        case "data_visualization":
            assert len(block["title"]) <= 50
            assert 1 <= len(block["chart"]["series"]) <= 6
            for series in block["chart"]["series"]:
                assert len(series["data"]) == len(block["chart"]["axis_config"]["categories"])
        case "divider":
            pass
        case kind:
            raise AssertionError(kind)


def _blocks(blocks: list[JSON], most: int) -> None:
    assert 1 <= len(blocks) <= most
    ids = [block["block_id"] for block in blocks if "block_id" in block]
    assert len(ids) == len(set(ids))
    assert all(1 <= len(block_id) <= 255 for block_id in ids)
    for block in blocks:
        _block(block)


def check_message(payload: JSON) -> None:
    assert set(payload) == {"text", "blocks"}
    assert 1 <= len(payload["text"]) <= 4000
    _only_our_markup(payload["text"])
    _blocks(payload["blocks"], 50)
    # Slack refuses a message whose blocks are too long together (seen at about 13,200 characters).
    assert sum(map(len, texts(payload["blocks"]))) <= 13_000


def check_view(view: JSON) -> None:
    assert view["type"] in {"modal", "home"}
    if view["type"] == "modal":
        for name in ("title", "close", "submit"):
            if name in view:
                _text(view[name], 24)
        if any(block["type"] == "input" for block in view["blocks"]):
            assert "submit" in view
    assert len(view.get("private_metadata", "")) <= 3000
    assert len(json.dumps(view).encode()) <= 250_000
    _blocks(view["blocks"], 100)
