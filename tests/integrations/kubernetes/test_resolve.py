"""Which workload an alert means."""

from typing import Any

import pytest

from bot.domain.alert import AlertSource, Severity
from bot.domain.incident import Incident, IncidentStatus
from integrations.kubernetes.diagnosis.graph import Graph
from integrations.kubernetes.resolve import by_name, by_reference, clues_of, parse_mapping
from tests.integrations.kubernetes.builders import (
    NOW,
    NS,
    RUNNING,
    deployment,
    pod,
    replica_set,
    service,
    snapshot,
    template,
)


def incident(title: str = "Alert", **more: Any) -> Incident:
    return Incident(
        id="INC-1", dedup_key="k", source=AlertSource.TEST, title=title, severity=Severity.HIGH,
        status=IncidentStatus.TRIGGERED, opened_at=NOW, **more,
    )  # fmt: skip


def graph_of(*names: str) -> Graph:
    objects = []
    for name in names:
        owner = deployment(template(labels={"app": name}), name=name, ready=1)
        current = replica_set(owner, owner["spec"]["template"], 1, ready=1)
        objects += [owner, current, pod(current, RUNNING, ready=True), service(name, {"app": name})]
    return Graph(snapshot(*objects))


ALERTMANAGER = {"firing": "Labels:\n - alertname = KubePodCrashLooping\n - namespace = shop\n - pod = cart-r1-x1\n"}


@pytest.mark.parametrize(
    ("labels", "details", "name"),
    [
        ({"namespace": NS, "deployment": "cart"}, {}, "cart"),
        ({"namespace": NS, "pod": "cart-r1-x1"}, {}, "cart"),
        ({"namespace": NS, "pod": "cart-r1-gone99"}, {}, "cart"),
        ({"namespace": NS, "replicaset": "cart-r1"}, {}, "cart"),
        ({}, {"namespace": NS, "deployment": "cart"}, "cart"),
        ({}, {"custom_details": {"namespace": NS, "Deployment": "cart"}}, "cart"),
        ({}, ALERTMANAGER, "cart"),
        ({"deployment": "nowhere"}, {}, None),
    ],
)
def test_labels_that_name_an_object(labels: dict[str, str], details: dict[str, Any], name: str | None) -> None:
    clues = clues_of(incident(labels=labels, details=details))
    found = by_reference(graph_of("cart", "cart-worker", "billing"), clues, NS)
    assert (found.name if found else None) == name
    if details is ALERTMANAGER:
        assert clues.namespace == NS


@pytest.mark.parametrize(
    ("title", "service_name", "labels", "target"),
    [
        ("High error rate", "Payment Service", {}, "payment-service"),
        ("High error rate", "paymentService", {}, "payment-service"),
        ("High error rate", "payment", {}, "payment-service"),
        ("payment-service: no ready pods", None, {}, "payment-service"),
        ("Checkout is slow", "Billing API (production)", {}, "billing-api"),
        ("Alert", None, {"app.kubernetes.io/name": "billing-api"}, "billing-api"),
        ("Alert", None, {"container": "order-worker"}, "order-worker"),
    ],
)
def test_names_that_are_near_enough(title: str, service_name: str | None, labels: dict[str, str], target: str) -> None:
    graph = graph_of("payment-service", "billing-api", "order-worker", "frontend")
    resolution = by_name(graph, clues_of(incident(title, service=service_name, labels=labels)), [NS])
    assert resolution.target is not None, resolution
    assert (resolution.target.kind, resolution.target.name) == ("Deployment", target)


def test_two_equally_near_names_are_asked_about() -> None:
    graph = graph_of("order-api", "order-worker", "frontend")
    resolution = by_name(graph, clues_of(incident("Orders fail", service="order")), [NS])
    assert resolution.target is None
    assert [ref.name for ref in resolution.candidates] == ["order-api", "order-worker"]


def test_an_unknown_name_has_no_candidates() -> None:
    resolution = by_name(graph_of("order-api"), clues_of(incident("CDN latency", service="Edge Network")), [NS])
    assert (resolution.target, resolution.candidates) == (None, ())
    assert "Edge Network" in resolution.reason


def test_a_service_without_workload_is_the_object_itself() -> None:
    graph = Graph(snapshot(service("legacy-gateway", {"app": "gone"})))
    resolution = by_name(graph, clues_of(incident(service="Legacy Gateway")), [NS])
    assert resolution.target is not None
    assert str(resolution.target) == f"Service/{NS}/legacy-gateway"


def test_the_mapping_of_the_settings() -> None:
    mapping = {"Payment Service": "Deployment/shop/pay"}
    assert str(parse_mapping("payment-service", mapping)) == "Deployment/shop/pay"
    assert parse_mapping("other", mapping) is None
    assert parse_mapping(None, mapping) is None
    with pytest.raises(ValueError, match="Kind/name"):
        parse_mapping("a", {"a": "nonsense"})
    with pytest.raises(ValueError, match="not a kind"):
        parse_mapping("a", {"a": "Secret/shop/x"})


EXPORTER = {"pod": "kube-state-metrics-0", "instance": "10.0.0.7:8080", "namespace": NS}


def test_an_alert_that_clusters_ship_with_is_about_what_it_names_and_not_about_its_exporter() -> None:
    labels = {"alertname": "KubeDeploymentReplicasMismatch", "deployment": "cart", **EXPORTER}
    clues = clues_of(incident(labels=labels))
    assert clues.refs == (("Deployment", "cart"),)
    assert "probe" in clues.families
    found = by_reference(graph_of("cart", "kube-state-metrics"), clues, NS)
    assert found is not None
    assert found.name == "cart"


def test_an_alert_is_known_by_its_title_too() -> None:
    clues = clues_of(incident("[FIRING:1] KubeNodeNotReady", labels={"node": "worker-2", **EXPORTER}))
    assert str(clues.named) == "Node/worker-2"
    assert clues.families[0] == "node"
    unknown = clues_of(incident("[FIRING:1] CartIsSlow", labels={"node": "worker-2"}))
    assert (unknown.named, unknown.families) == (None, ())
