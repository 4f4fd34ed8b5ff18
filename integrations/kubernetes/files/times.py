"""When something was last seen: the newest time that the API, the kubelet or an observer wrote.

Only fields that record the past count. A certificate's end, a schedule's next run or a date in somebody's ConfigMap
would move the snapshot into the future and make everything look old.
"""

import re
from typing import Any

Object = dict[str, Any]

_OBSERVED = frozenset({
    "creationTimestamp", "lastTransitionTime", "lastUpdateTime", "lastHeartbeatTime", "lastProbeTime", "startTime",
    "completionTime", "startedAt", "finishedAt", "lastTimestamp", "firstTimestamp", "eventTime", "lastObservedTime",
    "deprecatedLastTimestamp", "timestamp", "renewTime", "acquireTime", "lastScheduleTime", "lastSuccessfulTime",
    "lastScaleTime", "time",
})  # fmt: skip
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z\Z")
_STAMPED = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?)Z ")


def newest_time(item: Object) -> str:
    """Return the newest time an object tells, as text that sorts by time (without its Z), or ""."""
    metadata = item.get("metadata") or {}
    places: list[Any] = [
        {"creationTimestamp": metadata.get("creationTimestamp")},
        *(metadata.get("managedFields") or ()),
        item.get("status"),
        {name: item[name] for name in _OBSERVED & item.keys()},
        item.get("series"),
    ]
    if item.get("kind") == "Lease":
        places.append(item.get("spec"))
    return max((_newest_in(place) for place in places), default="")


def _newest_in(value: Any) -> str:
    newest = ""
    stack: list[Any] = [value]
    while stack:
        current = stack.pop()
        if current.__class__ is list:
            stack += [item for item in current if item.__class__ is dict or item.__class__ is list]
        elif current.__class__ is dict:
            for name, item in current.items():
                kind = item.__class__
                if kind is dict or kind is list:
                    stack.append(item)
                elif kind is str and name in _OBSERVED and item[:-1] > newest and _TIME.match(item):
                    newest = item[:-1]
    return newest


def newest_stamp(lines: tuple[str, ...] | list[str]) -> str:
    """Return the time that the container runtime put before the last line that has one, as `newest_time` does."""
    for line in reversed(lines[-20:]):
        if found := _STAMPED.match(line):
            return found[1]
    return ""
