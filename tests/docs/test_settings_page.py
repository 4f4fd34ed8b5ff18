"""Every setting is documented, and nothing else is."""

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.settings import GROUPS, SlackSettings
from tests.docs.settings_page import NOTES, PLACEHOLDERS, render_example, render_settings, settings

ROOT = Path(__file__).resolve().parents[2]
NAMES = {alias for _, _, fields in settings() for alias, _ in fields}
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
# Prefixes that only settings have: a name with one of them is a setting, or a mistake.
PREFIXED = re.compile(
    r"\b(?:SLACK|WORKFLOW|PAGERDUTY|ANTHROPIC|CLAUDE|K8S|API|DATABASE|AUDIT|RETENTION|APPROVAL|LOG|TRIAGE|SERVICE)_[A-Z][A-Z0-9_]*\b"
)


@pytest.mark.parametrize(
    ("path", "render"),
    [("docs/settings.md", render_settings), (".env.example", render_example)],
    ids=["settings.md", "env.example"],
)
def test_the_written_page_is_what_the_code_says(path: str, render: Callable[[], str]) -> None:
    expected = render()
    if os.environ.get("UPDATE_DOCS"):
        (ROOT / path).write_text(expected, encoding="utf-8")
    written = (ROOT / path).read_text(encoding="utf-8")
    assert written == expected, f"{path} is out of date: run UPDATE_DOCS=1 python -m pytest tests/docs"


def test_every_setting_says_what_it_does() -> None:
    silent = [alias for _, _, fields in settings() for alias, field in fields if not field.description]
    assert silent == []
    assert set(NOTES) == set(GROUPS)


def test_the_example_names_known_settings_only_and_keeps_all_of_them_off() -> None:
    lines = (ROOT / ".env.example").read_text(encoding="utf-8").splitlines()
    assigned = [line.removeprefix("#").partition("=")[0] for line in lines if re.match(r"#?[A-Z0-9_]+=", line)]
    assert sorted(assigned) == sorted(NAMES)
    assert [line for line in lines if line and not line.startswith("#")] == []


def test_the_example_holds_no_secret() -> None:
    secrets = {alias for _, _, fields in settings() for alias, field in fields if "SecretStr" in str(field.annotation)}
    assert {"SLACK_BOT_TOKEN", "ANTHROPIC_API_KEY", "AUDIT_KEY"} <= secrets
    for line in (ROOT / ".env.example").read_text(encoding="utf-8").splitlines():
        name, _, value = line.removeprefix("#").partition("=")
        if name in secrets:
            assert value == PLACEHOLDERS.get(name, "")


def test_an_uncommented_example_can_be_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    path = tmp_path / ".env"
    path.write_text(re.sub(r"^#(?=[A-Z0-9_]+=)", "", example, flags=re.MULTILINE), encoding="utf-8")
    slack = SlackSettings(_env_file=path)
    assert slack.bot_token.get_secret_value() == PLACEHOLDERS["SLACK_BOT_TOKEN"]
    for name, group in GROUPS.items():
        if name not in {"slack", "approval"}:  # those two hold placeholders
            assert group(_env_file=path).model_dump() == group(_env_file=None).model_dump()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_no_page_names_a_setting_that_does_not_exist(page: Path) -> None:
    assert set(PREFIXED.findall(page.read_text(encoding="utf-8"))) - NAMES == set()
