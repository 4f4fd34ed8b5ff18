"""`diagnose` and `snapshot` over files: forms, exit codes, scopes. UPDATE_GOLDEN=1 writes the golden files anew."""

import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from bot.commands import diagnose as module
from bot.commands.diagnose import diagnose, exit_code
from bot.commands.diagnosis_formats import render_json, render_markdown, render_sarif, render_text
from bot.commands.snapshot import snapshot
from bot.domain.alert import Severity
from bot.domain.finding import Abstention, Citation, Diagnosis, Finding, SourceStatus, SuggestedAction
from tests.integrations.kubernetes.builders import (
    NOW,
    NS,
    RUNNING,
    deployment,
    node,
    pod,
    replica_set,
    template,
)
from tests.integrations.kubernetes.files import layouts

GOLDEN = Path(__file__).parent / "golden"
SICK = Diagnosis(
    taken_at=NOW,
    healthy=False,
    findings=(
        Finding(
            key="crash.missing_env", entity="Deployment/shop/web", severity=Severity.CRITICAL, confidence=0.95,
            summary="It needs DB_HOST | and *says* so.", explains=("Service/shop/web",),
            evidence=(
                Citation(kind="log", entity="Pod/shop/web-1", pointer="main:current:2",
                         value="a `b` | \x1b[31mc\n</td>"),
                Citation(kind="object", entity="Pod/shop/web-1", pointer="/status/a~1b", value={"b": [1, None]}),
            ),
            actions=(SuggestedAction(action="set_env", target="Deployment/shop/web", params={"name": "DB_HOST"},
                                     risk="D", reason="Revision 2 had it."),),
        ),
        Finding(key="svc.not_ready", entity="Service/shop/web", root=False, severity=Severity.WARNING, confidence=0.5,
                summary="No pod is ready.", person_decides="Look at the pods."),
    ),
    abstentions=(Abstention(entity="StatefulSet/shop/db", reason="It is slow."),),
    sources=(SourceStatus(name="Pods", status="ok", detail="2"),
             SourceStatus(name="bad.json", status="error", detail="cut")),
)  # fmt: skip
MEANINGS = {"crash.missing_env": "A variable is missing.", "svc.not_ready": "Nobody is ready."}


def run(*arguments: str, stdin: bytes | None = None) -> tuple[int, str]:
    result = CliRunner().invoke(diagnose, list(arguments), input=stdin)
    return result.exit_code, result.output


@pytest.fixture
def sick(tmp_path: Path) -> str:
    return str(layouts.write_tar(tmp_path / "sick.tar.gz", layouts.must_gather(layouts.broken_shop())))


@pytest.fixture
def well(tmp_path: Path) -> str:
    owner = deployment(template(), ready=1, availableReplicas=1)
    current = replica_set(owner, template(), 1, ready=1)
    path = tmp_path / "well.json"
    path.write_text(layouts.kubectl_json([owner, current, pod(current, RUNNING, ready=True), node()]))
    return str(path)


@pytest.mark.parametrize(("name", "text"), [
    ("diagnosis.json", render_json(SICK)),
    ("diagnosis.md", render_markdown(SICK)), ("diagnosis.txt", render_text(SICK)),
    ("diagnosis.sarif", render_sarif(SICK, MEANINGS, "1.2.3")),
])  # fmt: skip
def test_forms_are_as_they_were(name: str, text: str) -> None:
    if os.environ.get("UPDATE_GOLDEN"):
        (GOLDEN / name).write_text(text + "\n")
    assert (GOLDEN / name).read_text() == text + "\n"
    assert "\x1b" not in text


def test_the_json_has_exactly_the_documented_keys(sick: str) -> None:
    code, text = run("--from", sick, "-o", "json")
    document = json.loads(text)
    assert code == 1
    assert list(document) == ["taken_at", "healthy", "findings", "abstentions", "sources"]
    for found in document["findings"]:
        assert list(found) == ["key", "entity", "root", "severity", "confidence", "summary", "evidence", "explains",
                               "actions"]  # fmt: skip
        assert all(list(item) == ["kind", "entity", "pointer", "value"] for item in found["evidence"])
    assert [found["root"] for found in document["findings"]] == [True, False]
    assert all(list(item) == ["name", "status", "detail"] for item in document["sources"])
    offered = json.loads(render_json(SICK))["findings"][0]["actions"]
    assert offered == [{"action": "set_env", "params": {"name": "DB_HOST"}, "risk": "D"}]
    assert run("--from", sick, "-o", "json")[1] == text


def test_sarif_holds_together(sick: str) -> None:
    code, text = run("--from", sick, "-o", "sarif")
    assert code == 1
    for document in (json.loads(text), json.loads((GOLDEN / "diagnosis.sarif").read_text())):
        assert document["version"] == "2.1.0"
        (done,) = document["runs"]
        check_run(done)


def check_run(done: dict[str, Any]) -> None:
    rules = done["tool"]["driver"]["rules"]
    assert done["tool"]["driver"]["name"] == "oncall-agent"
    assert isinstance(done["invocations"][0]["executionSuccessful"], bool)
    for result in done["results"]:
        assert result["message"]["text"]
        assert result["kind"] in {"fail", "review"}
        assert (result["level"] == "none") is (result["kind"] == "review")
        assert result["level"] in {"none", "note", "warning", "error"}
        if result["kind"] == "fail":
            assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
            assert 0 <= result["rank"] <= 100
        uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        assert not uri.startswith("/")
        assert " " not in uri
    ids = [place["id"] for result in done["results"] for place in result.get("relatedLocations", ())]
    assert all(number > 0 for number in ids)


def test_exit_codes(sick: str, well: str, tmp_path: Path) -> None:
    assert run("--from", well) == (0, "Nothing is wrong.\n")
    assert run("--from", sick)[0] == 1
    broken = tmp_path / "broken.json"
    broken.write_text("{")
    for arguments in (
        ("--from", str(tmp_path / "absent")), ("--from", str(broken)), ("--from", sick, "-n", "elsewhere"),
        ("--from", sick, "deployment/absent"), ("--from", sick, "nonsense"), ("--from", sick, "-n", NS, "-A"),
        ("--from", sick, "--at", "yesterday"), ("--at", "2026-05-04"), ("--from", "-", "--watch"),
    ):  # fmt: skip
        code, text = run(*arguments)
        assert code == 2, arguments
        assert text.strip()
        assert "Traceback" not in text


def test_quiet_files_of_which_the_pods_are_broken_are_not_called_healthy(tmp_path: Path) -> None:
    layouts.write_directory(tmp_path, {"pods.json": '{"kind": "PodList", "items": [', "nodes.json": json.dumps(node())})
    code, text = run("--from", str(tmp_path))
    assert code == 2
    assert "pods.json" in text


def test_exit_code_of_what_was_not_seen() -> None:
    assert exit_code(Diagnosis(taken_at=NOW, healthy=True)) == 0
    assert exit_code(Diagnosis(taken_at=NOW, healthy=False)) == 2
    assert exit_code(SICK) == 1


def test_a_defect_of_ours_does_not_look_like_findings(sick: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(module, "read_files", fail)
    code, text = run("--from", sick)
    assert code == 2
    assert "E-" in text


def test_one_object_and_one_namespace_of_files(sick: str) -> None:
    assert run("--from", sick, "deploy/web")[0] == 1
    assert run("--from", sick, "-n", NS, "svc/web")[0] == 1
    assert run("--from", sick, "node/node-1")[0] == 0
    elsewhere = deployment(template())
    elsewhere["metadata"]["namespace"] = "elsewhere"
    twice = layouts.kubectl_json([*layouts.broken_shop(), elsewhere]).encode()
    code, text = run("--from", "-", "deploy/web", stdin=twice)
    assert code == 2
    assert "elsewhere, shop" in text


def test_the_time_can_be_set(sick: str) -> None:
    _, text = run("--from", sick, "-o", "json", "--at", "2026-05-04T05:20:00+02:00")
    assert json.loads(text)["taken_at"] == "2026-05-04T03:20:00Z"


def test_watching_prints_changes_only(sick: str, well: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    watched = tmp_path / "watched"
    looks = [Path(sick), Path(sick), Path(well), None, Path(well)]

    def proceed(_: float) -> None:
        if not looks:
            raise KeyboardInterrupt
        watched.unlink(missing_ok=True)
        if (following := looks.pop(0)) is not None:
            watched.write_bytes(following.read_bytes())

    proceed(0)
    monkeypatch.setattr(module, "_SLEEP", proceed)
    code, text = run("--from", str(watched), "--watch")
    assert code == 0
    assert text.count("-- 2026-") == 3
    assert text.count("CRITICAL") == 1
    assert text.count("Nothing is wrong.") == 2
    assert text.count("does not exist") == 1


def test_a_snapshot_is_saved_and_read_again(sick: str, tmp_path: Path) -> None:
    for name in ("s.json", "s.json.gz"):
        path = tmp_path / name
        result = CliRunner().invoke(snapshot, ["--from", sick, "-o", str(path)])
        assert result.exit_code == 0, result.output
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert layouts.CANARY.encode() not in path.read_bytes()
        assert run("--from", str(path), "-o", "json") == run("--from", sick, "-o", "json")
    assert (tmp_path / "s.json.gz").read_bytes()[:2] == b"\x1f\x8b"
    for arguments in (["--from", str(tmp_path / "no"), "-o", str(tmp_path / "x")],
                      ["--from", sick, "-o", str(tmp_path / "no" / "x")], ["--from", sick]):  # fmt: skip
        result = CliRunner().invoke(snapshot, arguments)
        assert result.exit_code == 2
        assert "Traceback" not in result.output
