"""What every namespace gets and keeps: a default service account, the CA bundle, quota and budget figures."""

from collections.abc import Iterable

from sandbox.kubernetes.admission import amount_text, used_amounts
from sandbox.kubernetes.cluster import Cluster
from sandbox.kubernetes.controllers.budgets import budget_status
from sandbox.kubernetes.controllers.runner import live
from sandbox.kubernetes.kinds import kind_named
from sandbox.kubernetes.objects import Obj
from sandbox.kubernetes.store import Change, Key


class NamespaceController:
    """Makes the `default` ServiceAccount of new namespaces."""

    kinds = frozenset({"Namespace"})

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster

    def keys(self, change: Change) -> Iterable[Key]:
        return [("", change.name)] if change.type == "ADDED" else []

    def reconcile(self, key: Key) -> float | None:
        name = key[1]
        if not live(self.cluster.store.get("Namespace", "", name)):
            return None
        if self.cluster.store.get("ServiceAccount", name, "default") is None:
            self.cluster.create(kind_named("ServiceAccount"), name, {"metadata": {"name": "default"}})
        return None


class QuotaController:
    """Writes status.hard and status.used of ResourceQuotas. Admission counts for itself and never waits for it."""

    kinds = frozenset(
        {"ResourceQuota", "Pod", "Service", "ConfigMap", "Secret", "PersistentVolumeClaim", "Deployment", "Job"}
    )

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster

    def keys(self, change: Change) -> Iterable[Key]:
        counted = change.type != "MODIFIED" or change.kind in ("ResourceQuota", "Pod", "PersistentVolumeClaim")
        if not counted:
            return []
        quotas = self.cluster.store.list_of("ResourceQuota", change.namespace)
        return [(change.namespace, quota["metadata"]["name"]) for quota in quotas]

    def reconcile(self, key: Key) -> float | None:
        quota = self.cluster.store.get("ResourceQuota", *key)
        if quota is None:
            return None
        hard = quota["spec"].get("hard") or {}
        used = used_amounts(self.cluster.store, key[0], set(hard))
        shown = {name: amount_text(name, used[name]) for name in hard}
        self.cluster.set_status("ResourceQuota", quota, {"hard": dict(hard), "used": shown})
        return None


class BudgetController:
    """Writes the status of PodDisruptionBudgets."""

    kinds = frozenset({"PodDisruptionBudget", "Pod"})

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster

    def keys(self, change: Change) -> Iterable[Key]:
        budgets = self.cluster.store.list_of("PodDisruptionBudget", change.namespace)
        return [(change.namespace, budget["metadata"]["name"]) for budget in budgets]

    def reconcile(self, key: Key) -> float | None:
        budget = self.cluster.store.get("PodDisruptionBudget", *key)
        if budget is None:
            return None
        status: Obj = budget_status(self.cluster, budget)
        enough = status["disruptionsAllowed"] > 0
        reason = "SufficientPods" if enough else "InsufficientPods"
        old = next(iter(budget.get("status", {}).get("conditions") or ()), None)
        if old is not None and old["reason"] == reason:
            status["conditions"] = [old]
        else:
            moment = budget["metadata"]["creationTimestamp"]
            status["conditions"] = [{"type": "DisruptionAllowed", "status": str(enough), "reason": reason,
                                     "message": "", "lastTransitionTime": moment}]  # fmt: skip
        self.cluster.set_status("PodDisruptionBudget", budget, status)
        return None
