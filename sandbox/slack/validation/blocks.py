"""Blocks: which exist, on which surfaces, and the limits of each."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sandbox.slack.validation import elements, rich
from sandbox.slack.validation.problems import PLAIN, Problems

JSON = dict[str, Any]

MESSAGE, MODAL, HOME = "message", "modal", "home"
EVERYWHERE = frozenset({MESSAGE, MODAL, HOME})
BLOCK_LIMITS = {MESSAGE: 50, MODAL: 100, HOME: 100}
MARKDOWN_LIMIT = 12_000
TABLES_PER_MESSAGE = 1
CHARTS_PER_MESSAGE = 2


@dataclass(slots=True)
class Walk:
    """One pass over the blocks of one surface: what was found so far."""

    surface: str
    problems: Problems
    block_ids: set[str] = field(default_factory=set)
    kinds: Counter[str] = field(default_factory=Counter)
    markdown: int = 0


def check_blocks(blocks: Any, surface: str, pointer: str = "/blocks") -> list[str]:
    """Return Slack's complaints about the blocks of a message, a modal or a home; empty when there are none."""
    walk = Walk(surface, Problems())
    if not isinstance(blocks, list):
        walk.problems.add(pointer, "must provide an array")
        return walk.problems.messages
    if len(blocks) > BLOCK_LIMITS[surface]:
        walk.problems.add(pointer, f"no more than {BLOCK_LIMITS[surface]} items allowed")
    for number, block in enumerate(blocks):
        check_block(block, f"{pointer}/{number}", walk)
    if walk.markdown > MARKDOWN_LIMIT:
        walk.problems.add(pointer, f"markdown text must be less than {MARKDOWN_LIMIT + 1} characters in all")
    if walk.kinds["table"] > TABLES_PER_MESSAGE:
        walk.problems.add(pointer, "only_one_table_allowed")
    if walk.kinds["data_visualization"] > CHARTS_PER_MESSAGE:
        walk.problems.add(pointer, f"no more than {CHARTS_PER_MESSAGE} data_visualization blocks allowed")
    return walk.problems.messages


def check_block(block: Any, pointer: str, walk: Walk) -> None:
    problems = walk.problems
    if not isinstance(block, dict):
        problems.add(pointer, "must provide an object")
        return
    kind = block.get("type")
    if kind is None:
        problems.add(pointer, "missing required field: type")
        return
    known = BLOCKS.get(kind) if isinstance(kind, str) else None
    if known is None or walk.surface not in known[0]:
        problems.add(f"{pointer}/type", f"unsupported type: {kind}")
        return
    problems.string(block, pointer, "block_id", 255)
    block_id = block.get("block_id")
    if isinstance(block_id, str):
        if block_id in walk.block_ids:
            problems.add(f"{pointer}/block_id", f"block_id already exists: {block_id}")
        walk.block_ids.add(block_id)
    walk.kinds[kind] += 1
    known[1](block, pointer, walk)


def _section(block: JSON, pointer: str, walk: Walk) -> None:
    problems = walk.problems
    if block.get("text") is None and not block.get("fields"):
        problems.add(pointer, "missing required field: text or fields")
    problems.text(block, pointer, "text", 3000)
    for number, text in enumerate(problems.listing(block, pointer, "fields", 10)):
        problems.text_object(text, f"{pointer}/fields/{number}", 2000)
    if (accessory := block.get("accessory")) is not None:
        elements.check_element(accessory, f"{pointer}/accessory", elements.ACCESSORIES, problems, set())


def _header(block: JSON, pointer: str, walk: Walk) -> None:
    walk.problems.required(block, pointer, "text")
    walk.problems.text(block, pointer, "text", 150, PLAIN)


def _divider(_block: JSON, _pointer: str, _walk: Walk) -> None:
    """Accept a block that has no fields of its own to check."""


def _image(block: JSON, pointer: str, walk: Walk) -> None:
    elements.check_image(block, pointer, walk.problems)
    walk.problems.text(block, pointer, "title", 2000, PLAIN)


def _elements(allowed: frozenset[str], limit: int) -> Callable[[JSON, str, Walk], None]:
    def check(block: JSON, pointer: str, walk: Walk) -> None:
        walk.problems.required(block, pointer, "elements")
        seen: set[str] = set()
        for number, element in enumerate(walk.problems.listing(block, pointer, "elements", limit)):
            elements.check_element(element, f"{pointer}/elements/{number}", allowed, walk.problems, seen)

    return check


def _input(block: JSON, pointer: str, walk: Walk) -> None:
    problems = walk.problems
    problems.required(block, pointer, "label", "element")
    problems.text(block, pointer, "label", 2000, PLAIN)
    problems.text(block, pointer, "hint", 2000, PLAIN)
    if (element := block.get("element")) is not None:
        allowed = elements.INPUT_ELEMENTS if walk.surface == MODAL else elements.INPUT_ELEMENTS - {"file_input"}
        elements.check_element(element, f"{pointer}/element", allowed, problems, set())


def _rich_text(block: JSON, pointer: str, walk: Walk) -> None:
    rich.check_rich_text(block, pointer, walk.problems)


def _video(block: JSON, pointer: str, walk: Walk) -> None:
    problems = walk.problems
    problems.required(block, pointer, "title", "video_url", "thumbnail_url", "alt_text")
    problems.text(block, pointer, "title", 200, PLAIN)
    problems.text(block, pointer, "description", 200, PLAIN)
    problems.string(block, pointer, "author_name", 50)


def _markdown(block: JSON, pointer: str, walk: Walk) -> None:
    walk.problems.required(block, pointer, "text")
    walk.problems.string(block, pointer, "text", MARKDOWN_LIMIT)
    if isinstance(block.get("text"), str):
        walk.markdown += len(block["text"])


def _alert(block: JSON, pointer: str, walk: Walk) -> None:
    walk.problems.required(block, pointer, "text")
    walk.problems.text(block, pointer, "text", 3000)
    walk.problems.choice(block, pointer, "level", ("default", "info", "warning", "error", "success"))


def _card(block: JSON, pointer: str, walk: Walk) -> None:
    problems = walk.problems
    if all(block.get(name) is None for name in ("hero_image", "title", "actions", "body")):
        problems.add(pointer, "missing required field: hero_image, title, actions or body")
    problems.text(block, pointer, "title", 150)
    problems.text(block, pointer, "subtitle", 150)
    problems.text(block, pointer, "body", 200)
    for name in ("hero_image", "icon"):
        if isinstance(block.get(name), dict):
            elements.check_image(block[name], f"{pointer}/{name}", problems)
    seen: set[str] = set()
    for number, element in enumerate(problems.listing(block, pointer, "actions", 25)):
        elements.check_element(element, f"{pointer}/actions/{number}", elements.ACTION_ELEMENTS, problems, seen)


def _carousel(block: JSON, pointer: str, walk: Walk) -> None:
    walk.problems.required(block, pointer, "elements")
    for number, card in enumerate(walk.problems.listing(block, pointer, "elements", 10)):
        place = f"{pointer}/elements/{number}"
        if not isinstance(card, dict) or card.get("type") != "card":
            walk.problems.add(f"{place}/type", "a carousel holds cards only")
        else:
            check_block(card, place, walk)


def _container(block: JSON, pointer: str, walk: Walk) -> None:
    problems = walk.problems
    problems.required(block, pointer, "child_blocks")
    if block.get("title") is None and block.get("rich_text_title") is None:
        problems.add(pointer, "missing required field: title or rich_text_title")
    problems.text(block, pointer, "title", 150, PLAIN)
    problems.text(block, pointer, "subtitle", 150)
    problems.choice(block, pointer, "width", ("narrow", "standard", "wide", "full"))
    if block.get("is_collapsible") and block.get("has_header_divider"):
        problems.add(f"{pointer}/has_header_divider", "cannot be set when is_collapsible is true")
    if block.get("default_collapsed") and not block.get("is_collapsible"):
        problems.add(f"{pointer}/default_collapsed", "requires is_collapsible to be true")
    for number, child in enumerate(problems.listing(block, pointer, "child_blocks", 10)):
        place = f"{pointer}/child_blocks/{number}"
        if isinstance(child, dict) and child.get("type") == "container":
            problems.add(f"{place}/type", "a container cannot hold another one")
        else:
            check_block(child, place, walk)


def _table(block: JSON, pointer: str, walk: Walk) -> None:
    rich.check_table(block, pointer, walk.problems)


def _task_card(block: JSON, pointer: str, walk: Walk) -> None:
    rich.check_task_card(block, pointer, walk.problems)


def _plan(block: JSON, pointer: str, walk: Walk) -> None:
    rich.check_plan(block, pointer, walk.problems)


def _chart(block: JSON, pointer: str, walk: Walk) -> None:
    rich.check_chart(block, pointer, walk.problems)


def _file(block: JSON, pointer: str, walk: Walk) -> None:
    walk.problems.required(block, pointer, "external_id", "source")


_ONLY_MESSAGE = frozenset({MESSAGE})
_CARDS = frozenset({MESSAGE, HOME})

BLOCKS: dict[str, tuple[frozenset[str], Callable[[JSON, str, Walk], None]]] = {
    "section": (EVERYWHERE, _section),
    "header": (EVERYWHERE, _header),
    "divider": (EVERYWHERE, _divider),
    "image": (EVERYWHERE, _image),
    "actions": (EVERYWHERE, _elements(elements.ACTION_ELEMENTS, 25)),
    "context": (EVERYWHERE, _elements(elements.CONTEXT_ELEMENTS, 10)),
    "context_actions": (_ONLY_MESSAGE, _elements(elements.CONTEXT_ACTION_ELEMENTS, 5)),
    "input": (EVERYWHERE, _input),
    "rich_text": (EVERYWHERE, _rich_text),
    "video": (EVERYWHERE, _video),
    "markdown": (_ONLY_MESSAGE, _markdown),
    "table": (_ONLY_MESSAGE, _table),
    "task_card": (_ONLY_MESSAGE, _task_card),
    "plan": (_ONLY_MESSAGE, _plan),
    "alert": (frozenset({MODAL}), _alert),
    "card": (_CARDS, _card),
    "carousel": (_CARDS, _carousel),
    "container": (_CARDS, _container),
    "data_visualization": (_ONLY_MESSAGE, _chart),
    "data_table": (_ONLY_MESSAGE, _divider),
    "file": (_ONLY_MESSAGE, _file),
}
