"""Every kind of block the page draws, with a CSS selector and words that must show, as a golden gallery."""

from dataclasses import dataclass

from sandbox.slack.state import JSON

PICTURE = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAoAAAAKCAYAAACNMs+9AAAAFUlEQVR42mNk+M9Qz0AEYBxVSF+FABJADveWkH6o"
    "AAAAAElFTkSuQmCC"
)


def plain(text: str) -> JSON:
    return {"type": "plain_text", "text": text, "emoji": True}


def mrkdwn(text: str) -> JSON:
    return {"type": "mrkdwn", "text": text}


def option(text: str) -> JSON:
    return {"text": plain(text), "value": text.lower()}


def button(action_id: str, text: str, **fields: object) -> JSON:
    return {"type": "button", "action_id": action_id, "text": plain(text), **fields}


def rich(*elements: JSON) -> JSON:
    return {"type": "rich_text", "elements": list(elements)}


def line(*elements: JSON) -> JSON:
    return {"type": "rich_text_section", "elements": list(elements)}


def words(text: str, **style: bool) -> JSON:
    return {"type": "text", "text": text, **({"style": style} if style else {})}


@dataclass(frozen=True, slots=True)
class Exhibit:
    """A block, where its drawing is found, and words it shows. `sent` blocks also go through the Web API."""

    name: str
    block: JSON
    selector: str
    shows: tuple[str, ...]
    sent: bool = True


_CARD: JSON = {
    "type": "card",
    "title": mrkdwn("payment-service"),
    "subtitle": mrkdwn("shop"),
    "body": mrkdwn("*0* ready"),
}
_TASKS: list[JSON] = [
    {
        "type": "task_card",
        "task_id": "1",
        "title": "Read the events",
        "status": "complete",
        "output": rich(line(words("14"))),
    },
    {"type": "task_card", "task_id": "2", "title": "Read the logs", "status": "in_progress"},
    {"type": "task_card", "task_id": "3", "title": "Read metrics", "status": "error"},
]
_CELL = {"type": "raw_text", "text": "payment-1"}
_SERIES: JSON = {
    "series": [
        {"name": "5xx", "data": [{"label": "10:00", "value": 3}, {"label": "11:00", "value": 40}]},
        {"name": "4xx", "data": [{"label": "10:00", "value": 13}, {"label": "11:00", "value": 9}]},
    ],
    "axis_config": {"categories": ["10:00", "11:00"], "x_label": "Time", "y_label": "Errors"},
}


def _chart(kind: str) -> JSON:
    return {"type": "data_visualization", "title": f"A {kind} chart", "chart": {"type": kind, **_SERIES}}


def _input(element: JSON, label: str) -> JSON:
    return {"type": "input", "block_id": label, "label": plain(label), "hint": plain("A hint"), "element": element}


MESSAGE: tuple[Exhibit, ...] = (
    Exhibit("section", {"type": "section", "text": mrkdwn("*bold* and `code`")}, ".section strong", ("bold", "code")),
    Exhibit(
        "fields",
        {"type": "section", "fields": [mrkdwn("*Severity*\nhigh"), mrkdwn("*Since*\nnoon")]},
        ".section-field:nth-child(2)",
        ("Severity", "noon"),
    ),
    Exhibit(
        "accessory",
        {
            "type": "section",
            "text": plain("With a select"),
            "accessory": {"type": "static_select", "action_id": "s", "options": [option("One")]},
        },
        ".section-accessory .select",
        ("With a select", "Choose one"),
    ),
    Exhibit("header", {"type": "header", "text": plain(":fire: On fire")}, "h3.header .emoji", ("On fire",)),
    Exhibit("divider", {"type": "divider"}, "hr", ()),
    Exhibit(
        "image",
        {"type": "image", "image_url": "http://127.0.0.1:9/graph.png", "alt_text": "A graph", "title": plain("Graph")},
        "figure.image-block",
        ("Graph",),
    ),
    Exhibit(
        "actions",
        {
            "type": "actions",
            "elements": [
                button("approve", "Approve", style="primary"),
                button("reject", "Reject", style="danger"),
                button("open", "Open", url="https://example.com/runbook"),
                {"type": "overflow", "action_id": "more", "options": [option("Snooze"), option("Mute")]},
                {"type": "users_select", "action_id": "u", "placeholder": plain("A person")},
                {"type": "conversations_select", "action_id": "c", "placeholder": plain("A conversation")},
                {"type": "channels_select", "action_id": "ch", "placeholder": plain("A channel")},
                {"type": "datepicker", "action_id": "d", "initial_date": "2026-11-23"},
                {"type": "timepicker", "action_id": "t", "initial_time": "14:30"},
                {"type": "checkboxes", "action_id": "cb", "options": [option("Logs")]},
                {"type": "radio_buttons", "action_id": "rb", "options": [option("Low")]},
            ],
        },
        ".actions .button-primary",
        ("Approve", "Reject", "A person", "A channel", "Logs", "Low"),
    ),
    Exhibit(
        "context", {"type": "context", "elements": [mrkdwn("Risk: *low*"), plain("3 pods")]}, ".context", ("Risk: low",)
    ),
    Exhibit(
        "context_actions",
        {
            "type": "context_actions",
            "elements": [
                {
                    "type": "feedback_buttons",
                    "action_id": "fb",
                    "positive_button": {"text": plain("Good"), "value": "1"},
                    "negative_button": {"text": plain("Bad"), "value": "0"},
                },
                {"type": "icon_button", "action_id": "ib", "icon": "trash", "text": plain("Delete")},
            ],
        },
        ".feedback [aria-label=Good]",
        (),
    ),
    Exhibit(
        "rich_text",
        rich(
            line(
                words("styled", bold=True),
                {"type": "link", "url": "https://example.com", "text": "a link"},
                {"type": "user", "user_id": "U01MAYACHEN"},
                {"type": "channel", "channel_id": "C01INCIDENT"},
                {"type": "emoji", "name": "tada"},
                {"type": "date", "timestamp": 1795437000, "format": "{date_num} {time}", "fallback": "then"},
                {"type": "broadcast", "range": "here"},
            ),
            {"type": "rich_text_list", "style": "bullet", "elements": [line(words("first")), line(words("second"))]},
            {"type": "rich_text_list", "style": "ordered", "indent": 1, "elements": [line(words("inner"))]},
            {"type": "rich_text_quote", "elements": [words("quoted")]},
            {"type": "rich_text_preformatted", "elements": [words("kubectl get pods")]},
        ),
        ".rich-text blockquote + pre",
        ("styled", "a link", "@Maya", "#incidents", "2026-11-23", "@here", "second", "inner", "quoted", "kubectl"),
    ),
    Exhibit(
        "markdown",
        {"type": "markdown", "text": "## Report\n\n- one\n  - two\n\n| a | b |\n|---|---:|\n| 1 | 2 |\n\n```\nx\n```"},
        ".markdown li li",
        ("Report", "two", "1"),
    ),
    Exhibit(
        "table",
        {"type": "table", "rows": [[_CELL, _CELL], [_CELL, rich(line(words("Running")))]]},
        "thead th",
        ("Running",),
    ),
    Exhibit("task_card", _TASKS[0], ".task-complete", ("Read the events",)),
    Exhibit("plan", {"type": "plan", "title": "Looking", "tasks": _TASKS}, ".plan .task-error", ("Looking", "1 of 3")),
    Exhibit("card", {**_CARD, "actions": [button("look", "Look")]}, ".card .button", ("payment-service", "0 ready")),
    Exhibit("carousel", {"type": "carousel", "elements": [_CARD, _CARD]}, ".carousel .card + .card", ("shop",)),
    Exhibit(
        "container",
        {
            "type": "container",
            "title": plain("Evidence"),
            "child_blocks": [{"type": "section", "text": plain("inside")}],
        },
        ".container .section",
        ("Evidence", "inside"),
    ),
    *(
        Exhibit(f"{kind} chart", _chart(kind), "svg .series-2", (f"A {kind} chart", "5xx"))
        for kind in ("line", "bar", "area")
    ),
    Exhibit(
        "pie chart",
        {
            "type": "data_visualization",
            "title": "By family",
            "chart": {"type": "pie", "segments": [{"label": "Crash", "value": 3}, {"label": "Image", "value": 1}]},
        },
        ".chart-slice.series-2",
        ("By family", "Crash · 3 (75%)"),
    ),
    Exhibit(
        "data_table",
        {
            "type": "data_table",
            "caption": "Pods",
            "page_size": 2,
            "rows": [[_CELL, _CELL], *([_CELL, {"type": "raw_number", "value": n, "text": str(n)}] for n in (3, 1, 2))],
        },
        ".data-table .sort-button",
        ("Pods", "1 of 2", "3 rows"),
    ),
)

OTHER: tuple[Exhibit, ...] = (
    Exhibit(
        "alert",
        {"type": "alert", "level": "warning", "text": mrkdwn("*Careful*")},
        ".alert-warning",
        ("Careful",),
        sent=False,
    ),
    Exhibit(
        "video",
        {
            "type": "video",
            "title": plain("A talk"),
            "alt_text": "A talk",
            "video_url": "https://example.com/v",
            "title_url": "https://example.com/t",
            "thumbnail_url": PICTURE,
            "provider_name": "Talks",
        },
        ".video a[href='https://example.com/v']",
        ("A talk", "Talks"),
        sent=False,
    ),
    Exhibit(
        "file", {"type": "file", "external_id": "report-7", "source": "remote"}, ".file-card", ("report-7",), sent=False
    ),
    Exhibit("a picture", {"type": "image", "image_url": PICTURE, "alt_text": "Red"}, "img[alt=Red]", (), sent=False),
    Exhibit(
        "text input",
        _input({"type": "plain_text_input", "action_id": "v", "multiline": True}, "Why"),
        "textarea",
        ("Why", "A hint"),
        sent=False,
    ),
    Exhibit(
        "number input",
        _input({"type": "number_input", "action_id": "v", "is_decimal_allowed": False}, "How many"),
        "input[type=number]",
        ("How many",),
        sent=False,
    ),
    Exhibit(
        "email input",
        _input({"type": "email_text_input", "action_id": "v"}, "Mail"),
        "input[type=email]",
        ("Mail",),
        sent=False,
    ),
    Exhibit(
        "url input",
        _input({"type": "url_text_input", "action_id": "v"}, "Address"),
        "input[type=url]",
        ("Address",),
        sent=False,
    ),
    Exhibit(
        "rich text input",
        _input({"type": "rich_text_input", "action_id": "v"}, "Notes"),
        "[contenteditable]",
        ("Notes",),
        sent=False,
    ),
    Exhibit(
        "date and time",
        _input({"type": "datetimepicker", "action_id": "v", "initial_date_time": 1795437000}, "When"),
        "input[type=datetime-local]",
        ("When",),
        sent=False,
    ),
    Exhibit(
        "file input",
        _input({"type": "file_input", "action_id": "v"}, "File"),
        "input[type=file]",
        ("File",),
        sent=False,
    ),
    Exhibit(
        "several choices",
        _input(
            {
                "type": "multi_static_select",
                "action_id": "v",
                "options": [option("One")],
                "initial_options": [option("One")],
            },
            "Some",
        ),
        ".select-multiple .chip",
        ("Some", "One"),
        sent=False,
    ),
    Exhibit("an unknown block", {"type": "hologram"}, ".unknown-block", ("hologram",), sent=False),
    Exhibit("a broken block", {"type": "table", "rows": 7}, ".unknown-block", ("not well-formed",), sent=False),
)
