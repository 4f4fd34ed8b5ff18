"""What every remediator keeps to: the fake of the core's tests, and Kubernetes over a cluster in memory."""

from dataclasses import dataclass
from typing import Any

import pytest

from bot.domain.action import ActionRequest
from bot.domain.entity import ObjectRef
from bot.ports.remediation import Remediator
from bot.settings import KubernetesSettings
from integrations.kubernetes.actions.catalogue import KubernetesRemediator
from tests.fakes import FakeRemediator
from tests.integrations.kubernetes.actions.memory_cluster import MemoryCluster, config_map, deployment
from tests.integrations.kubernetes.actions.test_preview import replica_set


@dataclass
class Case:
    remediator: Remediator
    cluster: MemoryCluster | None = None


REQUEST = ActionRequest(
    action="rollback",
    target=ObjectRef(kind="Deployment", namespace="shop", name="web"),
    params={"to_revision": 1},
    reason="Revision 2 broke it.",
)


@pytest.fixture(params=["fake", "kubernetes"])
def case(request: pytest.FixtureRequest) -> Case:
    if request.param == "fake":
        return Case(FakeRemediator())
    cluster = MemoryCluster(deployment(), config_map())
    replica_set(cluster, 1)
    replica_set(cluster, 2, available=1, replicas=1)
    client: Any = cluster
    return Case(KubernetesRemediator(client, KubernetesSettings(K8S_ENABLE_DESTRUCTIVE_OPERATIONS=True)), cluster)


def test_being_listed_says_what_it_does(case: Case) -> None:
    specs = {spec.name: spec for spec in case.remediator.specs()}
    assert specs["rollback"].summary
    assert specs["rollback"].params_schema["type"] == "object"


async def test_a_valid_request_stays_what_it_is(case: Case) -> None:
    once = case.remediator.validate(REQUEST)
    assert case.remediator.validate(once) == once
    assert once.target == REQUEST.target


async def test_a_preview_changes_nothing_and_binds_the_object(case: Case) -> None:
    request = case.remediator.validate(REQUEST)
    first = await case.remediator.preview(request)
    again = await case.remediator.preview(request)
    assert first == again
    assert first.command.startswith("kubectl ")
    assert first.precondition["uid"]


async def test_the_same_action_takes_effect_once(case: Case) -> None:
    request = case.remediator.validate(REQUEST)
    preview = await case.remediator.preview(request)
    first = await case.remediator.apply(request, preview, "P-1")
    again = await case.remediator.apply(request, preview, "P-1")
    assert not first.already_done
    assert again.already_done
    assert first.undo is not None
    assert case.remediator.validate(first.undo).target == request.target
