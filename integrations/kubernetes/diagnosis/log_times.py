"""When a program wrote its lines, and whether it has stopped writing them."""

import re
from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise

from integrations.kubernetes.snapshot import parse_time

_STAMP = re.compile(
    r"(?P<year>\d{4})[-/](?P<month>\d\d|[A-Z][a-z]{2})[-/](?P<day>\d\d)[T ]"
    r"(?P<clock>\d\d:\d\d:\d\d(?:[.,]\d+)?)(?P<zone>Z|[+-]\d\d:\d\d)?"
)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_ZONE = re.compile(r"\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)")
_STAMP_WITHIN = 200
CURRENT_SECONDS = 900.0
"""What was written longer ago says nothing of now; a stamp that seems older may be of another zone's clock."""
_LINES, _FEWEST, _GAPS, _SHORTEST_SECONDS = 12, 6, 4.0, 60.0


def time_of(line: str) -> datetime | None:
    """Return the time that a line begins with; without a zone it is taken for UTC."""
    stamp = _STAMP.search(line, 0, _STAMP_WITHIN)
    if stamp is None:
        return None
    month, zone = stamp["month"], stamp["zone"] or ""
    if not month.isdigit():
        month = f"{_MONTHS.index(month) + 1:02}" if month in _MONTHS else "00"
    clock = stamp["clock"].replace(",", ".")
    return parse_time(f"{stamp['year']}-{month}-{stamp['day']}T{clock}{zone.replace('Z', '+00:00')}")


def is_old(line: str, now: datetime, last: datetime | None) -> bool:
    """Say whether a line was written long ago; a clock without a zone is held to `last`, the end of its own log."""
    written = time_of(line)
    if written is None:
        return False
    has_zone = line.find("Z", 0, _STAMP_WITHIN) > 0 or _ZONE.search(line, 0, _STAMP_WITHIN) is not None
    until = now if has_zone or last is None else last
    return (until - written).total_seconds() > CURRENT_SECONDS


def last_time(lines: Sequence[str]) -> datetime | None:
    """Return the newest time in a log."""
    return next((stamp for line in reversed(lines) if (stamp := time_of(line)) is not None), None)


def silent_since(lines: Sequence[str], until: datetime) -> datetime | None:
    """Return when a program that used to write steadily wrote its last line; None where its silence is not unusual."""
    times = [stamp for line in lines[-_LINES:] if (stamp := time_of(line)) is not None]
    if len(times) < _FEWEST:
        return None
    longest = max((later - earlier).total_seconds() for earlier, later in pairwise(times))
    quiet = (until - times[-1]).total_seconds()
    return times[-1] if quiet > max(_SHORTEST_SECONDS, _GAPS * longest) else None
