"""The Dockerfile's promises, as far as they can be checked without a Docker engine."""

import json
import re
import shlex
import subprocess
import sys
import sysconfig
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

from bot.settings import ApiSettings, DatabaseSettings
from tests.packaging.conftest import ROOT, run

DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
LINES = re.sub(r"\\\n", " ", DOCKERFILE).splitlines()
FINAL = LINES[max(number for number, line in enumerate(LINES) if line.startswith("FROM ")) :]


def instructions(name: str, lines: list[str] = FINAL) -> list[str]:
    return [line.strip().removeprefix(f"{name} ") for line in lines if line.strip().startswith(f"{name} ")]


def environment() -> dict[str, str]:
    return dict(pair.split("=", 1) for line in instructions("ENV") for pair in shlex.split(line))


def test_hadolint_is_content() -> None:
    hadolint = Path(sysconfig.get_path("scripts")) / "hadolint"
    checked = run(hadolint, "Dockerfile", folder=ROOT)
    assert checked.returncode == 0, checked.stdout


def test_it_runs_the_bot_as_a_numeric_user_without_a_shell() -> None:
    assert instructions("USER") == ["10001:10001"]
    assert json.loads(instructions("ENTRYPOINT")[0]) == ["oncall-agent"]
    assert json.loads(instructions("CMD")[-1]) == ["run"]


def test_its_settings_are_the_products_own() -> None:
    values = environment()
    assert DatabaseSettings(DATABASE_URL=values["DATABASE_URL"]).url == "sqlite:////data/oncall.sqlite"
    api = ApiSettings(API_HOST=values["API_HOST"], API_PORT=int(values["API_PORT"]))
    assert (api.host, api.port) == ("0.0.0.0", 8080)
    assert json.loads(instructions("VOLUME")[0]) == ["/data"]


def test_the_base_is_pinned_by_tag_and_dependencies_by_hash() -> None:
    (base,) = instructions("ARG", LINES[:4])
    assert re.fullmatch(r"PYTHON=3\.\d+-slim-\w+", base)
    assert {line.split()[0] for line in instructions("FROM", LINES)} == {"python:${PYTHON}"}
    installs = re.findall(r"pip [^&]*install [^&]*", " ".join(LINES))
    assert len(installs) == 3
    assert all("--require-hashes" in call or "--no-index" in call for call in installs)


def test_what_builds_the_wheel_is_what_the_tests_use() -> None:
    def pins(name: str) -> set[str]:
        return set(re.findall(r"^[a-z0-9.-]+==\S+", (ROOT / name).read_text(encoding="utf-8"), re.MULTILINE))

    assert any(pin.startswith("hatchling==") for pin in pins("requirements-build.lock"))
    assert pins("requirements-build.lock") <= pins("requirements-dev.lock")
    assert pins("requirements.lock") <= pins("requirements-dev.lock")


def test_everything_that_is_copied_reaches_the_builder() -> None:
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = {
        source for line in instructions("COPY", LINES) if not line.startswith("--from") for source in line.split()[:-1]
    }
    assert copied == allowed
    assert all((ROOT / source).exists() for source in copied)


@contextmanager
def answering(status: int) -> Iterator[int]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/healthz" else 404)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


def probe(port: int) -> int:
    text = " ".join(FINAL)
    call = json.loads(text[text.index("CMD [", text.index("HEALTHCHECK")) + 4 :].split("ENTRYPOINT")[0])
    assert call[0] == "python"
    done = subprocess.run(
        [sys.executable, *call[1:]], env={"API_PORT": str(port)}, capture_output=True, check=False, timeout=30
    )
    return done.returncode


def test_the_health_check_tells_well_from_ill() -> None:
    with answering(200) as port:
        assert probe(port) == 0
    assert probe(port) != 0
    with answering(503) as port:
        assert probe(port) != 0
