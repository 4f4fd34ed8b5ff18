"""Which actions an analyst is told about: those that can become a proposal."""

from typing import Any, cast

import pytest

from bot.domain.policy import ApprovalPolicy
from bot.services.proposing import ProposingService
from bot.settings import ALL_ACTIONS, DEFAULT_ACTIONS, ApprovalSettings, KubernetesSettings
from integrations.kubernetes.actions.catalogue import KubernetesRemediator
from tests.integrations.kubernetes.actions.memory_cluster import MemoryCluster


@pytest.mark.parametrize(
    ("enabled", "destructive", "offered"),
    [
        (DEFAULT_ACTIONS, False, DEFAULT_ACTIONS),
        (ALL_ACTIONS, False, DEFAULT_ACTIONS),
        (ALL_ACTIONS, True, ALL_ACTIONS),
        (("scale",), False, ("scale",)),
    ],
)
def test_what_would_be_refused_is_not_offered(
    enabled: tuple[str, ...], destructive: bool, offered: tuple[str, ...]
) -> None:
    policy = ApprovalPolicy(
        approvers=frozenset(),
        enabled_actions=frozenset(enabled),
        execution_enabled=False,
        destructive_allowed=destructive,
    )
    remediator = KubernetesRemediator(MemoryCluster(), KubernetesSettings())
    unused = cast("Any", None)
    service = ProposingService(unused, unused, unused, remediator, policy, ApprovalSettings())
    assert tuple(spec.name for spec in service.offered()) == offered
