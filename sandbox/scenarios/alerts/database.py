"""Alerts about a managed database: the pool, the queries, the errors."""

import random
from typing import Final

from sandbox.scenarios.alerts.draft import AlertDraft, Build, link, pick_host

_QUERIES: Final = (
    "SELECT o.id, o.total FROM orders o WHERE lower(o.email) = $1 ORDER BY o.created_at DESC",
    "SELECT count(*) FROM order_lines l JOIN orders o ON o.id = l.order_id WHERE o.state = $1 AND l.sku LIKE $2",
    "UPDATE stock SET reserved = reserved + $1 WHERE sku = ANY($2)",
)
_ERRORS: Final = (
    "could not serialize access due to concurrent update",
    "deadlock detected",
    "canceling statement due to statement timeout",
)


def pool_exhausted(dice: random.Random) -> AlertDraft:
    host, limit, waiting = pick_host(dice, "orders-db"), dice.choice((100, 150, 200)), dice.randint(40, 180)
    return AlertDraft(
        summary=f"orders-database: connection pool exhausted ({limit}/{limit} in use, {waiting} waiting)",
        source=host,
        severity="critical",
        component="orders-database",
        event_class="database.pool_exhausted",
        group="database",
        details={
            "host": host,
            "database": "orders",
            "pool": "orders-api",
            "connections_in_use": limit,
            "connections_max": limit,
            "requests_waiting": waiting,
            "oldest_wait_seconds": round(dice.uniform(8, 30), 1),
            "idle_in_transaction": dice.randint(35, limit - 20),
            "longest_idle_in_transaction_seconds": dice.randint(600, 4_200),
            "application_of_idle_sessions": dice.choice(("orders-export", "orders-api", "backoffice")),
        },
        dedup_key=f"{host}/pool",
        links=link("databases/orders", "Database dashboard"),
    )


def slow_queries(dice: random.Random) -> AlertDraft:
    host, seconds = pick_host(dice, "orders-db"), round(dice.uniform(4.2, 18.0), 1)
    return AlertDraft(
        summary=f"orders-database: slow queries, p95 {seconds} s",
        source=host,
        severity="error",
        component="orders-database",
        event_class="database.slow_queries",
        group="database",
        details={
            "host": host,
            "database": "orders",
            "p95_seconds": seconds,
            "usual_p95_seconds": 0.3,
            "query": dice.choice(_QUERIES),
            "calls_last_5m": dice.randint(400, 2_600),
            "rows_read_per_call": dice.randint(900_000, 6_000_000),
            "rows_returned_per_call": dice.randint(1, 40),
            "plan": "Seq Scan",
            "cpu_percent": dice.randint(82, 99),
        },
        dedup_key=f"{host}/slow-queries",
        links=link("databases/orders/queries", "Slowest queries"),
    )


def error_rate(dice: random.Random) -> AlertDraft:
    host, rate = pick_host(dice, "orders-db"), round(dice.uniform(6, 24), 1)
    return AlertDraft(
        summary=f"orders-database: error rate {rate} % of transactions",
        source=host,
        severity="error",
        component="orders-database",
        event_class="database.error_rate",
        group="database",
        details={
            "host": host,
            "database": "orders",
            "error_rate_percent": rate,
            "usual_error_rate_percent": 0.1,
            "transactions_last_5m": dice.randint(20_000, 90_000),
            "most_frequent_error": dice.choice(_ERRORS),
            "replication_lag_seconds": round(dice.uniform(0.2, 6.0), 1),
            "last_migration": f"2026_{dice.randint(100, 420)}_add_order_flags",
            "minutes_since_migration": dice.randint(4, 50),
        },
        dedup_key=f"{host}/errors",
        links=link("databases/orders/errors", "Errors by type"),
    )


BUILDERS: dict[str, Build] = {
    "database-pool-exhausted": pool_exhausted,
    "database-slow-queries": slow_queries,
    "database-error-rate": error_rate,
}
