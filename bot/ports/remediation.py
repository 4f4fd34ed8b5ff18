"""Carrying out remediation actions."""

from collections.abc import Callable
from typing import Protocol

from bot.domain.action import ActionRequest, ActionSpec, Applied, Preview, Verification


class Remediator(Protocol):
    """The catalogue of actions and the only way to change anything outside."""

    def specs(self) -> tuple[ActionSpec, ...]:
        """Return every action that exists, by name. Being listed arms nothing."""

    def validate(self, request: ActionRequest) -> ActionRequest:
        """Return the request with its parameters validated and normalised. Raise InvalidInput."""

    async def preview(self, request: ActionRequest) -> Preview:
        """Re-read the target and dry-run the action on the server.

        Raise InvalidInput when a precondition does not hold, VendorError when the server refuses or is away.
        """

    async def apply(self, request: ActionRequest, preview: Preview, action_id: str) -> Applied:
        """Carry it out, once: an object that already carries `action_id` or is in the desired state is left alone.

        Raise Conflict when the object is not the one that was previewed any more; VendorError as above.
        """

    async def verify(self, request: ActionRequest, applied: Applied, report: Callable[[str], None]) -> Verification:
        """Watch until the target is well and stays well, or the time-out. `report` gets one-line progress."""
