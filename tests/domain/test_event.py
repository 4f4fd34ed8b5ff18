"""Events: one body for each kind, and a tag that says who came by which door."""

import json

import pytest
from pydantic import ValidationError

from bot.domain.actor import BOT, Actor, Via
from bot.domain.event import BODIES, ChoiceBody, Event, EventKind, IncidentBody, RefusalBody


def test_every_kind_has_a_body_and_reads_subject_action() -> None:
    assert set(BODIES) == set(EventKind)
    for kind in EventKind:
        subject, action = kind.value.split(":")
        assert subject.isalpha()
        assert action.isalpha()


@pytest.mark.parametrize("kind", [kind for kind in EventKind if BODIES[kind] is not ChoiceBody])
def test_another_kinds_body_is_refused(kind: EventKind) -> None:
    with pytest.raises(ValidationError, match=kind.value):
        Event(kind=kind, actor=BOT, incident_id=None, body=ChoiceBody(target="Pod/a/b"))


@pytest.mark.parametrize("via", Via)
def test_the_tag_begins_with_the_door(via: Via) -> None:
    event = Event(
        kind=EventKind.INCIDENT_RESOLVE, actor=Actor(id="x", via=via), incident_id="INC-1", body=IncidentBody()
    )
    assert event.tag == f"{via.value}:incident:resolve"


def test_news_are_tagged_by_what_they_came_by() -> None:
    jonas = Actor(id="Jonas Weber", via=Via.PAGERDUTY)
    event = Event(
        kind=EventKind.INCIDENT_OPEN, actor=jonas, incident_id="INC-1", body=IncidentBody(), source="pagerduty_webhook"
    )
    assert event.tag == "pagerduty_webhook:incident:open"


def test_a_body_is_written_whole_although_the_event_knows_it_as_a_body_only() -> None:
    body = RefusalBody(wanted="resolve", refusal="not_an_approver")
    event = Event(kind=EventKind.INCIDENT_REFUSE, actor=BOT, incident_id=None, body=body)
    assert json.loads(event.model_dump_json())["body"] == {"wanted": "resolve", "refusal": "not_an_approver"}
