"""The system that pages people."""

from collections.abc import Mapping
from typing import Protocol

from bot.domain.alert import Alert
from bot.domain.incident import Incident


class IncidentSource(Protocol):
    """PagerDuty, or whatever takes its place. Every method raises VendorError."""

    name: str

    async def fetch(self, external_id: str) -> Alert:
        """Return the incident's present state as an alert, with its alerts' details and labels merged in."""

    async def acknowledge(self, external_id: str, email: str | None) -> None:
        """Acknowledge in the name of the person with `email`, or of the bot for one who is not known there.

        An incident that is not triggered is left alone.
        """

    async def resolve(self, external_id: str, email: str | None) -> None:
        """Resolve, in whose name as above. An incident that is resolved is left alone."""

    async def add_note(self, external_id: str, text: str, email: str | None = None) -> str:
        """Add a note and return its id, by which our own note is recognised when it comes back."""

    async def find_note(self, external_id: str, text: str) -> str | None:
        """Return the id of the newest note that contains `text`, None if there is none."""

    async def check(self) -> str:
        """Return one sentence about the connection. Raise VendorError when it does not work."""


IncidentSources = Mapping[str, IncidentSource]
"""By name, which is what the traits of a source of alerts call its pager."""


def pager_of(sources: IncidentSources, incident: Incident) -> tuple[IncidentSource, str] | None:
    """Return the system that paged for `incident` with the incident's id there; None where it is not connected."""
    source = sources.get(incident.source.traits.pager or "")
    return None if source is None or incident.external_id is None else (source, incident.external_id)
