"""The blocks with structure of their own: rich text, tables, task cards, plans and charts."""

from typing import Any

from sandbox.slack.validation.problems import Problems

JSON = dict[str, Any]

_RICH_TEXT_PARTS = frozenset({"rich_text_section", "rich_text_list", "rich_text_preformatted", "rich_text_quote"})
_CELLS = frozenset({"raw_text", "raw_number", "rich_text"})
_STATUSES = ("pending", "in_progress", "complete", "error")
_CHARTS = ("line", "bar", "area", "pie")


def check_rich_text(block: JSON, pointer: str, problems: Problems) -> None:
    problems.required(block, pointer, "elements")
    for number, part in enumerate(problems.listing(block, pointer, "elements", 1000, least=0)):
        place = f"{pointer}/elements/{number}"
        if not isinstance(part, dict) or str(part.get("type")) not in _RICH_TEXT_PARTS:
            _unsupported(part, place, problems)
        else:
            problems.required(part, place, "elements")


def check_table(block: JSON, pointer: str, problems: Problems) -> None:
    problems.required(block, pointer, "rows")
    problems.listing(block, pointer, "column_settings", 20, least=0)
    for number, row in enumerate(problems.listing(block, pointer, "rows", 100)):
        place = f"{pointer}/rows/{number}"
        if not isinstance(row, list):
            problems.add(place, "must provide an array")
            continue
        if len(row) > 20:
            problems.add(place, "no more than 20 items allowed")
        for column, cell in enumerate(row):
            if not isinstance(cell, dict) or str(cell.get("type")) not in _CELLS:
                _unsupported(cell, f"{place}/{column}", problems)


def check_task_card(block: JSON, pointer: str, problems: Problems) -> None:
    problems.required(block, pointer, "task_id", "title", "status")
    problems.choice(block, pointer, "status", _STATUSES)
    for name in ("details", "output"):
        part = block.get(name)
        if part is None:
            continue
        if isinstance(part, dict) and part.get("type") == "rich_text":
            check_rich_text(part, f"{pointer}/{name}", problems)
        else:
            problems.add(f"{pointer}/{name}", "must provide a rich_text object")


def check_plan(block: JSON, pointer: str, problems: Problems) -> None:
    problems.required(block, pointer, "title")
    for number, task in enumerate(problems.listing(block, pointer, "tasks", 50, least=0)):
        place = f"{pointer}/tasks/{number}"
        if isinstance(task, dict):
            check_task_card(task, place, problems)
        else:
            problems.add(place, "must provide an object")


def check_chart(block: JSON, pointer: str, problems: Problems) -> None:
    """Check what is known of charts: the kind, the title's 50 characters and one to six series."""
    title = block.get("title")
    if isinstance(title, dict):
        problems.text(block, pointer, "title", 50)
    else:
        problems.string(block, pointer, "title", 50)
    chart, place = block, pointer
    if isinstance(block.get("chart"), dict):
        chart, place = block["chart"], f"{pointer}/chart"
        problems.choice(chart, place, "type", _CHARTS)
    for number, series in enumerate(problems.listing(chart, place, "series", 6)):
        if isinstance(series, dict) and isinstance(series.get("label"), str):
            problems.string(series, f"{place}/series/{number}", "label", 20)


def _unsupported(part: Any, pointer: str, problems: Problems) -> None:
    kind = part.get("type") if isinstance(part, dict) else None
    problems.add(f"{pointer}/type", f"unsupported type: {kind}")
