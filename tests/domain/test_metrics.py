"""MTTA, MTTR and the rest, by hand-made incidents."""

from datetime import date, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.alert import AlertSource, Severity
from bot.domain.incident import Incident, IncidentStatus
from bot.domain.metrics import Figures, ProposalFigures, figures
from tests.fakes import AT


def make_incident(
    opened: float, acknowledged: float | None = None, resolved: float | None = None, **changes: Any
) -> Incident:
    """Times in minutes after AT."""

    def at(minutes: float | None) -> Any:
        return None if minutes is None else AT + timedelta(minutes=minutes)

    values: dict[str, Any] = {
        "id": f"INC-{opened}",
        "dedup_key": f"k{opened}",
        "source": AlertSource.PAGERDUTY_WEBHOOK,
        "title": "t",
        "service": "Checkout",
        "severity": Severity.HIGH,
        "status": IncidentStatus.RESOLVED if resolved is not None else IncidentStatus.TRIGGERED,
        "opened_at": at(opened),
        "acknowledged_at": at(acknowledged),
        "resolved_at": at(resolved),
    }
    return Incident(**(values | changes))


def sum_up(*incidents: Incident, days: int = 3) -> Figures:
    since = AT.replace(hour=0)
    until = since + timedelta(days=days)
    return figures(incidents, since=since, until=until, open_now=0, proposals=ProposalFigures())


def test_means_and_medians_are_of_those_that_got_there() -> None:
    found = sum_up(make_incident(0, 2, 10), make_incident(1, 5, 31), make_incident(2, 12), make_incident(3))
    assert (found.mtta.count, found.mtta.mean, found.mtta.median) == (3, 320.0, 240.0)
    assert (found.mttr.count, found.mttr.mean, found.mttr.median) == (2, 1200.0, 1200.0)
    assert found.incidents == 4


def test_without_incidents_there_is_no_mean() -> None:
    found = sum_up()
    assert (found.mtta.mean, found.mttr.median, found.by_service) == (None, None, ())
    assert [(d.day, d.incidents) for d in found.by_day] == [
        (date(2026, 11, 23), 0), (date(2026, 11, 24), 0), (date(2026, 11, 25), 0), (date(2026, 11, 26), 0),
    ]  # fmt: skip


def test_a_reopened_incident_counts_once_it_is_resolved_again_from_its_first_opening() -> None:
    reopened = make_incident(0, 2, None)
    assert sum_up(reopened).mttr.count == 0
    assert sum_up(make_incident(0, 2, 60)).mttr.mean == 3600


def test_clocks_that_disagree_make_no_negative_time() -> None:
    assert sum_up(make_incident(5, 4, 3)).mtta.mean == 0
    assert sum_up(make_incident(5, 4, 3)).mttr.mean == 0


def test_what_lies_outside_the_period_does_not_count() -> None:
    day = 24 * 60
    found = sum_up(make_incident(-4 * 60), make_incident(0), make_incident(3 * day - 3 * 60))
    assert found.incidents == 1


def test_services_are_listed_by_how_much_they_trouble() -> None:
    found = sum_up(
        make_incident(0, service="B"),
        make_incident(1, service=None),
        make_incident(2, service="A"),
        make_incident(3, service="A"),
    )
    assert [(s.service, s.incidents) for s in found.by_service] == [("A", 2), ("B", 1), ("no service", 1)]


@given(st.lists(st.tuples(st.integers(0, 4000), st.none() | st.integers(0, 500), st.none() | st.integers(0, 900))))
def test_parts_add_up(rows: list[tuple[int, int | None, int | None]]) -> None:
    incidents = [
        make_incident(o, None if a is None else o + a, None if r is None else o + r, service=f"S{n % 3}")
        for n, (o, a, r) in enumerate(rows)
    ]
    found = sum_up(*incidents)
    assert sum(s.incidents for s in found.by_service) == found.incidents == sum(d.incidents for d in found.by_day)
    assert sum(s.mttr.count for s in found.by_service) == found.mttr.count
    assert all(d.resolved <= d.incidents for d in found.by_day)
