"""The sandbox's account against the roles that are shipped: what works here has to work there."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from sandbox.scenarios.permissions import NODE_RULES, READ_RULES, WRITE_RULES

SHIPPED = Path(__file__).parents[3] / "deploy" / "rbac"
READS = {"get", "list", "watch"}


def spread(rules: Iterable[dict[str, Any]]) -> set[tuple[str, str, str]]:
    return {
        (group, resource, verb)
        for rule in rules
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def read_shipped() -> set[tuple[str, str, str]]:
    """Return what the kustomization applies: the role for destructive actions is not part of it."""
    rules: list[dict[str, Any]] = []
    for name in yaml.safe_load((SHIPPED / "kustomization.yaml").read_text())["resources"]:
        for document in yaml.safe_load_all((SHIPPED / name).read_text()):
            rules += document.get("rules", [])
    return spread(rules)


def test_the_sandbox_grants_what_is_shipped() -> None:
    shipped = read_shipped()
    assert len(shipped) > 40
    assert shipped - spread((*READ_RULES, *WRITE_RULES, *NODE_RULES)) == set()


def test_the_read_role_only_reads_and_never_secrets() -> None:
    granted = spread(READ_RULES)
    assert {verb for _, _, verb in granted} == READS
    assert not {resource for _, resource, _ in granted if "secret" in resource or "*" in resource}


def test_only_jobs_and_evictions_can_be_created_and_only_jobs_and_pods_be_deleted() -> None:
    writes = spread((*WRITE_RULES, *NODE_RULES))
    assert {verb for _, _, verb in writes} == {"patch", "update", "create", "delete"}
    assert {resource for _, resource, verb in writes if verb == "create"} == {"jobs", "pods/eviction"}
    assert {resource for _, resource, verb in writes if verb == "delete"} == {"jobs", "pods"}
