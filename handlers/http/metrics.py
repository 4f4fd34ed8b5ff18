"""What is counted, in a registry of its own so that two bots in one process do not meet."""

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest

CONTENT_TYPE = CONTENT_TYPE_LATEST


class Metrics:
    """Counters of the inbound side and gauges that are read when somebody asks."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.deliveries = Counter(
            "oncall_webhook_deliveries_total",
            "Webhook deliveries by source and outcome",
            ("source", "outcome"),
            registry=self.registry,
        )
        self.seconds = Histogram(
            "oncall_webhook_seconds",
            "Seconds from a request to its durable answer",
            ("source",),
            registry=self.registry,
            buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5),
        )
        self.backlog = Gauge(
            "oncall_inbox_backlog", "Deliveries that are durable but not yet correlated", registry=self.registry
        )
        self.open_incidents = Gauge("oncall_open_incidents", "Incidents that are not resolved", registry=self.registry)
        self.pending_proposals = Gauge(
            "oncall_pending_proposals", "Proposals that wait for a decision", registry=self.registry
        )
        self.proposals = Gauge(
            "oncall_proposals_7d", "Proposals of the last seven days by outcome", ("outcome",), registry=self.registry
        )

    def render(self) -> bytes:
        """Return the text that Prometheus reads."""
        return generate_latest(self.registry)
