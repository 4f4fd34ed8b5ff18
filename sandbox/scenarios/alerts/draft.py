"""An alert before it takes a shape, and the small vocabulary the builders share."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

Severity = Literal["critical", "error", "warning", "info"]

# Networks reserved for documentation: nobody real is ever named in an alert.
_NETWORKS: Final = ("192.0.2", "198.51.100", "203.0.113")
_REGIONS: Final = ("eu-central", "eu-west", "us-east", "us-west", "ap-south")


@dataclass(frozen=True, slots=True)
class AlertDraft:
    """One alert in monitoring's own words.

    `event_class` and `component` go into the Events API's fields of those names, `details` into custom_details.
    `dedup_key` is the same for the same trouble, so that repeats are swallowed.
    """

    summary: str
    source: str
    severity: Severity
    component: str
    event_class: str
    details: Mapping[str, Any]
    dedup_key: str
    group: str = "production"
    links: tuple[Mapping[str, str], ...] = field(default=())


Build = Callable[[random.Random], AlertDraft]


def pick_address(dice: random.Random) -> str:
    return f"{dice.choice(_NETWORKS)}.{dice.randint(1, 254)}"


def pick_region(dice: random.Random) -> str:
    return dice.choice(_REGIONS)


def pick_host(dice: random.Random, role: str) -> str:
    return f"{role}-{dice.randint(1, 24):02}.{pick_region(dice)}.acme.example"


def link(path: str, text: str) -> tuple[Mapping[str, str], ...]:
    return ({"href": f"https://monitoring.acme.example/{path}", "text": text},)
