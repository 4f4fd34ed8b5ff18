"""What can be made to go wrong with PagerDuty, one request at a time."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Literal, get_args

FaultKind = Literal["slow", "error", "rate_limited", "lose_webhook"]

KINDS: Final[tuple[str, ...]] = get_args(FaultKind)


@dataclass(slots=True)
class Fault:
    """`times` counts the requests still to be hit; `path` limits it to paths that start like this."""

    kind: FaultKind
    times: int = 1
    path: str = "/"
    seconds: float = 1.0
    status: int = 500
    retry_after: int = 1


@dataclass(slots=True)
class Faults:
    """The faults that wait for their request. Order of injection is order of use."""

    waiting: list[Fault] = field(default_factory=list)

    def inject(self, fault: Fault) -> None:
        """Arm a fault. Raise ValueError for a kind that does not exist."""
        if fault.kind not in KINDS:
            raise ValueError(f"unknown fault {fault.kind!r}; known: {', '.join(KINDS)}")
        self.waiting.append(fault)

    def clear(self) -> None:
        self.waiting.clear()

    def take(self, path: str) -> Fault | None:
        """Use up one hit of the first fault that fits an incoming request."""
        return self._use(lambda fault: fault.kind != "lose_webhook" and path.startswith(fault.path))

    def take_lost_webhook(self) -> bool:
        """Whether the webhook about to be sent is to be lost without a trace."""
        return self._use(lambda fault: fault.kind == "lose_webhook") is not None

    def _use(self, fits: Callable[[Fault], bool]) -> Fault | None:
        for fault in self.waiting:
            if fits(fault):
                fault.times -= 1
                if fault.times <= 0:
                    self.waiting.remove(fault)
                return fault
        return None
