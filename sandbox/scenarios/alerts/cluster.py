"""Alerts about workloads in the cluster. They name the workload and what was measured, never the cause."""

import random
from typing import Any

from sandbox.scenarios.alerts.draft import AlertDraft, Build, Severity, link

NAMESPACE = "demo"


def _workload(name: str, summary: str, severity: Severity, event_class: str, **details: Any) -> AlertDraft:
    return AlertDraft(
        summary=summary,
        source=f"{NAMESPACE}/{name}",
        severity=severity,
        component=name,
        event_class=event_class,
        details={"cluster": "sandbox", "namespace": NAMESPACE, "deployment": name, **details},
        dedup_key=f"{NAMESPACE}/{name}/{event_class}",
        links=link(f"workloads/{NAMESPACE}/{name}", "Workload dashboard"),
    )


def payment_service(dice: random.Random) -> AlertDraft:
    failed = dice.randint(180, 420)
    return _workload(
        "payment-service",
        "payment-service: no ready pods, card payments fail",
        "critical",
        "availability",
        failed_payments_last_5m=failed,
        error_rate_percent=100,
        ready_replicas=0,
    )


def analytics_service(dice: random.Random) -> AlertDraft:
    return _workload(
        "analytics-service",
        "analytics-service: rollout has not become available",
        "error",
        "rollout",
        minutes_since_rollout=dice.randint(6, 14),
        events_waiting=dice.randint(12_000, 60_000),
    )


def memory_hog(dice: random.Random) -> AlertDraft:
    return _workload(
        "memory-hog",
        "memory-hog: container restarts keep rising",
        "error",
        "restarts",
        restarts_last_10m=dice.randint(4, 9),
        jobs_waiting=dice.randint(20, 90),
    )


def cpu_intensive(dice: random.Random) -> AlertDraft:
    return _workload(
        "cpu-intensive",
        "cpu-intensive: rendering is slower than agreed",
        "warning",
        "latency",
        p95_seconds=round(dice.uniform(6.5, 11.5), 1),
        agreed_p95_seconds=2.0,
        queue_length=dice.randint(140, 400),
    )


def broken_database(dice: random.Random) -> AlertDraft:
    return _workload(
        "broken-database",
        "broken-database: nothing answers on port 5432",
        "critical",
        "availability",
        probe="tcp 5432",
        failed_probes=dice.randint(10, 40),
        dependants=["frontend-app", "payment-service"],
    )


def frontend_app(dice: random.Random) -> AlertDraft:
    return _workload(
        "frontend-app",
        "frontend-app: the shop answers 503",
        "critical",
        "availability",
        probe="https://shop.acme.example/",
        http_status=503,
        failed_probes=dice.randint(10, 40),
    )


def orphan_service(dice: random.Random) -> AlertDraft:
    return _workload(
        "orphan-service",
        "orphan-service: requests to the Service time out",
        "error",
        "availability",
        service="orphan-service",
        timeouts_last_5m=dice.randint(90, 300),
        callers=["frontend-app"],
    )


def healthy_app(dice: random.Random) -> AlertDraft:
    return _workload(
        "healthy-app",
        "healthy-app: one slow probe",
        "info",
        "latency",
        probe_milliseconds=dice.randint(820, 990),
        threshold_milliseconds=800,
        probes_over_threshold=1,
    )


def build_node_alerts(dice: random.Random, count: int) -> list[tuple[str, AlertDraft]]:
    """Return `count` (service, alert) pairs as one dead node sends them: a few signals, most of them repeated."""
    node = f"node-{dice.randint(1, 9)}"
    workloads = ("payment-service", "frontend-app", "healthy-app", "analytics-service")
    distinct: list[tuple[str, AlertDraft]] = [("kubernetes-nodes", build_dead_node(dice, node))]
    for name in workloads:
        draft = _workload(
            name,
            f"{name}: pods on {node} do not answer",
            "error",
            "node-lost",
            node=node,
            pods_lost=dice.randint(1, 4),
        )
        distinct.append((name, draft))
    repeats = [dice.choice(distinct) for _ in range(max(0, count - len(distinct)))]
    return [*distinct, *repeats][:count]


def build_dead_node(dice: random.Random, node: str = "node-3") -> AlertDraft:
    return AlertDraft(
        summary=f"{node} does not report any more",
        source=f"{node}.eu-central.acme.example",
        severity="critical",
        component=node,
        event_class="node-lost",
        group="kubernetes",
        details={
            "cluster": "sandbox",
            "node": node,
            "condition": "Ready=Unknown",
            "seconds_since_heartbeat": dice.randint(45, 110),
            "pods_on_node": dice.randint(18, 42),
        },
        dedup_key=f"node/{node}",
        links=link(f"nodes/{node}", "Node dashboard"),
    )


BUILDERS: dict[str, Build] = {
    "payment-service": payment_service,
    "analytics-service": analytics_service,
    "memory-hog": memory_hog,
    "cpu-intensive": cpu_intensive,
    "broken-database": broken_database,
    "frontend-app": frontend_app,
    "orphan-service": orphan_service,
    "healthy-app": healthy_app,
    "node-storm": build_dead_node,
}
