"""A missing setting is recognised in the words of many languages, and what is set under nearly its name is offered."""

# ruff: noqa: E501 - what a program says is not broken in two.

from typing import Any

import pytest

from integrations.kubernetes.diagnosis.missing_settings import canonical, missing_beside, missing_setting
from tests.integrations.kubernetes.builders import NS, Object, config_map, container, crashed, template
from tests.integrations.kubernetes.diagnosis.checks import only_root
from tests.integrations.kubernetes.diagnosis.test_crash import failing

WEB = f"Deployment/{NS}/web"


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("java.lang.IllegalArgumentException: Could not resolve placeholder 'vat.url' in value \"${vat.url}\"", "vat.url"),
        ("System.InvalidOperationException: Connection string 'Ledger' not found.", "ConnectionStrings:Ledger"),
        ("fatal: missing required configuration key: provider.api-url (env QUOTES_PROVIDER_API_URL)", "QUOTES_PROVIDER_API_URL"),
        ("Error: missing field `database_url`", "database_url"),
        ("com.typesafe.config: No configuration setting found for key 'queue.name'", "queue.name"),
        ("The configuration property 'mail.host' is required but was not found", "mail.host"),
        ("Illuminate\\Encryption\\MissingAppKeyException", "APP_KEY"),
        ("ArgumentError: Missing `secret_key_base` for 'production' environment", "SECRET_KEY_BASE"),
        ("must set BROKER_URL", "BROKER_URL"),
        ("ready, 0 keys missing from cache", ""),
        ("cannot open config.yaml: no such file", ""),
        ("GET /settings/missing-page 404", ""),
    ],
)  # fmt: skip
def test_one_line_names_it(line: str, name: str) -> None:
    assert missing_setting(line) == name


@pytest.mark.parametrize(
    ("lines", "name"),
    [
        (["1 validation error for Settings", "score_limit", "  Field required [type=missing]"], "SCORE_LIMIT"),
        (["Missing environment variables:", "    DELIVERY_MS: how long"], "DELIVERY_MS"),
        (['"received": "undefined",', '"path": [', '  "PAY_TOKEN_URL"', "],", '"message": "Required"'], "PAY_TOKEN_URL"),
        (["{ code: 'invalid_type', path: ['PAY_URL'] }"], "PAY_URL"),
        (["points:", "    FIRST_PLACE: ann"], ""),
        (['"path": [', '  "NAME"', "],", '"message": "too long"'], ""),
    ],
)  # fmt: skip
def test_several_lines_name_it(lines: list[str], name: str) -> None:
    assert {missing_beside(lines, position) for position in range(len(lines))} - {""} == ({name} if name else set())


def test_names_of_one_setting_are_equal_in_any_spelling() -> None:
    assert len({canonical(name) for name in ("vat.service-url", "VAT_SERVICE_URL", "Vat:ServiceUrl")}) == 1


@pytest.mark.parametrize(
    ("env", "line", "action", "params"),
    [
        (
            [{"name": "DELIVERY_TIMEOUT", "value": "5"}],
            "DELIVERY_TIMEOUT_MS is not set",
            "set_env",
            {"container": "main", "name": "DELIVERY_TIMEOUT_MS", "value": "5"},
        ),
        (
            [{"name": "SHOP_QUEUE_NAEM", "value": "orders"}],
            "missing required setting 'queue.name'",
            "set_env",
            {"container": "main", "name": "SHOP_QUEUE_NAME", "value": "orders"},
        ),
        (
            [{"name": "ConnectionStrings__Legder", "value": "Host=db;Port=5432"}],
            "Connection string 'Ledger' not found",
            "set_env",
            {"container": "main", "name": "ConnectionStrings__Ledger", "value": "Host=db;Port=5432"},
        ),
    ],
)
def test_what_is_set_under_nearly_its_name_is_offered(
    env: list[Object], line: str, action: str, params: dict[str, Any]
) -> None:
    found = only_root(failing(line, crashed(), template(container(env=env))))
    assert (found.key, found.entity) == ("crash.missing_env", WEB)
    assert [(item.action, item.params) for item in found.actions] == [(action, params)]
    assert any(citation.value == env[0]["name"] for citation in found.evidence)


def test_a_misspelt_key_of_a_config_map_is_added_there() -> None:
    present = template(container(envFrom=[{"configMapRef": {"name": "web-env"}}]))
    found = only_root(failing("QUEUE_NAME is not set", crashed(), present, config_map("web-env", QUEUE_NAEM="orders")))
    assert [(item.action, item.target, item.params) for item in found.actions] == [
        ("patch_configmap", f"ConfigMap/{NS}/web-env", {"key": "QUEUE_NAME", "value": "orders"})
    ]


@pytest.mark.parametrize("name", ["QUEUE_URL_1", "REGION"])
def test_another_setting_is_not_taken_for_it(name: str) -> None:
    present = template(container(env=[{"name": name, "value": "x"}]))
    assert only_root(failing("QUEUE_URL_2 is not set", crashed(), present)).actions == ()


def test_a_key_that_the_container_has_under_its_variable_is_not_missing() -> None:
    present = template(container(env=[{"name": "VAT_SERVICE_URL", "value": "http://vat"}]))
    line = "Could not resolve placeholder 'vat.service.url'\nconnection refused: vat:80"
    assert only_root(failing(line, crashed(), present)).key == "crash.dependency_refused"
