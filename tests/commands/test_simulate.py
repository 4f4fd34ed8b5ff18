"""`oncall-agent simulate alert` against receivers on loopback."""

import json
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from click.testing import CliRunner, Result

from bot.commands.simulate import simulate
from bot.errors import InvalidInput, SettingsError
from sandbox.scenarios.catalogue import SCENARIOS, find_scenarios
from sandbox.scenarios.firing import Outcome, find_percentile, summarise
from tests.sandbox.pagerduty.conftest import is_signed

SECRET = "s3cret"


@dataclass
class Bot:
    """A bot as far as its webhook: it checks signatures and answers."""

    url: str = ""
    port: int = 0
    status: int = 202
    bodies: list[bytes] = field(default_factory=list)
    deliveries: set[str] = field(default_factory=set)

    @property
    def titles(self) -> list[str]:
        return [json.loads(body)["event"]["data"]["title"] for body in self.bodies]


@pytest.fixture
def bot() -> Iterator[Bot]:
    one = Bot()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            good = self.path == "/webhook/pagerduty" and is_signed(dict(self.headers), body, SECRET)
            one.bodies.append(body)
            one.deliveries.add(self.headers["X-Webhook-Id"])
            self.send_response(one.status if good else 401)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    one.port = server.server_address[1]
    one.url = f"http://127.0.0.1:{one.port}/webhook/pagerduty"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield one
    server.shutdown()
    server.server_close()
    thread.join()


def run(*arguments: str, environment: dict[str, str] | None = None) -> Result:
    return CliRunner().invoke(simulate, ["alert", *arguments], env=environment)


def test_a_batch_is_taken_and_measured(bot: Bot) -> None:
    result = run("--type", "database", "--batch", "7", "--url", bot.url, "--secret", SECRET)
    assert result.exit_code == 0, result.output
    assert len(bot.bodies) == len(bot.deliveries) == 7
    assert all(title.startswith("orders-database:") for title in bot.titles)
    for word in ("p50", "p95", "p99", "max", "a second"):
        assert word in result.output


def test_one_scenario_and_all_of_them(bot: Bot) -> None:
    assert run("--type", "memory-hog", "--url", bot.url, "--secret", SECRET).exit_code == 0
    assert bot.titles == ["memory-hog: container restarts keep rising"]
    assert run("--all", "--url", bot.url, "--secret", SECRET).exit_code == 0
    assert len(bot.bodies) == 1 + len(SCENARIOS)


def test_a_storm_is_about_one_node(bot: Bot) -> None:
    assert run("--type", "storm", "--batch", "20", "--url", bot.url, "--secret", SECRET).exit_code == 0
    nodes = {re.search(r"node-\d", title)[0] for title in bot.titles}  # type: ignore[index]
    assert len(nodes) == 1
    assert len(bot.titles) == 20
    assert len(set(bot.titles)) == 5


def test_settings_say_where_and_how_to_sign(bot: Bot) -> None:
    environment = {"API_HOST": "0.0.0.0", "API_PORT": str(bot.port), "PAGERDUTY_WEBHOOK_SECRET": SECRET}
    assert run("--type", "network", environment=environment).exit_code == 0
    assert len(bot.bodies) == 1


def test_a_url_without_a_path_means_the_webhook(bot: Bot) -> None:
    assert run("--url", f"http://127.0.0.1:{bot.port}", "--secret", SECRET).exit_code == 0


def test_a_refusal_is_exit_code_1(bot: Bot) -> None:
    result = run("--url", bot.url, "--secret", "wrong")
    assert result.exit_code == 1
    assert "HTTP 401" in result.output
    bot.status = 503
    assert run("--url", bot.url, "--secret", SECRET).exit_code == 1


def test_nobody_there_is_exit_code_1(bot: Bot) -> None:
    result = run("--url", "http://127.0.0.1:9/webhook/pagerduty", "--secret", SECRET)
    assert result.exit_code == 1
    assert "Not taken" in result.output


def test_stress_keeps_its_rate(bot: Bot) -> None:
    result = run("--type", "server", "--stress", "0.5", "--rate", "40", "--url", bot.url, "--secret", SECRET)
    assert result.exit_code == 0, result.output
    assert len(bot.bodies) == 20
    rate = float(next(line for line in result.output.splitlines() if "a second" in line).split()[3])
    assert 10 < rate < 45  # the lower bound leaves room for a busy machine


def test_stress_stays_on_this_machine() -> None:
    result = run("--stress", "1", "--url", "https://bot.acme.example/webhook/pagerduty", "--secret", SECRET)
    assert isinstance(result.exception, InvalidInput)
    assert "another one" in str(result.exception)


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["--type", "meteor", "--url", "http://127.0.0.1:1", "--secret", "x"], InvalidInput),
        (["--url", "bot.acme.example", "--secret", "x"], InvalidInput),
        (["--url", "http://127.0.0.1:1"], SettingsError),
        ([], SettingsError),
    ],
)
def test_a_bad_call_is_one_sentence(arguments: list[str], error: type[Exception]) -> None:
    result = run(*arguments, environment={"API_PORT": "0", "PAGERDUTY_WEBHOOK_SECRET": ""})
    assert isinstance(result.exception, error)


def test_the_scenarios_are_listed() -> None:
    result = run("--list")
    assert result.exit_code == 0
    assert all(scenario.name in result.output for scenario in find_scenarios("all"))


def test_figures_are_nearest_rank() -> None:
    outcomes = [Outcome(202, float(n)) for n in range(1, 101)] + [Outcome(500, 500.0), Outcome(None, 9_000.0, "away")]
    summary = summarise(outcomes, 10.0)
    assert (summary.count, summary.taken, summary.refused, summary.unanswered) == (102, 100, 1, 1)
    assert (summary.p50, summary.p95, summary.p99, summary.longest) == (51.0, 96.0, 100.0, 500.0)
    assert summary.rate == 10.2
    assert find_percentile([], 50) == 0.0


def test_help_loads_no_vendor_package() -> None:
    code = (
        "import sys; from bot.commands.simulate import simulate\n"
        "try: simulate(['alert', '--help'])\n"
        "except SystemExit: pass\n"
        "assert not {'aiohttp', 'rich', 'pydantic', 'sandbox'} & set(sys.modules), sorted(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
