"""What is written about the actions elsewhere agrees with the code: permissions and the reference page."""

from itertools import product
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.settings import ALL_ACTIONS, DESTRUCTIVE_ACTIONS, KubernetesSettings
from integrations.kubernetes.actions.catalogue import ACTIONS
from integrations.kubernetes.actions.reference import render
from integrations.kubernetes.kinds import KINDS

ROOT = Path(__file__).parents[4]
RBAC = ROOT / "deploy" / "rbac"
FILES = {"S": "actions-reversible.yaml", "D": "actions-disruptive.yaml", "X": "actions-destructive.yaml"}
LEFT_OUT = {"actions-destructive.yaml"}


def documents(name: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((RBAC / name).read_text()))


def permissions(name: str) -> set[str]:
    """What the ClusterRoles of a file allow, written as the actions' verbs are."""
    found: set[str] = set()
    for document in documents(name):
        for rule in document.get("rules") or []:
            for group, resource, verb in product(rule["apiGroups"], rule["resources"], rule["verbs"]):
                plain, slash, subresource = resource.partition("/")
                found.add(f"{verb} {plain}{'.' + group if group else ''}{slash}{subresource}")
    return found


def test_every_class_of_risk_has_a_role() -> None:
    assert {action.risk_class for action in ACTIONS} == set(FILES)


@pytest.mark.parametrize("risk", FILES)
def test_a_role_allows_exactly_what_its_actions_need(risk: str) -> None:
    needed = {verb for action in ACTIONS if action.risk_class == risk for verb in action.verbs}
    assert permissions(FILES[risk]) == needed


def test_the_reader_only_reads_and_no_secrets() -> None:
    allowed = permissions("reader.yaml")
    assert {entry.split()[0] for entry in allowed} == {"get", "list"}
    assert not any("secret" in entry for entry in allowed)
    assert not any("*" in entry for entry in allowed)


def test_the_reader_reads_every_kind_that_diagnosis_knows() -> None:
    allowed = permissions("reader.yaml")
    for kind in KINDS.values():
        assert f"list {kind.plural}{'.' + kind.group if kind.group else ''}" in allowed


def test_every_role_is_bound_to_the_service_account_and_part_of_the_kustomization() -> None:
    [kustomization] = documents("kustomization.yaml")
    assert {path.name for path in RBAC.iterdir()} - LEFT_OUT == {*kustomization["resources"], "kustomization.yaml"}
    account = {"kind": "ServiceAccount", "name": "oncall-agent", "namespace": "oncall-agent"}
    everything = [document for name in (*kustomization["resources"], *LEFT_OUT) for document in documents(name)]
    roles = {document["metadata"]["name"] for document in everything if document["kind"] == "ClusterRole"}
    bound = {
        document["roleRef"]["name"]
        for document in everything
        if document["kind"] == "ClusterRoleBinding" and document["subjects"] == [account]
    }
    assert bound == roles
    assert any(document["kind"] == "ServiceAccount" for document in everything)


def test_destructive_actions_are_armed_by_nobody_who_does_not_name_them() -> None:
    destructive = {action.name for action in ACTIONS if action.risk_class == "X"}
    assert destructive == set(DESTRUCTIVE_ACTIONS)
    assert set(KubernetesSettings().enabled_actions) == set(ALL_ACTIONS) - destructive


def test_the_page_of_actions_is_what_the_code_says() -> None:
    written = (ROOT / "docs" / "actions.md").read_text()
    assert written == render(), "run: python -m integrations.kubernetes.actions.reference > docs/actions.md"
