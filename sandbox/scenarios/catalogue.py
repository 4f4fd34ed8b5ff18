"""Everything that can be broken, with what a person reads before breaking it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, get_args

from sandbox.scenarios.alerts import Build, cluster, database, network, security, server

Family = Literal["kubernetes", "database", "server", "security", "network", "storm"]

FAMILIES: Final[tuple[str, ...]] = get_args(Family)


@dataclass(frozen=True, slots=True)
class Scenario:
    """One thing that can go wrong. `application` is the demo application that is broken in the cluster, if any."""

    name: str
    title: str
    family: Family
    description: str
    service: str
    build: Build
    application: str | None = None


_TEXTS: Final[Mapping[str, tuple[str, Family, str, str]]] = {
    # name: (title, family, PagerDuty service, description)
    "payment-service": ("Payments crash at start", "kubernetes", "payment-service",
                        "A configuration file disappears and the pods crash in a loop."),
    "analytics-service": ("A release that cannot be pulled", "kubernetes", "analytics-service",
                          "The new image tag does not exist, so the new pods never start."),
    "memory-hog": ("A container out of memory", "kubernetes", "memory-hog",
                   "The process needs more memory than its limit and is killed again and again."),
    "cpu-intensive": ("A service at its CPU limit", "kubernetes", "cpu-intensive",
                      "Everything looks healthy, and every request is slow."),
    "broken-database": ("A database without its password", "kubernetes", "broken-database",
                        "PostgreSQL refuses to start because a setting is missing."),
    "frontend-app": ("A shop scaled to nothing", "kubernetes", "frontend-app",
                     "Somebody scaled the web page to zero replicas."),
    "orphan-service": ("A Service that reaches nobody", "kubernetes", "orphan-service",
                       "The Service's selector matches no pod."),
    "healthy-app": ("A false alarm", "kubernetes", "healthy-app",
                    "One slow probe, and nothing wrong: the right answer is to say so."),
    "database-pool-exhausted": ("Connection pool exhausted", "database", "orders-database",
                                "Idle transactions hold every connection; requests wait."),
    "database-slow-queries": ("Slow queries", "database", "orders-database",
                              "One query reads millions of rows to return a few."),
    "database-error-rate": ("Database errors", "database", "orders-database",
                            "Transactions fail since the last migration."),
    "server-high-cpu": ("A server at 100 % CPU", "server", "web-fleet",
                        "One process keeps a virtual machine busy."),
    "server-memory-leak": ("A memory leak", "server", "web-fleet", "A process grows hour by hour."),
    "server-process-crash": ("A crashing process", "server", "web-fleet",
                             "A worker crashes again and again since its last release."),
    "security-brute-force": ("Passwords guessed by force", "security", "identity",
                             "Thousands of failed logins from a handful of addresses."),
    "security-sql-injection": ("SQL injection attempts", "security", "identity",
                               "Somebody sends SQL in request parameters."),
    "security-suspicious-logins": ("Impossible travel", "security", "identity",
                                   "One account, two continents, half an hour."),
    "network-cdn-latency": ("A slow CDN", "network", "edge-network",
                            "The edge stopped caching and asks the origin for everything."),
    "network-dns-failures": ("DNS failures", "network", "edge-network",
                             "One of two resolvers answers with failures."),
    "network-packet-loss": ("Packet loss", "network", "edge-network",
                            "A link between two regions loses packets."),
    "node-storm": ("A storm of alerts", "storm", "kubernetes-nodes",
                   "One dead node fires dozens of alerts within seconds, most of them repeats."),
}  # fmt: skip

_BUILDERS: Final[Mapping[str, Build]] = {
    **cluster.BUILDERS,
    **database.BUILDERS,
    **server.BUILDERS,
    **security.BUILDERS,
    **network.BUILDERS,
}

SCENARIOS: Final[Mapping[str, Scenario]] = {
    name: Scenario(
        name=name,
        title=title,
        family=family,
        description=description,
        service=service,
        build=_BUILDERS[name],
        application=name if family == "kubernetes" else None,
    )
    for name, (title, family, service, description) in _TEXTS.items()
}


def find_scenarios(wanted: str) -> list[Scenario]:
    """Return the scenario of this name, or all of a family, or all ("all"). Raise KeyError with what is known."""
    if wanted in SCENARIOS:
        return [SCENARIOS[wanted]]
    found = [scenario for scenario in SCENARIOS.values() if wanted in {"all", scenario.family}]
    if not found:
        raise KeyError(f"no scenario {wanted!r}; known: {', '.join(['all', *FAMILIES, *SCENARIOS])}")
    return found
