"""Alerts from sign-in and the web application firewall."""

import random
from typing import Final

from sandbox.scenarios.alerts.draft import AlertDraft, Build, link, pick_address

_PARAMETERS: Final = (
    "q=%27%20UNION%20SELECT%20login%2C%20hash%20FROM%20accounts--",
    "id=17%20OR%201%3D1",
    "sort=name%3B%20DROP%20TABLE%20coupons--",
)
_CITIES: Final = (("Berlin", "Lima", 11_100), ("Lisbon", "Seoul", 10_500), ("Oslo", "Perth", 13_400))


def brute_force(dice: random.Random) -> AlertDraft:
    sources = sorted({pick_address(dice) for _ in range(dice.randint(2, 5))})
    attempts = dice.randint(400, 3_800)
    return AlertDraft(
        summary=f"identity: brute force, {attempts} failed logins in 10 min from {len(sources)} addresses",
        source="login.acme.example",
        severity="critical",
        component="identity",
        event_class="security.brute_force",
        group="security",
        details={
            "failed_logins_last_10m": attempts,
            "usual_failed_logins_last_10m": dice.randint(5, 20),
            "source_addresses": sources,
            "target_accounts": dice.randint(3, 60),
            "most_attacked_account": dice.choice(("billing@acme.example", "admin@acme.example")),
            "successful_logins_from_sources": dice.choice((0, 0, 1)),
            "user_agent": "python-requests/2.31",
            "second_factor_required": False,
        },
        dedup_key="identity/brute-force",
        links=link("identity/failed-logins", "Failed logins"),
    )


def sql_injection(dice: random.Random) -> AlertDraft:
    source, count = pick_address(dice), dice.randint(30, 400)
    return AlertDraft(
        summary=f"identity: SQL injection attempts from {source}, {count} in 5 min",
        source="shop.acme.example",
        severity="critical",
        component="identity",
        event_class="security.sql_injection",
        group="security",
        details={
            "source_address": source,
            "requests_last_5m": count,
            "blocked": count - dice.randint(0, 3),
            "path": dice.choice(("/api/search", "/api/products", "/account/orders")),
            "parameter_sample": dice.choice(_PARAMETERS),
            "rule": "sql-injection-942100",
            "http_statuses": {"403": count - 2, "500": 2},
            "database_errors_last_5m": dice.randint(0, 4),
        },
        dedup_key=f"waf/{source}",
        links=link("waf/rules/942100", "Firewall rule"),
    )


def suspicious_logins(dice: random.Random) -> AlertDraft:
    here, there, kilometres = dice.choice(_CITIES)
    minutes = dice.randint(12, 55)
    return AlertDraft(
        summary=f"identity: suspicious logins, impossible travel {here} to {there} in {minutes} min",
        source="login.acme.example",
        severity="error",
        component="identity",
        event_class="security.suspicious_logins",
        group="security",
        details={
            "account": dice.choice(("finance.lead@acme.example", "ops.admin@acme.example")),
            "first_login": {"city": here, "address": pick_address(dice)},
            "second_login": {"city": there, "address": pick_address(dice)},
            "distance_kilometres": kilometres,
            "minutes_between": minutes,
            "new_device": True,
            "second_factor": dice.choice(("push accepted", "not asked")),
            "sessions_open": dice.randint(1, 3),
            "roles": ["billing-admin"],
        },
        dedup_key="identity/impossible-travel",
        links=link("identity/sessions", "Open sessions"),
    )


BUILDERS: dict[str, Build] = {
    "security-brute-force": brute_force,
    "security-sql-injection": sql_injection,
    "security-suspicious-logins": suspicious_logins,
}
