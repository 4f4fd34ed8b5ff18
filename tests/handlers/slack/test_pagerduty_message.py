"""Reading PagerDuty's messages: many wordings, one incident."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.alert import AlertState, Severity
from handlers.slack.pagerduty_message import parse
from tests.handlers.slack.fakes import card

URL = "https://acme.pagerduty.com/incidents/P0EF57N"


def read(message: dict[str, Any], **more: Any) -> Any:
    return parse({"ts": "1795403565.000100", **message}, channel="C1", event_id="Ev1", **more)


def test_a_card() -> None:
    alert = read(card())
    assert alert.dedup_key == "pagerduty:Q2E7MG6P1H0D3P"
    assert alert.external_id == "Q2E7MG6P1H0D3P"
    assert alert.url == "https://acme.pagerduty.com/incidents/Q2E7MG6P1H0D3P"
    assert alert.state is AlertState.TRIGGERED
    assert alert.title == "payment-service: 5xx > 20 %"
    assert alert.service == "Payment Service"
    assert alert.severity is Severity.CRITICAL
    assert alert.labels == {"namespace": "shop", "pod": "payment-1"}
    assert alert.occurred_at == datetime(2026, 11, 23, 3, 12, 45, 100, tzinfo=UTC)
    assert alert.message.thread_ts is None


@pytest.mark.parametrize(
    ("text", "state"),
    [
        (f"*Triggered* <{URL}|[#3] Queue is acknowledged late>", AlertState.TRIGGERED),
        (f"*Acknowledged* <{URL}|[#3] x> by Maya Chen", AlertState.ACKNOWLEDGED),
        (f"*Resolved* <{URL}|[#3] x>", AlertState.RESOLVED),
        (f"*Reopened* <{URL}|[#3] x>", AlertState.TRIGGERED),
        (f"*Unacknowledged* <{URL}|[#3] x>", AlertState.TRIGGERED),
        (f"*Reassigned* <{URL}|[#3] x> by Maya to Jonas", AlertState.UPDATED),
        (f"*Note added* <{URL}|[#3] x> by Maya\n> resolved it by hand", AlertState.UPDATED),
        (f"Maya Chen resolved <{URL}|#3>", AlertState.RESOLVED),
        (f"<{URL}|Disk full>", AlertState.TRIGGERED),  # a wording nobody has seen: better one investigation too many
    ],
)
def test_the_state_is_what_is_said_outside_of_titles_and_notes(text: str, state: AlertState) -> None:
    assert read({"text": text}).state is state


@pytest.mark.parametrize(
    "message",
    [
        {"text": "", "attachments": [{"title_link": URL, "title": "x", "fallback": "Triggered"}]},
        {"text": "", "attachments": [{"fallback": f"Triggered {URL}"}]},
        {"text": "", "blocks": [{"type": "actions", "elements": [{"type": "button", "url": URL + "?utm=1"}]}]},
        {"text": "", "blocks": [{"type": "section", "fields": [{"type": "mrkdwn", "text": f"<{URL}|x>"}]}]},
        {"text": URL.replace("acme.pagerduty", "acme.eu.pagerduty")},
    ],
)
def test_the_incident_is_found_wherever_its_link_stands(message: dict[str, Any]) -> None:
    assert read(message).external_id == "P0EF57N"


@pytest.mark.parametrize(
    "text",
    ["hello", "https://evil.example/incidents/P0EF57N", "https://acme.pagerduty.com/services/P0EF57N", "pagerduty.com"],
)
def test_no_incident_no_alert(text: str) -> None:
    assert read({"text": text}) is None


def test_a_link_preview_names_no_incident() -> None:
    assert read({"text": "hi", "attachments": [{"from_url": URL, "title_link": URL}]}) is None


def test_an_edit_counts_when_what_it_says_changed() -> None:
    before, after = card(), card("Resolved")
    alert = read(after, previous=before, changed_at="1795403700.000300")
    assert alert.state is AlertState.RESOLVED
    assert alert.occurred_at > read(before).occurred_at
    assert read(before, previous=before | {"reply_count": 3}) is None
    preview = {"from_url": "https://x.example", "title": "Preview"}
    assert read(before | {"attachments": [*before["attachments"], preview]}, previous=before) is None
    retitled = before | {"text": before["text"].replace("5xx", "4xx")}
    assert read(retitled, previous=before).state is AlertState.UPDATED


def test_a_reply_without_a_link_belongs_to_its_threads_incident() -> None:
    reply = {"text": "Acknowledged by Jonas Weber", "ts": "2.0", "thread_ts": "1.0"}
    assert read(reply) is None
    alert = read(reply, incident=(URL, "P0EF57N"))
    assert (alert.external_id, alert.state, alert.actor) == ("P0EF57N", AlertState.ACKNOWLEDGED, "Jonas Weber")
    assert alert.message.thread_ts == "1.0"
    assert read(reply | {"text": "hm"}, incident=(URL, "P0EF57N")).state is AlertState.UPDATED


def test_secrets_do_not_get_in() -> None:
    alert = read({"text": f"*Triggered* <{URL}|x> password=hunter2secret"})
    assert "hunter2secret" not in alert.model_dump_json()


JSON_VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(), st.just(f"<{URL}|x>")),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=8), inner, max_size=4)),
    max_leaves=15,
)


@given(st.text(), JSON_VALUES, st.lists(st.dictionaries(st.text(max_size=8), JSON_VALUES, max_size=4), max_size=3))
def test_nothing_breaks_the_parser(text: str, blocks: Any, attachments: list[Any]) -> None:
    alert = read({"text": text, "blocks": blocks, "attachments": attachments})
    assert alert is None or alert.dedup_key.startswith("pagerduty:")
