"""Interactive elements: where each may stand, and the limits of its fields."""

from collections.abc import Callable, Collection
from typing import Any

from sandbox.slack.validation.problems import PLAIN, Problems

JSON = dict[str, Any]

_SOURCES = ("static", "external", "users", "conversations", "channels")
SELECTS = frozenset(f"{source}_select" for source in _SOURCES)
MULTI_SELECTS = frozenset(f"multi_{source}_select" for source in _SOURCES)
PICKERS = frozenset({"datepicker", "timepicker"})
CHOICES = frozenset({"checkboxes", "radio_buttons"})

ACCESSORIES = (
    SELECTS | MULTI_SELECTS | PICKERS | CHOICES | {"button", "overflow", "image", "workflow_button", "datetimepicker"}
)
ACTION_ELEMENTS = SELECTS | PICKERS | CHOICES | {"button", "overflow", "datetimepicker", "workflow_button"}
INPUT_ELEMENTS = (
    SELECTS
    | MULTI_SELECTS
    | PICKERS
    | CHOICES
    | {
        "datetimepicker",
        "plain_text_input",
        "number_input",
        "email_text_input",
        "url_text_input",
        "rich_text_input",
        "file_input",
    }
)
CONTEXT_ELEMENTS = frozenset({"image", "plain_text", "mrkdwn"})
CONTEXT_ACTION_ELEMENTS = frozenset({"feedback_buttons", "icon_button"})

_STYLES = ("primary", "danger")


def check_element(
    element: Any, pointer: str, allowed: Collection[str], problems: Problems, action_ids: set[str]
) -> None:
    """Check one element of a block; `action_ids` are those already met in the same block."""
    if not isinstance(element, dict):
        problems.add(pointer, "must provide an object")
        return
    kind = str(element.get("type"))
    if kind not in allowed:
        problems.add(f"{pointer}/type", f"unsupported type: {kind}")
        return
    if kind in {"plain_text", "mrkdwn"}:
        problems.text_object(element, pointer, 2000)
        return
    if kind == "image":
        check_image(element, pointer, problems)
        return
    problems.string(element, pointer, "action_id", 255)
    action_id = element.get("action_id")
    if isinstance(action_id, str):
        if action_id in action_ids:
            problems.add(f"{pointer}/action_id", f"action_id already exists: {action_id}")
        action_ids.add(action_id)
    problems.text(element, pointer, "placeholder", 150, PLAIN)
    if "confirm" in element and element["confirm"] is not None:
        _check_confirm(element["confirm"], f"{pointer}/confirm", problems)
    _CHECKS.get(kind, _accept)(element, pointer, problems)


def check_image(image: JSON, pointer: str, problems: Problems) -> None:
    """Check what image blocks and image elements share: exactly one source, and an alternative text."""
    sources = [name for name in ("image_url", "slack_file") if image.get(name) is not None]
    if len(sources) != 1:
        problems.add(pointer, "exactly one of image_url and slack_file must be provided")
    problems.string(image, pointer, "image_url", 3000)
    problems.required(image, pointer, "alt_text")
    problems.string(image, pointer, "alt_text", 2000, least=0)
    file = image.get("slack_file")
    if file is not None and not (isinstance(file, dict) and (file.get("id") or file.get("url"))):
        problems.add(f"{pointer}/slack_file", "must provide an id or a url")


def _check_confirm(confirm: Any, pointer: str, problems: Problems) -> None:
    if not isinstance(confirm, dict):
        problems.add(pointer, "must provide an object")
        return
    problems.required(confirm, pointer, "title", "text", "confirm", "deny")
    problems.text(confirm, pointer, "title", 100, PLAIN)
    problems.text(confirm, pointer, "text", 300)
    problems.text(confirm, pointer, "confirm", 30, PLAIN)
    problems.text(confirm, pointer, "deny", 30, PLAIN)
    problems.choice(confirm, pointer, "style", _STYLES)


def _check_button(button: JSON, pointer: str, problems: Problems) -> None:
    problems.required(button, pointer, "text")
    problems.text(button, pointer, "text", 75, PLAIN)
    problems.string(button, pointer, "value", 2000, least=0)
    problems.string(button, pointer, "url", 3000)
    problems.string(button, pointer, "accessibility_label", 75)
    problems.choice(button, pointer, "style", _STYLES)


def _check_icon_button(button: JSON, pointer: str, problems: Problems) -> None:
    problems.required(button, pointer, "icon", "text")
    problems.text(button, pointer, "text", 75, PLAIN)
    problems.string(button, pointer, "value", 2000, least=0)
    problems.listing(button, pointer, "visible_to_user_ids", 100, least=0)


def _check_feedback(buttons: JSON, pointer: str, problems: Problems) -> None:
    if not problems.required(buttons, pointer, "positive_button", "negative_button"):
        return
    for name in ("positive_button", "negative_button"):
        button, place = buttons[name], f"{pointer}/{name}"
        if not isinstance(button, dict):
            problems.add(place, "must provide an object")
            continue
        problems.required(button, place, "text", "value")
        problems.text(button, place, "text", 75, PLAIN)
        problems.string(button, place, "value", 2000, least=0)


def _check_options(element: JSON, pointer: str, problems: Problems, limit: int, text_limit: int = 75) -> None:
    for number, option in enumerate(problems.listing(element, pointer, "options", limit)):
        place = f"{pointer}/options/{number}"
        if not isinstance(option, dict):
            problems.add(place, "must provide an object")
            continue
        problems.required(option, place, "text", "value")
        problems.text(option, place, "text", text_limit)
        problems.string(option, place, "value", 150)
        problems.text(option, place, "description", 75)


def _check_static_select(select: JSON, pointer: str, problems: Problems) -> None:
    if select.get("options") is None and select.get("option_groups") is None:
        problems.add(pointer, "missing required field: options")
    _check_options(select, pointer, problems, 100)
    for number, group in enumerate(problems.listing(select, pointer, "option_groups", 100)):
        place = f"{pointer}/option_groups/{number}"
        if not isinstance(group, dict):
            problems.add(place, "must provide an object")
            continue
        problems.required(group, place, "label", "options")
        problems.text(group, place, "label", 75, PLAIN)
        _check_options(group, place, problems, 100)


def _check_overflow(menu: JSON, pointer: str, problems: Problems) -> None:
    problems.required(menu, pointer, "options")
    _check_options(menu, pointer, problems, 5)


def _check_choices(element: JSON, pointer: str, problems: Problems) -> None:
    problems.required(element, pointer, "options")
    _check_options(element, pointer, problems, 10)


def _check_text_input(element: JSON, pointer: str, problems: Problems) -> None:
    for name, least in (("min_length", 0), ("max_length", 1)):
        value = element.get(name)
        if value is not None and not (isinstance(value, int) and least <= value <= 3000):
            problems.add(f"{pointer}/{name}", f"must be a number from {least} to 3000")
    problems.string(element, pointer, "initial_value", 3000, least=0)


def _check_number_input(element: JSON, pointer: str, problems: Problems) -> None:
    if not isinstance(element.get("is_decimal_allowed"), bool):
        problems.add(pointer, "missing required field: is_decimal_allowed")


def _accept(_element: JSON, _pointer: str, _problems: Problems) -> None:
    """Elements whose only limits are the ones every element has."""


_CHECKS: dict[str, Callable[[JSON, str, Problems], None]] = {
    "button": _check_button,
    "workflow_button": _check_button,
    "icon_button": _check_icon_button,
    "feedback_buttons": _check_feedback,
    "static_select": _check_static_select,
    "multi_static_select": _check_static_select,
    "overflow": _check_overflow,
    "checkboxes": _check_choices,
    "radio_buttons": _check_choices,
    "plain_text_input": _check_text_input,
    "number_input": _check_number_input,
}
