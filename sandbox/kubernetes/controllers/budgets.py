"""Pod disruption budgets: their status, and whether an eviction may go ahead."""

import math

from sandbox.kubernetes.cluster import Cluster
from sandbox.kubernetes.errors import StatusError
from sandbox.kubernetes.objects import Obj, is_finished, is_ready
from sandbox.kubernetes.selectors import selector_matches


def check_eviction(cluster: Cluster, pod: Obj) -> None:
    """Raise StatusError 429 when a budget does not allow this pod to be evicted now."""
    if is_finished(pod) or not is_ready(pod):
        return
    for budget in cluster.store.list_of("PodDisruptionBudget", pod["metadata"]["namespace"]):
        if not selector_matches(budget["spec"].get("selector"), pod["metadata"].get("labels")):
            continue
        status = budget_status(cluster, budget)
        if status["disruptionsAllowed"] < 1:
            name = budget["metadata"]["name"]
            raise StatusError.blocked_by_budget(name, status["desiredHealthy"], status["currentHealthy"])


def budget_status(cluster: Cluster, budget: Obj) -> Obj:
    """Return the status of a budget as its controller writes it."""
    pods = [
        pod
        for pod in cluster.store.list_of("Pod", budget["metadata"]["namespace"])
        if selector_matches(budget["spec"].get("selector"), pod["metadata"].get("labels")) and not is_finished(pod)
    ]
    expected = len(pods)
    healthy = sum(is_ready(pod) and "deletionTimestamp" not in pod["metadata"] for pod in pods)
    spec = budget["spec"]
    if "maxUnavailable" in spec:
        desired = max(0, expected - _amount(spec["maxUnavailable"], expected))
    else:
        desired = _amount(spec.get("minAvailable", 1), expected)
    allowed = max(0, healthy - desired) if expected else 0
    return {
        "observedGeneration": budget["metadata"].get("generation", 1),
        "disruptionsAllowed": allowed,
        "currentHealthy": healthy,
        "desiredHealthy": desired,
        "expectedPods": expected,
    }


def _amount(value: object, of: int) -> int:
    if isinstance(value, str) and value.endswith("%"):
        return math.ceil(of * int(value[:-1]) / 100)
    return int(str(value))
