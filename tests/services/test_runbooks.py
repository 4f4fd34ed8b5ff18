import random
import shlex
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.alert import AlertSource, Severity
from bot.domain.incident import Incident, IncidentStatus
from bot.errors import InvalidInput
from bot.services.runbook_text import fill
from bot.services.runbooks import RunbookLibrary, parse_runbook
from sandbox.scenarios.alerts.database import BUILDERS as DATABASE
from sandbox.scenarios.alerts.network import BUILDERS as NETWORK
from sandbox.scenarios.alerts.security import BUILDERS as SECURITY
from sandbox.scenarios.alerts.server import BUILDERS as SERVER
from tests.fakes import make_alert

AT = datetime(2026, 11, 1, 3, tzinfo=UTC)
BUILDERS = {**DATABASE, **NETWORK, **SECURITY, **SERVER}


def incident(title: str, details: dict[str, Any] | None = None, **changes: Any) -> Incident:
    values: dict[str, Any] = {
        "id": "INC-1",
        "dedup_key": "pagerduty:P1",
        "source": AlertSource.PAGERDUTY_WEBHOOK,
        "title": title,
        "severity": Severity.HIGH,
        "status": IncidentStatus.TRIGGERED,
        "details": details or {},
        "opened_at": AT,
    }
    return Incident(**(values | changes))


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("name", sorted(BUILDERS))
def test_each_alert_finds_its_runbook_with_and_without_details(name: str, seed: int) -> None:
    draft = BUILDERS[name](random.Random(seed))
    library = RunbookLibrary.load()
    for details in (draft.details, {}):
        about = incident(draft.summary, dict(details), service=draft.component)
        runbook = library.match(about, ())
        assert runbook is not None
        assert runbook.name == name
        analysis = library.analysis(runbook, about)
        assert "{{" not in analysis.model_dump_json()
        assert analysis.immediate_actions
        assert analysis.long_term_fixes
        assert analysis.monitoring
        assert analysis.provenance.runbook == name


def test_the_alerts_own_numbers_stand_in_the_analysis() -> None:
    library = RunbookLibrary.load()
    draft = DATABASE["database-pool-exhausted"](random.Random(7))
    about = incident(draft.summary, dict(draft.details), service=draft.component)
    runbook = library.match(about)
    assert runbook is not None
    analysis = library.analysis(runbook, about)
    assert str(draft.details["idle_in_transaction"]) in analysis.root_cause
    assert any(str(draft.details["connections_max"]) in cited.quote for cited in analysis.evidence)


def test_ordinary_alerts_match_nothing() -> None:
    library = RunbookLibrary.load()
    assert library.match(incident("payment-service pods are restarting", service="Payment Service")) is None
    assert library.match(incident("certificate of shop.example expires in 5 days")) is None


def test_a_value_of_the_alert_cannot_open_a_code_span() -> None:
    runbook = parse_runbook(MINE, "mine.md")
    library = RunbookLibrary([runbook])
    analysis = library.analysis(runbook, incident("x", {"n": "7 `id`"}))
    assert analysis.root_cause == "Because of 7 'id'."


@pytest.mark.parametrize("name", sorted(BUILDERS))
def test_what_is_missing_is_not_talked_about(name: str) -> None:
    library = RunbookLibrary.load()
    draft = BUILDERS[name](random.Random(1))
    some = dict(list(draft.details.items())[::2])
    about = incident(draft.summary, some, service=draft.component)
    runbook = library.match(about)
    assert runbook is not None
    text = library.analysis(runbook, about).model_dump_json()
    assert "an unknown number of" not in text
    assert "{{" not in text


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("{{ details.absent }} of {{ details.n }} fail.", ()),
        ("{{ details.n }} of {{ details.absent }} fail.", ("7 of ? fail.",)),
        ("Look. {{ details.absent }} fail. Then act.", ("Look. Then act.",)),
        ("{{ details.absent }} fail. Then act.", ()),
        ("Run `a. B {{ details.n }}` now.", ("Run `a. B 7` now.",)),
        ('Run `dig {{ details.absent or "NAME" }}`.', ("Run `dig NAME`.",)),
        ("Run `dig {{ details.name }}`.", ("Run `dig ns1.example.com`.",)),
        ("Run `dig {{ details.evil }}`.", ("Run `dig EVIL` (EVIL: x; rm -rf /).",)),
        ("Run `dig {{ details.option }}`.", ("Run `dig OPTION` (OPTION: -f /etc/passwd).",)),
        ("Run `dig {{ details.quote }}`.", ("Run `dig QUOTE` (QUOTE: a' $(id)).",)),
        ("Ask {{ details.evil }}.", ("Ask x; rm -rf /.",)),
    ],
)
def test_values_fill_sentences_and_never_commands(line: str, expected: tuple[str, ...]) -> None:
    fields = {
        "details.n": 7,
        "details.name": "ns1.example.com",
        "details.evil": "x; rm -rf /",
        "details.option": "-f /etc/passwd",
        "details.quote": "a` $(id)",
    }
    assert fill([line], fields) == expected


@given(st.text(max_size=60))
def test_no_value_reaches_a_shell_as_more_than_one_word(value: str) -> None:
    for line in fill(["Run `cmd {{ details.v }} end`."], {"details.v": value}):
        code = line.split("`")[1]
        assert len(shlex.split(code)) == 3
        assert not set(code) & set("$;|&<>()*?~!#\\\"'\n")


def test_a_renamed_incident_keeps_its_runbook() -> None:
    library = RunbookLibrary.load()
    alert = make_alert(title="Database connection pool exhausted")
    found = library.match(incident("Checkout is slow, we are on it"), [alert])
    assert found is not None
    assert found.name == "database-pool-exhausted"


MINE = """---
name: mine
title: too many widgets
match:
  - details.n: "> 5"
---
## Root cause
Because of {{ details.n }}.
## Immediate
- Do it.
- Look at {{ details.absent }}.
## Long term
- Less.
## Monitor
- Widgets
"""


def test_a_users_runbook_comes_first_and_a_broken_one_is_reported(tmp_path: Path) -> None:
    (tmp_path / "mine.md").write_text(MINE)
    (tmp_path / "broken.md").write_text(MINE.replace("details.n:", "nonsense:"))
    library = RunbookLibrary.load(tmp_path)
    assert len(library.problems) == 1
    assert "broken.md, line 4" in library.problems[0]
    about = incident("connection pool exhausted on the database", {"n": 6})
    found = library.match(about)
    assert found is not None
    assert found.name == "mine"
    assert library.analysis(found, about).immediate_actions == ("Do it.",)
    assert library.match(incident("x", {"n": 5})) is None


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("hello", 1, "front matter"),
        ("---\nname: a\n", 1, "front matter"),
        ("---\n- a\n---\n", 2, "front matter"),
        (MINE.replace("## Immediate", "## Afterwards"), 9, "Afterwards"),
        (MINE.replace("> 5", "("), 4, "malformed"),
        (MINE.replace("name: mine\n", ""), 2, "name"),
    ],
)
def test_a_malformed_runbook_is_one_sentence_with_file_and_line(text: str, line: int, words: str) -> None:
    with pytest.raises(InvalidInput, match=words) as caught:
        parse_runbook(text, "r.md")
    assert caught.value.message.startswith(f"r.md, line {line}:")
    assert "\n" not in caught.value.message


def test_a_missing_folder_is_a_problem_and_not_fatal(tmp_path: Path) -> None:
    library = RunbookLibrary.load(tmp_path / "absent")
    assert "not a folder" in library.problems[0]
    assert library.runbooks
