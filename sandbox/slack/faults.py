"""Failures on demand: rules that make the workspace refuse, stall, forget and hang up like the real one does."""

import time
from collections import deque
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Literal, get_args

from sandbox.slack import ids

Kind = Literal[
    "rate_limited",  # answer 429 with Retry-After
    "server_error",  # answer 500
    "slow",  # answer after `seconds`
    "reset",  # cut the connection before doing anything
    "lost_answer",  # do what was asked, then cut the connection
    "budget",  # answer 429 above `limit` calls in `seconds`, per channel when `per_channel`
    "lost_ack",  # forget an acknowledgement that arrived
    "drop_socket",  # cut the Socket Mode connection instead of delivering
]
REQUEST_KINDS: tuple[Kind, ...] = ("rate_limited", "server_error", "slow", "reset", "lost_answer", "budget")

# Calls a minute of each tier, and the methods that belong to it.
TIERS: dict[int, tuple[str, ...]] = {
    20: (
        "conversations.create",
        "conversations.list",
        "usergroups.list",
        "usergroups.users.list",
        "chat.startStream",
        "chat.stopStream",
        "users.list",
    ),
    50: (
        "chat.update",
        "chat.delete",
        "conversations.history",
        "conversations.replies",
        "conversations.invite",
        "conversations.info",
        "reactions.add",
        "users.lookupByEmail",
    ),
    100: ("chat.appendStream", "chat.postEphemeral", "views.*", "users.info", "files.*", "conversations.members"),
}


@dataclass(slots=True)
class Fault:
    """One rule.

    `method` is a pattern over the Web API method, `response_url`, or for sockets an event's type, an interaction's type
    or a command. `count` limits how often it strikes (None: until removed); `retry_after` and `seconds` are seconds.
    """

    kind: Kind
    method: str = "*"
    count: int | None = 1
    retry_after: int = 1
    seconds: float = 1.0
    limit: int = 1
    per_channel: bool = False
    id: str = field(default_factory=lambda: ids.new_id("Fl"))
    hits: int = 0
    _calls: dict[str, deque[float]] = field(default_factory=dict, repr=False)

    def strikes(self, method: str, channel: str, now: float) -> bool:
        if self.count is not None and self.hits >= self.count:
            return False
        if not fnmatchcase(method, self.method):
            return False
        return self._over_budget(channel if self.per_channel else method, now) if self.kind == "budget" else True

    def _over_budget(self, key: str, now: float) -> bool:
        calls = self._calls.setdefault(key, deque())
        while calls and calls[0] <= now - self.seconds:
            calls.popleft()
        if len(calls) >= self.limit:
            self.retry_after = max(1, round(calls[0] + self.seconds - now))
            return True
        calls.append(now)
        return False

    def as_json(self) -> dict[str, Any]:
        return {k: v for k, v in asdict(self).items() if not k.startswith("_")}


class Faults:
    """The rules in force, asked once for every request, delivery and acknowledgement."""

    def __init__(self) -> None:
        self.rules: list[Fault] = []

    def add(self, kind: Kind, method: str = "*", **settings: Any) -> Fault:
        """Add a rule, see Fault for the settings. Raise ValueError or TypeError when it is not one."""
        if kind not in get_args(Kind):
            raise ValueError(f"unknown kind of fault {kind!r}; known are {', '.join(get_args(Kind))}")
        if kind == "budget":
            settings.setdefault("count", None)
        fault = Fault(kind, method, **settings)
        self.rules.append(fault)
        return fault

    def limit_posts_per_channel(self) -> Fault:
        """Hold chat.postMessage to Slack's one message a second in each channel."""
        return self.add("budget", "chat.postMessage", limit=1, seconds=1.0, per_channel=True)

    def limit_by_tier(self) -> None:
        """Hold every method to the calls a minute of its tier."""
        for per_minute, patterns in TIERS.items():
            for pattern in patterns:
                self.add("budget", pattern, limit=per_minute, seconds=60.0)

    def remove(self, fault_id: str) -> None:
        self.rules = [rule for rule in self.rules if rule.id != fault_id]

    def clear(self) -> None:
        self.rules.clear()

    def strike(self, kinds: Iterable[Kind], method: str, channel: str = "") -> Fault | None:
        """Return the first rule of these kinds that applies, and count the hit."""
        if not self.rules:
            return None
        now = time.monotonic()
        for rule in self.rules:
            if rule.kind in kinds and rule.strikes(method, channel, now):
                rule.hits += 1
                return rule
        return None

    def as_json(self) -> list[dict[str, Any]]:
        return [rule.as_json() for rule in self.rules]

    def apply(self, command: dict[str, Any]) -> None:
        """Carry out `{"clear": true}`, `{"remove": [id]}` and `{"add": [rule]}` or `{"rules": [all rules]}`.

        Raise ValueError or TypeError, leaving the rules as they were, when a rule is malformed.
        """
        fresh = Faults()
        replaced = command.get("rules")
        for wanted in [*(replaced or ()), *(command.get("add") or ())]:
            if not isinstance(wanted, dict) or "kind" not in wanted:
                raise ValueError("a rule is an object with at least a kind")
            fresh.add(**{k: v for k, v in wanted.items() if k not in {"id", "hits"}})
        if command.get("clear") or replaced is not None:
            self.clear()
        for fault_id in command.get("remove") or ():
            self.remove(fault_id)
        self.rules.extend(fresh.rules)
