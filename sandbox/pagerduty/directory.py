"""The account's people, services, priorities and on-call schedule: what exists before anything breaks."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Self

from sandbox.pagerduty.records import Priority, Service, User

DEFAULT_PEOPLE: Final = (
    ("Maya Chen", "maya.chen@acme.example"),
    ("Jonas Weber", "jonas.weber@acme.example"),
    ("Robin Okafor", "robin.okafor@acme.example"),
)

# Bots write in the name of a user of their own, so that people can tell who did what. It is never on call.
AUTOMATION_USER: Final = ("Oncall Agent", "oncall-agent@acme.example")

# The eight demo applications run in the cluster; the other five stand for the alert families that need none.
DEFAULT_SERVICES: Final[Mapping[str, str]] = {
    "payment-service": "Takes card payments",
    "analytics-service": "Counts what customers do",
    "memory-hog": "Builds the nightly recommendations",
    "cpu-intensive": "Renders invoices and thumbnails",
    "broken-database": "PostgreSQL of the shop",
    "frontend-app": "The shop's web page",
    "orphan-service": "Address lookup used at checkout",
    "healthy-app": "The shop's status page",
    "orders-database": "Managed PostgreSQL cluster for orders",
    "web-fleet": "Virtual machines that serve the API",
    "identity": "Sign-in, sessions and the web application firewall",
    "edge-network": "CDN, DNS and the links between regions",
    "kubernetes-nodes": "The machines under the cluster",
}

_ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_ROTATION: Final = timedelta(days=7)
_EPOCH: Final = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)


def stable_id(*parts: str) -> str:
    """Return an id of PagerDuty's shape ("P" and six characters) that is always the same for the same words."""
    number = int.from_bytes(hashlib.sha256("\0".join(parts).encode()).digest()[:8], "big")
    characters = []
    for _ in range(6):
        number, rest = divmod(number, len(_ALPHABET))
        characters.append(_ALPHABET[rest])
    return "P" + "".join(characters)


def routing_key(service: str) -> str:
    """Return the 32 hexadecimal digits of a service's Events API key."""
    return hashlib.sha256(f"routing-key:{service}".encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class OnCall:
    """One person's turn at one level of the escalation policy; `end` is None for whoever is always there."""

    user: User
    level: int
    start: datetime | None
    end: datetime | None


@dataclass(frozen=True, slots=True)
class Directory:
    """Look people and services up by id, name, email or routing key. Unknown ones are None, never an exception."""

    users: tuple[User, ...]
    services: tuple[Service, ...]
    priorities: tuple[Priority, ...]
    escalation_policy_id: str = stable_id("escalation_policy", "Acme engineering")
    escalation_policy_name: str = "Acme engineering"
    schedule_id: str = stable_id("schedule", "Acme primary")
    schedule_name: str = "Acme primary"
    team_id: str = stable_id("team", "Platform")
    team_name: str = "Platform"

    @classmethod
    def seed(cls, people: Iterable[tuple[str, str]], services: Mapping[str, str]) -> Self:
        """Make an account from (name, email) pairs in on-call order and a mapping of service name to description."""
        policy, team = stable_id("escalation_policy", "Acme engineering"), stable_id("team", "Platform")
        return cls(
            users=(
                *(User(id=stable_id("user", email), name=name, email=email) for name, email in people),
                User(stable_id("user", AUTOMATION_USER[1]), *AUTOMATION_USER, "limited_user", job_title="Automation"),
            ),
            services=tuple(
                Service(
                    id=stable_id("service", name),
                    name=name,
                    description=description,
                    routing_key=routing_key(name),
                    integration_id=stable_id("integration", name),
                    escalation_policy_id=policy,
                    team_id=team,
                    created_at=_EPOCH,
                )
                for name, description in services.items()
            ),
            priorities=tuple(
                Priority(stable_id("priority", name), name, description, color, order)
                for order, (name, description, color) in enumerate(
                    (
                        ("P1", "Customers cannot buy", "a8171c"),
                        ("P2", "Customers notice", "eb6016"),
                        ("P3", "Somebody at Acme notices", "f9b406"),
                        ("P4", "Nobody notices yet", "555555"),
                    )
                )
            ),
        )

    def user(self, user_id: str) -> User | None:
        return next((user for user in self.users if user.id == user_id), None)

    def user_by_email(self, email: str) -> User | None:
        return next((user for user in self.users if user.email.lower() == email.lower()), None)

    def service(self, service_id: str) -> Service | None:
        return next((service for service in self.services if service.id == service_id), None)

    def service_by_name(self, name: str) -> Service | None:
        return next((service for service in self.services if service.name == name), None)

    def service_by_routing_key(self, key: str) -> Service | None:
        return next((service for service in self.services if service.routing_key == key), None)

    def priority(self, priority_id: str) -> Priority | None:
        return next((priority for priority in self.priorities if priority.id == priority_id), None)

    def on_calls(self, now: datetime) -> list[OnCall]:
        """Return who is on call at `now` (aware, UTC): this week's turn first, then everybody else."""
        people = [user for user in self.users if user.role != "limited_user"]
        if not people:
            return []
        week = (now - _EPOCH) // _ROTATION
        start = _EPOCH + week * _ROTATION
        # The first person always holds the current week: whoever looks around should not have to find out whose week
        # it is, and a test should not depend on the date.
        turns = [OnCall(people[0], 1, start, start + _ROTATION)]
        turns.extend(OnCall(user, 2, None, None) for user in people[1:2])
        turns.extend(OnCall(user, 3, None, None) for user in people[2:])
        return turns

    def escalation_users(self, level: int) -> list[User]:
        """Return who is notified at an escalation level, counted from 1."""
        return [turn.user for turn in self.on_calls(_EPOCH) if turn.level == level]
