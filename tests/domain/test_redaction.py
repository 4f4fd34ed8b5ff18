import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.redaction import MARKER, is_secret_name, looks_secret, redact, redact_json

CANARY = "c4n4ry-Hunter2"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJjNG40cnkifQ.c2lnbmF0dXJlLW9mLXRoZS10b2tlbg"


@pytest.mark.parametrize(
    "text",
    [
        f"password={CANARY} user=bob",
        f"DB_PASSWORD: {CANARY}",
        f'{{"apiKey": "{CANARY}", "n": 1}}',
        f'{{\\"password\\":\\"{CANARY}\\",\\"n\\":1}}',
        f'{{"name":"STRIPE_SECRET","value":"{CANARY}"}}',
        f"- name: DB_PASSWORD\n  value: {CANARY}",
        f"postgres://app:{CANARY}@db:5432/orders",
        f"mysql://app:a/{CANARY}@db/orders",
        f"redis://:{CANARY}@cache:6379",
        f"Authorization: Bearer {CANARY}",
        f"Authorization: Token token={CANARY}",
        f"curl -H 'Authorization: Basic {CANARY}'",
        f"--db-password {CANARY} --verbose",
        f"ALTER USER app WITH PASSWORD '{CANARY}'",
        f"Server=x;Password={CANARY};Database=y",
        f"Cookie: session={CANARY}; theme=dark",
        f"aws_secret_access_key = {CANARY}",
        f"-----BEGIN RSA PRIVATE KEY-----\n{CANARY}\n-----END RSA PRIVATE KEY-----",
        f"GET /x?token={CANARY}&page=2",
    ],
)
def test_planted_canaries_are_gone(text: str) -> None:
    cleaned = redact(text)
    assert CANARY not in cleaned
    assert MARKER in cleaned


@pytest.mark.parametrize(
    "secret",
    [
        "AKIAIOSFODNN7EXAMPLE",
        "ghp_" + "a1B2" * 9,
        "github_pat_" + "a1B2" * 9,
        "xoxb-123456789012-abcdefABCDEF",
        "xapp-1-A0123456789-abcdef0123",
        "sk-ant-api03-abcdefghijkl",
        "glpat-abcdefghij0123456789",
        "u+AbCdEfGhIjKlMnOpQr",
        JWT,
    ],
)
def test_tokens_are_known_by_their_prefix_anywhere(secret: str) -> None:
    assert secret not in redact(f"it used {secret} and failed")


@pytest.mark.parametrize(
    "line",
    [
        "2026-11-23T12:00:00.123Z INFO processed order 8f14e45f-ceea-467f-a1d2-0123456789ab in 12 ms status=200",
        "image shop/pay:v1.2.3@sha256:" + "0123456789abcdef" * 4,
        'MountVolume.SetUp failed for volume "creds": secret "payment-secrets" not found',
        "couldn't find key DB_PASSWORD in Secret shop/payment-secrets",
        "missing required environment variable: STRIPE_API_KEY",
        "KeyError: 'DB_PASSWORD'",
        "Unexpected token '<', \"<!DOCTYPE\" is not valid JSON",
        "basic authentication failed for user bob",
        "invalid token: signature mismatch",
        "open /var/run/secrets/kubernetes.io/serviceaccount/token: permission denied",
        "secretName: payment-secrets",
        "tokenExpirationSeconds: 3607",
        "max_tokens=300",
        "http://host:8080/@scope/package",
        "checkout-7d9c5b6f4-x2x4z restarted 5 times; uid 0b9c1d7e-1111-2222-3333-444455556666",
    ],
)
def test_ordinary_lines_stay_as_they_are(line: str) -> None:
    assert redact(line) == line


def test_what_is_around_a_secret_stays() -> None:
    assert redact("postgres://app:pw1@db:5432/x") == f"postgres://app:{MARKER}@db:5432/x"
    assert redact('{"password": "pw1", "host": "db"}') == f'{{"password": "{MARKER}", "host": "db"}}'


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.text(max_size=8),
            st.sampled_from(
                ["password", "token", "=", ":", " ", '"', "\\", "://", "@", "Bearer ", "[", MARKER, "--", "\n", ","]
            ),
        ),
        max_size=14,
    ).map("".join)
)
def test_redacting_twice_changes_nothing(text: str) -> None:
    once = redact(text)
    assert redact(once) == once


@given(st.from_regex(r"[A-Za-z0-9]{3}-[A-Za-z0-9]{6,20}", fullmatch=True))
def test_no_value_of_a_secrets_name_survives(value: str) -> None:
    assert value not in redact(f"user=bob password={value}, next")
    assert redact_json({"password": value})["password"] == MARKER


@pytest.mark.parametrize(
    "piece", ["password=", 'password="', "://:@", "eyJ", "key ", "-----BEGIN PRIVATE KEY-----", "a", "token: [,;"]
)
def test_time_is_linear_in_the_length(piece: str) -> None:
    def seconds(size: int) -> float:
        text = piece * (size // len(piece))
        best = float("inf")
        for _ in range(3):
            started = time.perf_counter()
            redact(text)
            best = min(best, time.perf_counter() - started)
        return best

    assert seconds(400_000) < 12 * seconds(100_000) + 0.05  # quadratic time would be 16 times as long


def test_json_keeps_everything_but_the_secrets() -> None:
    value: dict[str, Any] = {
        "password": "pw1",
        "retries": 3,
        "token": 7,
        "tls": True,
        "none": None,
        "env": [{"name": "DB_PASSWORD", "value": "pw1"}, {"name": "LOG_LEVEL", "value": "debug"}],
        "args": ["--api-token", "pw1", "--verbose"],
        "volumes": [{"secret": {"secretName": "payment-secrets"}}],
        "note": "url is redis://:pw1@cache",
    }
    cleaned = redact_json(value)
    assert "pw1" not in str(cleaned)
    assert cleaned["retries"] == 3
    assert cleaned["token"] == 7
    assert cleaned["tls"] is True
    assert cleaned["env"][1]["value"] == "debug"
    assert cleaned["volumes"] == value["volumes"]
    assert redact_json(cleaned) == cleaned


def test_a_kubernetes_secret_loses_all_its_values() -> None:
    secret = {"kind": "Secret", "data": {"a": "cHcx"}, "metadata": {"name": "s"}}
    assert redact_json(secret) == {"kind": "Secret", "data": {"a": MARKER}, "metadata": {"name": "s"}}


def test_names() -> None:
    for name in ("DB_PASSWORD", "apiKey", "x-auth-token", "client.secret", "AWS_SECRET_ACCESS_KEY"):
        assert is_secret_name(name), name
    for name in ("secretName", "tokens", "max_tokens", "public_key", "TOKEN_URL", "imagePullSecrets", "monkey"):
        assert not is_secret_name(name), name
    assert looks_secret("DATABASE_URL", "postgres://a:pw1@h/d")
    assert looks_secret("key", "AbCdEf0123456789xyzABCDE")
    assert not looks_secret("DATABASE_URL", "postgres://h/d")
    assert not looks_secret("DB_PASSWORD", "")
