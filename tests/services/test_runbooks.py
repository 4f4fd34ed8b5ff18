import random
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bot.domain.alert import AlertSource, Severity
from bot.domain.incident import Incident, IncidentStatus
from bot.services.runbooks import RunbookError, RunbookLibrary, parse_runbook
from sandbox.scenarios.alerts.database import BUILDERS as DATABASE
from sandbox.scenarios.alerts.network import BUILDERS as NETWORK
from sandbox.scenarios.alerts.security import BUILDERS as SECURITY
from sandbox.scenarios.alerts.server import BUILDERS as SERVER

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
        assert "[[" not in analysis.model_dump_json()
        assert len(analysis.immediate_actions) >= 3
        assert analysis.long_term_fixes
        assert analysis.monitoring
        assert analysis.provenance.runbook == name


def test_the_alerts_own_numbers_stand_in_the_analysis() -> None:
    library = RunbookLibrary.load()
    about = incident(
        "connection pool exhausted",
        {"connections_in_use": 150, "connections_max": 151, "host": "db-3", "requests_waiting": 77},
        service="orders",
    )
    runbook = library.match(about)
    assert runbook is not None
    analysis = library.analysis(runbook, about)
    assert "150 of 151" in analysis.headline
    assert "77 are waiting" in analysis.root_cause
    assert "-h db-3 " in analysis.immediate_actions[0]


def test_ordinary_alerts_match_nothing() -> None:
    library = RunbookLibrary.load()
    assert library.match(incident("payment-service pods are restarting", service="Payment Service")) is None
    assert library.match(incident("certificate of shop.example expires in 5 days")) is None


def test_a_command_never_carries_what_the_alert_smuggled_in() -> None:
    library = RunbookLibrary.load()
    about = incident("connection pool exhausted on the database", {"host": "x; rm -rf / `id`"})
    runbook = library.match(about)
    assert runbook is not None
    assert "rm -rf" not in " ".join(library.analysis(runbook, about).immediate_actions)


FRONT = """---
name: mine
headline: "Mine: {{ details.n }}"
match:
  any:
    - {field: details.n, above: 5}
---
## Root cause
Because.
## Immediate
- Do it.
"""


def test_a_users_runbook_comes_first_and_a_broken_one_is_reported(tmp_path: Path) -> None:
    (tmp_path / "mine.md").write_text(FRONT)
    (tmp_path / "broken.md").write_text(FRONT.replace("details.n, above", "nonsense, above"))
    library = RunbookLibrary.load(tmp_path)
    assert [p.partition("broken.md:")[2].split(":")[0] for p in library.problems] == ["6"]
    about = incident("connection pool exhausted on the database", {"n": "6.5 widgets"})
    found = library.match(about)
    assert found is not None
    assert found.name == "mine"
    assert library.analysis(found, about).headline == "Mine: 6.5 widgets"
    less = library.match(incident("x", {"n": 5}))
    assert less is None


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("hello", 1, "three dashes"),
        ("---\nname: a\n", 2, "not closed"),
        ("---\nname: [\n---\n", 2, "not YAML"),
        ("---\n- a\n---\n", 2, "mapping"),
        (FRONT.replace("name: mine", "name: Not Good"), 2, "name"),
        (FRONT.replace("## Immediate", "## Afterwards"), 10, "Afterwards"),
        (FRONT.replace("- Do it.", ""), 11, "immediate"),
        (FRONT.replace("above: 5", "regex: '('"), 6, "regular expression"),
        (FRONT.replace("name: mine\n", ""), 2, "name"),
    ],
)
def test_a_malformed_runbook_is_one_sentence_with_file_and_line(
    tmp_path: Path, text: str, line: int, words: str
) -> None:
    path = tmp_path / "r.md"
    path.write_text(text)
    with pytest.raises(RunbookError, match=words) as caught:
        parse_runbook(path)
    assert str(caught.value).startswith(f"{path}:{line}:")
    assert "\n" not in str(caught.value)


def test_a_missing_folder_is_a_problem_and_not_fatal(tmp_path: Path) -> None:
    library = RunbookLibrary.load(tmp_path / "absent")
    assert "not a folder" in library.problems[0]
    assert library.runbooks
