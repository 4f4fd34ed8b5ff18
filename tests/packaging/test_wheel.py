"""What the image and `pip install` give: the wheel works far from the checkout."""

import sqlite3
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.packaging.conftest import ROOT, run

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("packaging")]

Command = Callable[..., "subprocess.CompletedProcess[str]"]


def test_it_holds_everything_that_is_read_at_run_time(wheel: Path) -> None:
    held = set(zipfile.ZipFile(wheel).namelist())
    wanted = {"bot/manifest.yml"}
    for package in ("bot", "handlers", "integrations", "migrations", "sandbox"):
        wanted |= {
            str(path.relative_to(ROOT))
            for path in (ROOT / package).rglob("*")
            if path.is_file() and "__pycache__" not in path.parts
        }
    assert wanted - held == set()
    assert {"bot/runbooks/server-high-cpu.md", "sandbox/slack/page/index.html"} <= held


def test_it_holds_nothing_else(wheel: Path) -> None:
    tops = {name.split("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert {top for top in tops if not top.startswith("oncall_agent-")} == {
        "bot", "handlers", "integrations", "migrations", "sandbox",
    }  # fmt: skip


def test_the_packages_come_from_the_wheel(installed: Path, tmp_path: Path) -> None:
    code = "import bot, handlers, integrations, migrations, sandbox; print(bot.__file__, sandbox.__file__)"
    shown = run(installed / "python", "-c", code, folder=tmp_path)
    assert shown.returncode == 0, shown.stderr
    assert all(path.startswith(str(installed.parent)) for path in shown.stdout.split())


def test_help_and_version(command: Command) -> None:
    shown = command("--help")
    assert shown.returncode == 0, shown.stderr
    assert "doctor" in shown.stdout
    assert command("--version").stdout.strip() == "oncall-agent, version 0.1.0"


def test_migrate_makes_the_database(command: Command, tmp_path: Path) -> None:
    path = tmp_path / "data" / "oncall.sqlite"
    done = command("migrate", env={"DATABASE_URL": f"sqlite:///{path}"})
    assert done.returncode == 0, done.stderr
    with sqlite3.connect(path) as connection:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    connection.close()
    assert {"alembic_version", "incident", "audit_event"} <= tables


def test_a_missing_setting_is_a_sentence_and_exit_code_2(command: Command) -> None:
    refused = command("run")
    assert refused.returncode == 2
    assert "SLACK_BOT_TOKEN is not set" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_the_manifest_and_the_runbooks_are_found(installed: Path, tmp_path: Path) -> None:
    code = (
        "from bot.manifest import find_manifest; from bot.services.runbooks import RunbookLibrary;"
        "from bot.commands.doctor import wanted_scopes;"
        "print(find_manifest()); print(len(RunbookLibrary.load(None).runbooks)); print(len(wanted_scopes()))"
    )
    shown = run(installed / "python", "-c", code, folder=tmp_path)
    assert shown.returncode == 0, shown.stderr
    manifest, runbooks, scopes = shown.stdout.splitlines()
    assert manifest.startswith(str(installed.parent))
    assert int(runbooks) >= 12
    assert int(scopes) > 10


def test_the_demo_plays_from_the_wheel(command: Command, tmp_path: Path) -> None:
    played = command("demo", "--terminal")
    assert played.returncode == 0, played.stdout[-3000:] + played.stderr[-3000:]
    assert "fixed, verified and resolved" in played.stdout


def test_an_editable_installation_needs_nothing_beside_the_build_lock(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['editables'] = None\n"
        "import hatchling.build; hatchling.build.build_editable(sys.argv[1])"
    )
    built = run(sys.executable, "-c", code, tmp_path, folder=ROOT)
    assert built.returncode == 0, built.stderr[-2000:]
    (path,) = tmp_path.glob("*.whl")
    assert zipfile.ZipFile(path).read("_oncall_agent.pth").decode().strip() == str(ROOT)
