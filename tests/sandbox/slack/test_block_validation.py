from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.slack import SlackError
from sandbox.slack.state import JSON
from sandbox.slack.validation.blocks import BLOCKS, check_blocks
from sandbox.slack.validation.views import check_view


def plain(text: str = "x") -> JSON:
    return {"type": "plain_text", "text": text}


def mrkdwn(text: str = "x") -> JSON:
    return {"type": "mrkdwn", "text": text}


def button(action_id: str = "go", **fields: Any) -> JSON:
    return {"type": "button", "text": plain(), "action_id": action_id, **fields}


def option(text: str = "x", value: str = "v") -> JSON:
    return {"text": plain(text), "value": value}


def select(count: int = 1) -> JSON:
    return {"type": "static_select", "action_id": "s", "options": [option(value=str(n)) for n in range(count)]}


def actions(*elements: JSON) -> JSON:
    return {"type": "actions", "elements": list(elements)}


def section(**fields: Any) -> JSON:
    return {"type": "section", "text": mrkdwn(), **fields}


def asked(element: JSON, **fields: Any) -> JSON:
    return {"type": "input", "label": plain(), "element": element, **fields}


IMAGE = {"image_url": "http://127.0.0.1/a.png", "alt_text": "a"}
CARD: JSON = {"type": "card", "title": mrkdwn()}
RICH: JSON = {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": []}]}
TASK: JSON = {"type": "task_card", "task_id": "1", "title": "t", "status": "pending"}
CONFIRM = {"title": plain(), "text": mrkdwn(), "confirm": plain(), "deny": plain()}
TEXT_INPUT: JSON = {"type": "plain_text_input", "action_id": "t"}

VALID: list[tuple[str, JSON, str]] = [
    ("section", section(text=mrkdwn("x" * 3000)), "message modal home"),
    ("section with fields", {"type": "section", "fields": [mrkdwn("x" * 2000)] * 10}, "message modal home"),
    ("section with a button", section(accessory=button(confirm=CONFIRM)), "message modal home"),
    ("header", {"type": "header", "text": plain("x" * 150)}, "message modal home"),
    ("divider", {"type": "divider"}, "message modal home"),
    ("image", {"type": "image", **IMAGE, "title": plain("x" * 2000)}, "message modal home"),
    ("image of a file", {"type": "image", "slack_file": {"id": "F1"}, "alt_text": ""}, "message modal home"),
    ("actions", actions(*(button(str(n)) for n in range(25))), "message modal home"),
    ("select", actions(select(100)), "message modal home"),
    ("context", {"type": "context", "elements": [mrkdwn(), {"type": "image", **IMAGE}] * 5}, "message modal home"),
    ("input", asked(TEXT_INPUT, hint=plain("x" * 2000)), "message modal home"),
    ("file input", asked({"type": "file_input", "action_id": "f"}), "modal"),
    ("rich text", RICH, "message modal home"),
    (
        "video",
        {"type": "video", "title": plain(), "video_url": "u", "thumbnail_url": "u", "alt_text": "a"},
        "message modal home",
    ),
    (
        "context actions",
        {"type": "context_actions", "elements": [{"type": "icon_button", "icon": "trash", "text": plain()}]},
        "message",
    ),
    ("markdown", {"type": "markdown", "text": "x" * 12_000}, "message"),
    ("table", {"type": "table", "rows": [[{"type": "raw_text", "text": "x"}] * 20] * 100}, "message"),
    ("task card", {**TASK, "details": RICH}, "message"),
    ("plan", {"type": "plan", "title": "p", "tasks": [TASK]}, "message"),
    ("alert", {"type": "alert", "text": mrkdwn(), "level": "warning"}, "modal"),
    ("card", {**CARD, "body": mrkdwn("x" * 200), "actions": [button()]}, "message home"),
    ("carousel", {"type": "carousel", "elements": [CARD] * 10}, "message home"),
    ("container", {"type": "container", "title": plain(), "child_blocks": [section()]}, "message home"),
    (
        "chart",
        {"type": "data_visualization", "title": "x" * 50, "chart": {"type": "bar", "series": [{}] * 6}},
        "message",
    ),
]


@pytest.mark.parametrize(("block", "surfaces"), [(b, s) for _, b, s in VALID], ids=[name for name, _, _ in VALID])
def test_a_block_is_accepted_on_its_surfaces_only(block: JSON, surfaces: str) -> None:
    accepted = {surface for surface in ("message", "modal", "home") if not check_blocks([block], surface)}
    assert accepted == set(surfaces.split())


def test_every_known_block_is_covered() -> None:
    assert {block["type"] for _, block, _ in VALID} == set(BLOCKS) - {"data_table", "file"}


INVALID: list[tuple[JSON, str, str]] = [
    ({"type": "mystery"}, "unsupported type: mystery", "/blocks/0/type"),
    ({}, "missing required field: type", "/blocks/0"),
    ({"type": "section"}, "missing required field: text or fields", "/blocks/0"),
    (section(text=mrkdwn("x" * 3001)), "must be less than 3001 characters", "/blocks/0/text/text"),
    (section(text=mrkdwn("")), "must be more than 0 characters", "/blocks/0/text/text"),
    (section(text="bare"), "must provide an object", "/blocks/0/text"),
    (section(fields=[mrkdwn()] * 11), "no more than 10 items allowed", "/blocks/0/fields"),
    (section(fields=[mrkdwn("x" * 2001)]), "must be less than 2001 characters", "/blocks/0/fields/0/text"),
    (section(accessory=TEXT_INPUT), "unsupported type: plain_text_input", "/blocks/0/accessory/type"),
    (section(block_id="x" * 256), "must be less than 256 characters", "/blocks/0/block_id"),
    (
        {"type": "header", "text": mrkdwn()},
        "must be a valid text type, one of: plain_text",
        "/blocks/0/text/type",
    ),
    ({"type": "header", "text": plain("x" * 151)}, "must be less than 151 characters", "/blocks/0/text/text"),
    ({"type": "image", "image_url": "u"}, "missing required field: alt_text", "/blocks/0"),
    (
        {"type": "image", "alt_text": "a"},
        "exactly one of image_url and slack_file must be provided",
        "/blocks/0",
    ),
    (
        {"type": "image", "image_url": "u" * 3001, "alt_text": "a"},
        "must be less than 3001 characters",
        "/blocks/0/image_url",
    ),
    (actions(), "no fewer than 1 items allowed", "/blocks/0/elements"),
    (actions(*(button(str(n)) for n in range(26))), "no more than 25 items allowed", "/blocks/0/elements"),
    (actions(button(), button()), "action_id already exists: go", "/blocks/0/elements/1/action_id"),
    (actions(button(text=plain("x" * 76))), "must be less than 76 characters", "/blocks/0/elements/0/text/text"),
    (actions(button(value="x" * 2001)), "must be less than 2001 characters", "/blocks/0/elements/0/value"),
    (actions(button(url="x" * 3001)), "must be less than 3001 characters", "/blocks/0/elements/0/url"),
    (actions(button(style="loud")), "must be one of: primary, danger", "/blocks/0/elements/0/style"),
    (actions(button("x" * 256)), "must be less than 256 characters", "/blocks/0/elements/0/action_id"),
    (
        actions(button(confirm={**CONFIRM, "text": mrkdwn("x" * 301)})),
        "must be less than 301 characters",
        "/blocks/0/elements/0/confirm/text/text",
    ),
    (
        actions(button(confirm={**CONFIRM, "deny": plain("x" * 31)})),
        "must be less than 31 characters",
        "/blocks/0/elements/0/confirm/deny/text",
    ),
    (actions(select(101)), "no more than 100 items allowed", "/blocks/0/elements/0/options"),
    (
        actions({**select(), "placeholder": plain("x" * 151)}),
        "must be less than 151 characters",
        "/blocks/0/elements/0/placeholder/text",
    ),
    (
        actions({"type": "overflow", "options": [option(value=str(n)) for n in range(6)]}),
        "no more than 5 items allowed",
        "/blocks/0/elements/0/options",
    ),
    ({"type": "context", "elements": [mrkdwn()] * 11}, "no more than 10 items allowed", "/blocks/0/elements"),
    ({"type": "context", "elements": [button()]}, "unsupported type: button", "/blocks/0/elements/0/type"),
    ({"type": "input", "label": plain()}, "missing required field: element", "/blocks/0"),
    (asked(button()), "unsupported type: button", "/blocks/0/element/type"),
    (asked(TEXT_INPUT, label=plain("x" * 2001)), "must be less than 2001 characters", "/blocks/0/label/text"),
    (
        {"type": "rich_text", "elements": [{"type": "text"}]},
        "unsupported type: text",
        "/blocks/0/elements/0/type",
    ),
    ({"type": "markdown", "text": "x" * 12_001}, "must be less than 12001 characters", "/blocks/0/text"),
    ({"type": "table", "rows": [[]] * 101}, "no more than 100 items allowed", "/blocks/0/rows"),
    (
        {"type": "table", "rows": [[{"type": "raw_text", "text": "x"}] * 21]},
        "no more than 20 items allowed",
        "/blocks/0/rows/0",
    ),
    (
        {**TASK, "status": "stuck"},
        "must be one of: pending, in_progress, complete, error",
        "/blocks/0/status",
    ),
    (
        {"type": "card", "subtitle": mrkdwn()},
        "missing required field: hero_image, title, actions or body",
        "/blocks/0",
    ),
    ({**CARD, "body": mrkdwn("x" * 201)}, "must be less than 201 characters", "/blocks/0/body/text"),
    ({"type": "carousel", "elements": [CARD] * 11}, "no more than 10 items allowed", "/blocks/0/elements"),
    ({"type": "carousel", "elements": [section()]}, "a carousel holds cards only", "/blocks/0/elements/0/type"),
    (
        {"type": "container", "child_blocks": [section()]},
        "missing required field: title or rich_text_title",
        "/blocks/0",
    ),
    (
        {"type": "container", "title": plain(), "child_blocks": [section()] * 11},
        "no more than 10 items allowed",
        "/blocks/0/child_blocks",
    ),
]


@pytest.mark.parametrize(("block", "complaint", "pointer"), INVALID, ids=[f"{p} {c}" for _, c, p in INVALID])
def test_a_bad_block_is_named_with_its_place(block: JSON, complaint: str, pointer: str) -> None:
    assert f"[ERROR] {complaint} [json-pointer:{pointer}]" in check_blocks([block], "message")


WHOLE: list[tuple[list[JSON], str, str]] = [
    ([{"type": "divider"}] * 51, "message", "no more than 50 items allowed"),
    ([{"type": "divider"}] * 101, "modal", "no more than 100 items allowed"),
    ([section(block_id="a"), section(block_id="a")], "message", "block_id already exists: a"),
    (
        [{"type": "markdown", "text": "x" * 6_001}] * 2,
        "message",
        "markdown text must be less than 12001 characters in all",
    ),
    ([{"type": "table", "rows": [[{"type": "raw_text", "text": "x"}]]}] * 2, "message", "only_one_table_allowed"),
]


@pytest.mark.parametrize(("blocks", "surface", "complaint"), WHOLE, ids=[c for _, _, c in WHOLE])
def test_limits_over_all_blocks(blocks: list[JSON], surface: str, complaint: str) -> None:
    assert any(complaint in message for message in check_blocks(blocks, surface))


def test_blocks_must_be_a_list() -> None:
    assert check_blocks({"type": "divider"}, "message") == ["[ERROR] must provide an array [json-pointer:/blocks]"]


def view(**fields: Any) -> JSON:
    return {"type": "modal", "title": plain(), "blocks": [section()], **fields}


VIEWS: list[tuple[JSON, str]] = [
    (view(title=plain("x" * 25)), "must be less than 25 characters [json-pointer:/view/title/text]"),
    (view(submit=plain("x" * 25)), "must be less than 25 characters [json-pointer:/view/submit/text]"),
    (view(close=plain("x" * 25)), "must be less than 25 characters [json-pointer:/view/close/text]"),
    (view(callback_id="x" * 256), "must be less than 256 characters [json-pointer:/view/callback_id]"),
    (view(private_metadata="x" * 3001), "must be less than 3001 characters [json-pointer:/view/private_metadata]"),
    (view(title=None), "missing required field: title"),
    (view(blocks=[asked(TEXT_INPUT)]), "missing required field: submit"),
    (view(type="home"), "must be modal"),
    (view(blocks=[{"type": "markdown", "text": "x"}]), "unsupported type: markdown [json-pointer:/view/blocks/0/type]"),
]


@pytest.mark.parametrize(("bad", "complaint"), VIEWS, ids=[c for _, c in VIEWS])
def test_a_bad_view_is_refused(bad: JSON, complaint: str) -> None:
    with pytest.raises(SlackError) as refused:
        check_view(bad, "modal")
    assert refused.value.code == "invalid_arguments"
    assert any(complaint in message for message in refused.value.messages)


def test_a_view_has_a_size() -> None:
    check_view(view(), "modal")
    with pytest.raises(SlackError, match="view_too_large"):
        check_view(view(blocks=[section(text=mrkdwn("x" * 3000))] * 90), "modal")


WORDS = st.sampled_from(
    [*BLOCKS, "plain_text", "mrkdwn", "button", "static_select", "overflow", "feedback_buttons", "x"]
)
NAMES = ("type", "text", "elements", "element", "accessory", "fields", "label", "options", "confirm", "rows", "tasks")
MORE_NAMES = ("child_blocks", "actions", "title", "alt_text", "image_url", "slack_file", "chart", "series", "value")
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES + MORE_NAMES), inner, max_size=5),
    max_leaves=12,
)


@settings(max_examples=300, deadline=None)
@given(blocks=st.lists(ANYTHING, max_size=3) | ANYTHING, surface=st.sampled_from(["message", "modal", "home"]))
def test_whatever_is_sent_is_judged_without_stumbling(blocks: Any, surface: str) -> None:
    assert all(message.startswith("[ERROR] ") for message in check_blocks(blocks, surface))
