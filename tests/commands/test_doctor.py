import asyncio
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from bot import settings as product_settings
from bot.commands.doctor import Result, examine, is_well, run_check, show
from bot.errors import SettingsError
from sandbox.kubernetes.server import KubernetesServer
from sandbox.messages_api.server import MessagesServer
from sandbox.pagerduty.server import PagerDutyServer
from sandbox.slack.workspace import SlackWorkspace


@pytest.fixture
async def env(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[pytest.MonkeyPatch]:
    """A whole sandbox, with the settings of the environment pointing to it."""
    slack, pagerduty, claude, cluster = SlackWorkspace(), PagerDutyServer(), MessagesServer(), KubernetesServer()
    await asyncio.gather(slack.start(), pagerduty.start(), claude.start(), cluster.start())
    app = slack.app("oncall")
    values = {
        "SLACK_BOT_TOKEN": app.bot_token,
        "SLACK_APP_TOKEN": app.app_token,
        "SLACK_API_URL": slack.api_url,
        "INCIDENT_CHANNEL": "incidents",
        "APPROVERS": next(iter(slack.people.values())).id,
        "PAGERDUTY_API_TOKEN": pagerduty.api_token,
        "PAGERDUTY_API_URL": pagerduty.url,
        "PAGERDUTY_WEBHOOK_SECRET": pagerduty.webhook_secret,
        "PAGERDUTY_FROM_EMAIL": pagerduty.directory.users[0].email,
        "ANTHROPIC_API_KEY": claude.api_key,
        "ANTHROPIC_BASE_URL": claude.url,
        "K8S_CONFIG_PATH": str(cluster.write_kubeconfig(tmp_path / "kubeconfig")),
        "DATABASE_URL": f"sqlite:///{tmp_path}/oncall.sqlite",
    }
    monkeypatch.chdir(tmp_path)
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    yield monkeypatch
    await asyncio.gather(slack.stop(), pagerduty.stop(), claude.stop(), cluster.stop())


async def results(timeout_seconds: float = 10.0) -> dict[str, Result]:
    return {result.name: result for result in await examine(product_settings.load(), timeout_seconds)}


async def test_everything_is_well_in_the_sandbox(env: pytest.MonkeyPatch) -> None:
    found = await results()
    assert {name: r.detail for name, r in found.items() if r.state == "failed"} == {}
    assert found["Kubernetes"].state == "ok"
    assert found["Claude"].state == "ok"


async def test_each_failure_says_what_to_do_and_shows_no_secret(env: pytest.MonkeyPatch) -> None:
    secrets = {
        "SLACK_BOT_TOKEN": "xoxb-wrong-canary-1",
        "SLACK_APP_TOKEN": "xapp-wrong-canary-2",
        "PAGERDUTY_API_TOKEN": "canary-3",
        "ANTHROPIC_API_KEY": "canary-4",
    }
    for name, value in secrets.items():
        env.setenv(name, value)
    env.delenv("PAGERDUTY_WEBHOOK_SECRET")
    env.setenv("K8S_CONFIG_PATH", "/absent/kubeconfig")
    env.setenv("DATABASE_URL", "postgresql://bot:canary-5@127.0.0.1:1/oncall")
    found = await results()
    assert {name for name, r in found.items() if r.state == "failed"} >= {
        "Slack bot token",
        "Slack app token",
        "PagerDuty",
        "PagerDuty webhook",
        "Claude",
        "Kubernetes",
        "database",
    }
    assert "canary" not in str(found)
    assert "ANTHROPIC_API_KEY" in found["Claude"].next_step


async def test_wrong_names_are_named(env: pytest.MonkeyPatch) -> None:
    env.setenv("INCIDENT_CHANNEL", "no-such-channel")
    env.setenv("APPROVERS", "U0NOBODY,S0NOBODY")
    env.setenv("CLAUDE_MODEL", "claude-nonsense")
    env.setenv("PAGERDUTY_FROM_EMAIL", "nobody@example.com")
    found = await results()
    assert "no-such-channel" in found["Slack channel"].detail
    assert "U0NOBODY, S0NOBODY" in found["approvers"].detail
    assert "claude-opus-5-5" in found["Claude"].next_step
    assert found["PagerDuty"].state == "failed"


async def test_what_is_not_configured_is_skipped(env: pytest.MonkeyPatch) -> None:
    for name in ("ANTHROPIC_API_KEY", "PAGERDUTY_API_TOKEN"):
        env.delenv(name)
    env.setenv("K8S_ENABLED", "false")
    found = await results()
    assert {found[name].state for name in ("Claude", "PagerDuty", "Kubernetes")} == {"skipped"}


async def test_a_check_has_its_own_time_out_and_its_defects_stay_inside() -> None:
    async def hang() -> str:
        await asyncio.sleep(60)
        return ""

    async def break_down() -> str:
        raise RuntimeError("password=canary")

    slow, broken = await asyncio.gather(run_check("a", hang, 0.05), run_check("b", break_down))
    assert slow.state == broken.state == "failed"
    assert "0.05 s" in slow.detail
    assert "canary" not in str(broken)


def test_output(capsys: pytest.CaptureFixture[str]) -> None:
    found = [Result("a", "ok", "fine."), Result("b", "failed", "bad.", "Mend it.")]
    show(found, "json")
    assert json.loads(capsys.readouterr().out)["ok"] is False
    show(found, "text")
    assert "-> Mend it." in capsys.readouterr().out
    assert not is_well(found)


def test_missing_settings_are_a_settings_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from bot.commands.doctor import doctor

    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SLACK_BOT_TOKEN", raising=False)
    outcome: Any = CliRunner().invoke(doctor)
    assert isinstance(outcome.exception, SettingsError)
    assert "SLACK_BOT_TOKEN" in outcome.exception.message
    assert sys.modules["bot.commands.doctor"]
