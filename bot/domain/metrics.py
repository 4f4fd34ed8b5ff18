"""The figures of the on-call work: how fast, how often, by whom."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from statistics import fmean, median

from pydantic import Field

from bot.domain.base import Frozen
from bot.domain.incident import Incident, IncidentStatus


class Duration(Frozen):
    """Mean and median of a duration over `count` incidents, in seconds; both None when there was none."""

    count: int
    mean: float | None = None
    median: float | None = None


class ServiceFigures(Frozen):
    service: str
    incidents: int
    mtta: Duration
    mttr: Duration


class DayFigures(Frozen):
    day: date
    incidents: int
    resolved: int


class ProposalFigures(Frozen):
    """What became of the proposals of the period."""

    proposed: int = 0
    approved: int = 0
    rejected: int = 0
    expired: int = 0
    succeeded: int = 0
    failed: int = 0


class Figures(Frozen):
    """Everything the App Home and the reports show about a period that ends now."""

    since: datetime
    until: datetime
    incidents: int
    open_now: int
    mtta: Duration = Field(description="mean time to acknowledge")
    mttr: Duration = Field(description="mean time to resolve")
    by_service: tuple[ServiceFigures, ...]
    by_day: tuple[DayFigures, ...] = Field(description="one entry a day in UTC, oldest first, empty days included")
    proposals: ProposalFigures = ProposalFigures()


def _duration(values: list[float]) -> Duration:
    if not values:
        return Duration(count=0)
    return Duration(count=len(values), mean=fmean(values), median=median(values))


def _seconds(start: datetime, end: datetime | None) -> float | None:
    return None if end is None else max(0.0, (end - start).total_seconds())


def _to_acknowledge(incidents: Iterable[Incident]) -> Duration:
    return _duration([s for i in incidents if (s := _seconds(i.opened_at, i.acknowledged_at)) is not None])


def _to_resolve(incidents: Iterable[Incident]) -> Duration:
    return _duration([s for i in incidents if (s := _seconds(i.opened_at, i.resolved_at)) is not None])


def figures(
    incidents: Iterable[Incident], *, since: datetime, until: datetime, open_now: int, proposals: ProposalFigures
) -> Figures:
    """Sum up the incidents that were opened between `since` and `until` (aware, `until` excluded)."""
    period = [i for i in incidents if since <= i.opened_at < until]
    services: dict[str, list[Incident]] = {}
    for incident in period:
        services.setdefault(incident.service or "no service", []).append(incident)
    first, last = since.date(), until.date()
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    return Figures(
        since=since,
        until=until,
        incidents=len(period),
        open_now=open_now,
        mtta=_to_acknowledge(period),
        mttr=_to_resolve(period),
        by_service=tuple(
            ServiceFigures(service=name, incidents=len(group), mtta=_to_acknowledge(group), mttr=_to_resolve(group))
            for name, group in sorted(services.items(), key=lambda item: (-len(item[1]), item[0]))
        ),
        by_day=tuple(
            DayFigures(
                day=day,
                incidents=sum(i.opened_at.date() == day for i in period),
                resolved=sum(i.status is IncidentStatus.RESOLVED and i.opened_at.date() == day for i in period),
            )
            for day in days
        ),
        proposals=proposals,
    )
