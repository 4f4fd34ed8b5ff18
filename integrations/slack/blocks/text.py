"""Text for Slack: escaping what others wrote, and shortening so that no limit is ever met by Slack first.

Two ways lead into a message. `inline` makes one line of somebody else's text safe inside mrkdwn: the three characters
with a meaning are escaped and the text objects are sent `verbatim`, so neither a mention nor a link can be smuggled
in. `clean` prepares text for rich text and plain text, where Slack interprets nothing at all; quotes and commands go
that way, so backticks and angle brackets arrive exactly as they were.
"""

import re
from datetime import datetime

SECTION_LIMIT = 3000
FIELD_LIMIT = 2000
HEADER_LIMIT = 150
FALLBACK_LIMIT = 1000  # the top-level text: chat.update refuses more than 4,000 characters, people read the first 100

# Control characters break JSON viewers and terminals; the bidirectional overrides let text read differently from what
# it is, which must not happen on the way to an approval.
_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f\u200b\u2028\u2029\u202a-\u202e\u2060\u2066-\u2069\ufeff]")
_USER_ID = re.compile(r"[UW][A-Z0-9]{2,20}\Z")


def clean(text: str) -> str:
    """Return `text` without unseen characters, with newlines and tabs kept."""
    return _UNSEEN.sub("", text.replace("\r\n", "\n"))


def truncate(text: str, limit: int) -> str:
    """Return `text` in at most `limit` characters; a shortened text ends with how many were left out."""
    if len(text) <= limit:
        return text
    # The note's own length depends on the number in it, which has at most as many digits as the whole length.
    room = max(0, limit - len(f"… (+{len(text)} characters)"))
    if room == 0:
        return text[: limit - 1] + "…"
    return f"{text[:room]}… (+{len(text) - room} characters)"


def escape(text: str) -> str:
    """Escape the three characters that have a meaning in Slack's markup."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def inline(text: str, limit: int = 300) -> str:
    """Return somebody else's text as one escaped line of mrkdwn of at most `limit` characters.

    Backticks become apostrophes: an unbalanced one would turn the rest of the line into code.
    """
    line = " ".join(clean(text).split()).replace("`", "'")
    room = limit
    escaped = escape(truncate(line, room))
    while len(escaped) > limit:
        room -= max(1, (len(escaped) - limit) // 5)
        escaped = escape(truncate(line, room))
    return escaped or "-"


def code(text: str, limit: int = 200) -> str:
    """Return somebody else's text as a code span of at most `limit` characters."""
    return f"`{inline(text, limit - 2)}`"


def shorten_lines(text: str, lines: int, characters: int) -> tuple[str, int]:
    """Return the first lines of `text` within both limits and the number of lines left out.

    A first line that is too long by itself is shortened rather than dropped.
    """
    rows = clean(text).rstrip("\n").split("\n")
    kept: list[str] = []
    used = 0
    for row in rows[:lines]:
        if used + len(row) + 1 > characters:
            break
        kept.append(row)
        used += len(row) + 1
    if not kept:
        kept = [truncate(rows[0], characters)]
    return "\n".join(kept), len(rows) - len(kept)


def pieces(text: str, size: int) -> list[str]:
    """Cut `text` into pieces of at most `size` characters, at line ends where possible."""
    rest = clean(text).rstrip("\n")
    cut: list[str] = []
    while len(rest) > size:
        end = rest.rfind("\n", 1, size)
        end = size if end <= 0 else end
        cut.append(rest[:end])
        rest = rest[end:].removeprefix("\n")
    if rest or not cut:
        cut.append(rest or "-")
    return cut


def mention(user_id: str | None) -> str:
    """Return a mention of the person with this Slack id, or the escaped text for anything else (`cli`, a name)."""
    if user_id is None:
        return "somebody"
    return f"<@{user_id}>" if _USER_ID.match(user_id) else inline(user_id, 80)


def moment(at: datetime, form: str = "{date_short_pretty} at {time}") -> str:
    """Return a time that Slack shows in the reader's own time zone; `at` is aware."""
    return f"<!date^{int(at.timestamp())}^{form}|{at:%Y-%m-%d %H:%M} UTC>"


def link(url: str | None, label: str, limit: int = 300) -> str:
    """Return a link with an escaped label, or the label alone when `url` is nothing a browser should open."""
    shown = inline(label, limit)
    if url is None or not is_web(url) or len(url) > 1000:
        return shown
    return f"<{escape(url)}|{shown.replace('|', '/')}>"


def is_web(url: str) -> bool:
    """Return whether `url` may stand behind a link or a button."""
    return re.fullmatch(r"https?://[^\s<>|\"\x00-\x1f]+", url) is not None


def duration(milliseconds: float) -> str:
    """Return a duration in words: `40 ms`, `1.2 s`, `2 min 5 s`, `3 h 10 min`, `2 d 4 h`."""
    if milliseconds < 100:
        return f"{max(0.0, milliseconds):.0f} ms"
    seconds = milliseconds / 1000
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 3600:
        first, rest, names = whole // 60, whole % 60, ("min", "s")
    elif whole < 86_400:
        first, rest, names = whole // 3600, whole % 3600 // 60, ("h", "min")
    else:
        first, rest, names = whole // 86_400, whole % 86_400 // 3600, ("d", "h")
    return f"{first} {names[0]}" + (f" {rest} {names[1]}" if rest else "")


def count(number: int, noun: str) -> str:
    """Return `1 incident`, `2 incidents`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
