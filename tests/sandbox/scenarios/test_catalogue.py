"""The catalogue, and what its builders say in each shape."""

import json
import random
import re
from ipaddress import ip_address, ip_network

import pytest

from sandbox.pagerduty.directory import DEFAULT_SERVICES
from sandbox.pagerduty.events_api import find_errors
from sandbox.scenarios.alerts import build_card, build_event, build_webhook, sign_body
from sandbox.scenarios.alerts.cluster import build_node_alerts
from sandbox.scenarios.catalogue import FAMILIES, SCENARIOS, find_scenarios
from tests.sandbox.pagerduty.conftest import is_signed

DOCUMENTATION = [ip_network(n) for n in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24")]


def test_every_scenario_that_was_promised_exists() -> None:
    assert set(SCENARIOS) == {
        "payment-service",
        "analytics-service",
        "memory-hog",
        "cpu-intensive",
        "broken-database",
        "frontend-app",
        "orphan-service",
        "healthy-app",
        "database-pool-exhausted",
        "database-slow-queries",
        "database-error-rate",
        "server-high-cpu",
        "server-memory-leak",
        "server-process-crash",
        "security-brute-force",
        "security-sql-injection",
        "security-suspicious-logins",
        "network-cdn-latency",
        "network-dns-failures",
        "network-packet-loss",
        "node-storm",
    }


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_scenario_is_told_in_three_shapes(name: str) -> None:
    scenario = SCENARIOS[name]
    assert scenario.service in DEFAULT_SERVICES
    draft = scenario.build(random.Random(7))
    event = build_event(draft, "0" * 32)
    assert find_errors(event) == []
    assert len(draft.details) >= 5
    assert re.search(r"\d", json.dumps(event["payload"]["custom_details"]))
    webhook = build_webhook(draft, scenario.service, seed=7)["event"]
    assert webhook["event_type"] == "incident.triggered"
    assert webhook["data"]["title"] == draft.summary
    assert webhook["data"]["service"]["summary"] == scenario.service
    card = build_card(draft, scenario.service, seed=7)
    assert card["text"].startswith("*Triggered* <https://acme.pagerduty.com/incidents/")
    assert webhook["data"]["id"] in card["text"]
    assert build_webhook(draft, scenario.service)["event"]["data"]["id"] != webhook["data"]["id"]


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_seed_repeats_and_another_one_varies(name: str) -> None:
    build = SCENARIOS[name].build
    assert build(random.Random(1)) == build(random.Random(1))
    assert len({json.dumps(dict(build(random.Random(n)).details)) for n in range(8)}) > 1


def test_every_address_is_from_a_documentation_network() -> None:
    seen = 0
    for scenario in SCENARIOS.values():
        for seed in range(20):
            text = json.dumps(build_event(scenario.build(random.Random(seed)), ""))
            for found in re.findall(r"\b\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}\b", text):
                assert any(ip_address(found) in network for network in DOCUMENTATION), found
                seen += 1
    assert seen > 100


def test_a_storm_is_one_node_and_mostly_repeats() -> None:
    alerts = build_node_alerts(random.Random(3), 60)
    assert len(alerts) == 60
    keys = {(service, draft.dedup_key) for service, draft in alerts}
    assert len(keys) == 5
    assert len({json.dumps(draft.details["node"]) for _, draft in alerts}) == 1
    assert len(build_node_alerts(random.Random(3), 2)) == 2


def test_scenarios_are_found_by_name_family_and_all() -> None:
    assert [s.name for s in find_scenarios("memory-hog")] == ["memory-hog"]
    assert {s.family for s in find_scenarios("security")} == {"security"}
    assert sum(len(find_scenarios(family)) for family in FAMILIES) == len(find_scenarios("all")) == len(SCENARIOS)
    with pytest.raises(KeyError, match="no scenario 'meteor'"):
        find_scenarios("meteor")


def test_a_webhook_is_signed_over_its_raw_bytes() -> None:
    raw, headers = sign_body({"event": {"title": "später"}}, "s3cret")
    assert is_signed(headers, raw, "s3cret")
    assert json.loads(raw) == {"event": {"title": "später"}}
    assert sign_body({}, "s3cret")[1]["X-Webhook-Id"] != headers["X-Webhook-Id"]
