"""Faults between services: addresses, protocols, names, policies, databases, waits, probes and routes."""

from typing import Any

import pytest

from tests.integrations.kubernetes.builders import (
    NS,
    RUNNING,
    Object,
    config_map,
    container,
    crashed,
    deployment,
    event,
    meta,
    pending,
    pod,
    replica_set,
    service,
    template,
)
from tests.integrations.kubernetes.diagnosis.checks import judge, only_root, roots


def app(name: str, *, ready: bool = True, image: str = "", state: Object | None = None, **spec: Any) -> list[Object]:
    """A Deployment of one pod that listens on 8080, with its Service on port 80."""
    first = container(image=image or f"registry.example/team/{name}:1", ports=[{"containerPort": 8080}], **spec)
    pattern = template(first, labels={"app": name})
    owner = deployment(pattern, name=name, ready=int(ready))
    current = replica_set(owner, pattern, 1, ready=int(ready))
    made = pod(current, state or RUNNING, ready=ready)
    return [owner, current, made, service(name, {"app": name}, targetPort=8080)]


def says(name: str, line: str, times: int = 3) -> dict[tuple[str, bool], str]:
    return {(f"{name}-r1-x1", False): "\n".join(["started"] * 5 + [line] * times)}


def env(name: str, value: str) -> list[Object]:
    return [{"name": name, "value": value}]


def caller(url: str) -> list[Object]:
    return [*app("front", env=env("STOCK_URL", url)), *app("stock")]


@pytest.mark.parametrize(
    ("url", "line", "key"),
    [
        ("http://stcok:80", "dial tcp: lookup stcok on 10.0.0.10:53: no such host", "config.bad_address"),
        ("http://stock:8081", "connect ECONNREFUSED stock:8081", "config.bad_address"),
        ("http://stock:80", "", None),
        ("http://stcok:80", "", None),
        ("https://api.example.com", "getaddrinfo ENOTFOUND api.example.com", None),
    ],
)
def test_addresses_that_nobody_serves(url: str, line: str, key: str | None) -> None:
    diagnosis = judge(*caller(url), logs=says("front", line or "GET / 200"))
    assert roots(diagnosis) == ([(key, f"Deployment/{NS}/front")] if key else [])
    if key:
        fixed = {"container": "main", "name": "STOCK_URL", "value": "http://stock:80"}
        assert fixed in [item.params for item in diagnosis.findings[0].actions]


def test_an_address_from_a_config_map_is_changed_there() -> None:
    objects = [*app("front", envFrom=[{"configMapRef": {"name": "settings"}}]), *app("stock")]
    told = config_map("settings", STOCK_ADDR="stock:9000")
    found = only_root(judge(*objects, told, logs=says("front", "connect: connection refused stock:9000")))
    assert (found.key, found.entity) == ("config.bad_address", f"ConfigMap/{NS}/settings")


def test_a_database_port_is_told_from_an_ordinary_one() -> None:
    objects = [*app("front", env=env("DB_HOST", "store") + env("DB_PORT", "5433")), *app("store", image="postgres:16")]
    line = 'connection to server at "store" (10.1.2.3), port 5433 failed: Connection refused'
    found = only_root(judge(*objects, logs=says("front", line)))
    assert (found.key, found.entity) == ("db.bad_port", f"Deployment/{NS}/front")


@pytest.mark.parametrize(
    ("line", "key", "about"),
    [
        ("FATAL: sorry, too many clients already (store)", "db.connections_exhausted", "store"),
        ("ERROR: cannot execute INSERT in a read-only transaction", "db.read_only", "store"),
        ('password authentication failed for user "web"', "db.bad_credentials", "front"),
        ("x509: certificate has expired or is not yet valid", "cert.expired", "front"),
        ('User "system:serviceaccount:shop:web" cannot list resource "pods"', "rbac.forbidden", "front"),
    ],
)
def test_what_running_programs_say(line: str, key: str, about: str) -> None:
    objects = [*app("front", env=env("DB_URL", "postgres://store:80/x")), *app("store", image="postgres:16")]
    assert roots(judge(*objects, logs=says("front", line))) == [(key, f"Deployment/{NS}/{about}")]
    assert judge(*objects, logs=says("front", line, times=1)).healthy
    assert judge(*objects, logs=says("front", f"2026-05-04T01:00:00Z {line}")).healthy


def test_those_who_wait_are_followed_to_the_one_that_is_ill() -> None:
    objects = [*app("front"), *app("orders"), *app("stock")]
    logs = {**says("front", "error calling http://orders:80/: request timed out"),
            **says("orders", "POST http://stock:80/ context deadline exceeded")}  # fmt: skip
    found = only_root(judge(*objects, logs=logs))
    assert (found.key, found.entity) == ("app.dependency_timeout", f"Deployment/{NS}/stock")
    assert f"Deployment/{NS}/front" in found.explains
    slow = only_root(judge(*objects, logs={**logs, **says("stock", "slow query: took 8123 ms")}))
    assert (slow.key, slow.confidence) == ("app.dependency_timeout", 0.8)
    well = only_root(judge(*objects, logs={**logs, **says("stock", "GET / 200 in 3 ms")}))
    assert (well.key, well.confidence) == ("net.delay", 0.5)
    sick = [*app("front"), *app("orders"), *app("stock", ready=False, state=crashed(137, "OOMKilled"))]
    assert only_root(judge(*sick, logs=logs)).key == "oom.container"


def policy(direction: str = "Ingress", /, **spec: Any) -> Object:
    return {"kind": "NetworkPolicy", "metadata": meta("guard"), "spec": {"policyTypes": [direction], **spec}}


@pytest.mark.parametrize(
    ("rule", "denies"),
    [
        (policy(podSelector={}), True),
        (policy(podSelector={}, ingress=[{}]), False),
        (policy(podSelector={"matchLabels": {"app": "stock"}},
                ingress=[{"from": [{"podSelector": {"matchLabels": {"app": "other"}}}]}]), True),
        (policy(podSelector={"matchLabels": {"app": "stock"}},
                ingress=[{"from": [{"podSelector": {"matchLabels": {"app": "front"}}}]}]), False),
        (policy(podSelector={}, ingress=[{"ports": [{"port": 9090}]}]), True),
        (policy(podSelector={}, ingress=[{"ports": [{"port": 8000, "endPort": 8999}]}]), False),
        (policy("Egress", podSelector={"matchLabels": {"app": "front"}}, egress=[{"ports": [{"port": 53}]}]), True),
    ],
)  # fmt: skip
def test_policies(rule: Object, denies: bool) -> None:
    said = says("front", "POST http://stock:80/ i/o timeout")
    diagnosis = judge(*caller("http://stock:80"), rule, logs=said)
    assert (("netpol.deny", f"NetworkPolicy/{NS}/guard") in roots(diagnosis)) == denies
    assert judge(*caller("http://stock:80"), rule, logs=says("front", "GET / 200")).healthy


def test_a_policy_answers_for_every_call_that_it_forbids() -> None:
    guard = policy(podSelector={"matchLabels": {"app": "stock"}})
    said = {**says("front", "POST http://stock:80/ i/o timeout"), **says("web", "POST http://stock:80/ i/o timeout")}
    found = only_root(judge(*app("front"), *app("web"), *app("stock"), guard, logs=said))
    assert "and 1 more call: no rule" in found.summary
    assert {f"Deployment/{NS}/front", f"Deployment/{NS}/web"} <= set(found.explains)


COREFILE = ".:53 {\n  kubernetes cluster.local\n  forward . /etc/resolv.conf\n%s}"
LOST = "lookup stock: no such host"


@pytest.mark.parametrize(
    ("rule", "ill"),
    [("  template ANY A stock.shop.svc.cluster.local {\n    rcode NXDOMAIN\n  }\n", True),
     ("  template IN AAAA . {\n    rcode NXDOMAIN\n  }\n", False), ("", False)],
)  # fmt: skip
def test_corefiles(rule: str, ill: bool) -> None:
    held = config_map("coredns", Corefile=COREFILE % rule)
    found = roots(judge(held, *app("front")))
    assert found == ([("dns.corefile", f"ConfigMap/{NS}/coredns")] if ill else [])


def test_names_that_cannot_be_resolved() -> None:
    outside = app("front")
    for item in outside[:2]:
        item["spec"]["template"]["spec"].update(dnsPolicy="None", dnsConfig={"nameservers": ["192.0.2.1"]})
    found = roots(judge(*outside, *app("stock"), logs=says("front", LOST)))
    assert found == [("dns.policy", f"Deployment/{NS}/front")]
    blind = policy("Egress", podSelector={"matchLabels": {"app": "front"}}, egress=[{"ports": [{"port": 80}]}])
    assert roots(judge(*app("front"), *app("stock"), blind, logs=says("front", LOST))) == [
        ("netpol.deny", f"NetworkPolicy/{NS}/guard")
    ]


@pytest.mark.parametrize(
    ("peer", "blind"),
    [
        ({"podSelector": {"matchLabels": {"app": "stock"}}}, True),
        ({"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}}}, False),
        ({"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "other"}}}, True),
        ({"ipBlock": {"cidr": "169.254.0.0/16"}}, False),
    ],
)
def test_a_rule_without_ports_covers_name_servers_only_where_it_reaches_them(peer: Object, blind: bool) -> None:
    rule = policy("Egress", podSelector={"matchLabels": {"app": "front"}}, egress=[{"to": [peer]}])
    servers = app("coredns")
    for item in servers:
        item["metadata"]["namespace"] = "kube-system"
        item["metadata"].setdefault("labels", {})["k8s-app"] = "kube-dns"
    said = says("front", "lookup stock on 10.0.0.10:53: i/o timeout")
    found = roots(judge(*app("front"), *app("stock"), *servers, rule, logs=said))
    assert (("netpol.deny", f"NetworkPolicy/{NS}/guard") in found) is blind


def test_protocols_that_contradict_each_other() -> None:
    first = container(ports=[{"containerPort": 8080, "name": "http"}])
    owner = deployment(template(first), ready=1)
    current = replica_set(owner, template(first), 1, ready=1)
    objects = [owner, current, pod(current, RUNNING, ready=True)]
    assert roots(judge(*objects, service(targetPort=8080, appProtocol="https"))) == [
        ("svc.protocol", f"Service/{NS}/web")
    ]
    assert judge(*objects, service(targetPort=8080, appProtocol="http")).healthy
    objects += [service(targetPort=8080), *app("front", env=env("WEB", "https://web:80"))]
    line = "Get https://web:80/: http: server gave HTTP response to HTTPS client"
    assert roots(judge(*objects, logs=says("front", line))) == [("config.bad_address", f"Deployment/{NS}/front")]


@pytest.mark.parametrize(
    ("probe", "message", "confidence"),
    [
        ({"httpGet": {"port": 9999, "path": "/"}}, "connect: connection refused", 0.9),
        ({"httpGet": {"port": 8080, "path": "/helthz"}}, "HTTP probe failed with statuscode: 404", 0.9),
        ({"httpGet": {"port": 8080, "path": "/"}}, "HTTP probe failed with statuscode: 503", 0.75),
    ],
)
def test_probes_that_are_wrong_are_told_from_programs_that_are(probe: Object, message: str, confidence: float) -> None:
    objects = app("web", ready=False, readinessProbe=probe)
    said = event(objects[2], "Unhealthy", f"Readiness probe failed: {message}")
    found = only_root(judge(*objects, said))
    assert (found.key, found.entity, found.confidence) == ("probe.readiness", f"Deployment/{NS}/web", confidence)


def test_a_liveness_probe_that_asks_the_wrong_port() -> None:
    objects = app("web", ready=False, state=crashed(137, "Error"), livenessProbe={"tcpSocket": {"port": 9999}})
    said = event(objects[2], "Unhealthy", "Liveness probe failed: dial tcp 10.0.0.1:9999: connect: connection refused")
    assert only_root(judge(*objects, said)).key == "probe.liveness"
    right = app("web", ready=False, state=crashed(137, "Error"), livenessProbe={"tcpSocket": {"port": 8080}})
    assert only_root(judge(*right, said)).key == "crash.liveness_kill"


def route(name: str, port: int) -> Object:
    rules = [{"backendRefs": [{"name": name, "port": port}]}]
    return {"kind": "HTTPRoute", "metadata": meta("front"), "spec": {"rules": rules}}


@pytest.mark.parametrize(
    ("path", "wrong"), [(route("web", 80), False), (route("wbe", 80), True), (route("web", 8), True)]
)
def test_routes_of_a_gateway(path: Object, wrong: bool) -> None:
    assert roots(judge(*app("web"), path)) == ([("route.misdirected", f"HTTPRoute/{NS}/front")] if wrong else [])


def test_a_path_that_leads_to_another_service_and_a_class_that_nobody_serves() -> None:
    backend = {"service": {"name": "stock", "port": {"number": 80}}}
    rules = [{"http": {"paths": [{"path": "/orders", "backend": backend}]}}]
    front: Object = {"kind": "Ingress", "metadata": meta("front"), "spec": {"rules": rules}}
    known: Object = {"kind": "IngressClass", "metadata": {"name": "nginx"}}
    assert roots(judge(*app("orders"), *app("stock"), front)) == [("route.misdirected", f"Ingress/{NS}/front")]
    assert judge(*app("stock"), front, known).healthy
    front["spec"]["ingressClassName"] = "ngnix"
    assert roots(judge(*app("stock"), front, known)) == [("ingress.class", f"Ingress/{NS}/front")]


def test_permissions_on_a_volume_a_full_disk_and_a_shared_port() -> None:
    mounted: Any = {"volumeMounts": [{"name": "d", "mountPath": "/var/lib/app"}]}
    objects = app("web", ready=False, state=crashed(), **mounted)
    for item in (objects[0], objects[1]):
        item["spec"]["template"]["spec"]["volumes"] = [{"name": "d", "persistentVolumeClaim": {"claimName": "disk"}}]
    objects[2]["spec"]["volumes"] = [{"name": "d", "persistentVolumeClaim": {"claimName": "disk"}}]

    def last(line: str) -> list[tuple[str, str]]:
        return roots(judge(*objects, logs={("web-r1-x1", True): f"starting\n{line}"}))

    assert last("open /var/lib/app/db: permission denied") == [("volume.permission", f"Deployment/{NS}/web")]
    assert last("open /etc/shadow: permission denied") == [("crash.permission", f"Deployment/{NS}/web")]
    assert last("write /var/lib/app/wal: no space left on device") == [("pvc.full", f"PersistentVolumeClaim/{NS}/disk")]


def test_a_preempted_pod_is_told_from_one_that_never_fitted() -> None:
    owner = deployment(template())
    current = replica_set(owner, template(), 1)
    waits = pending(current, "0/2 nodes are available: 2 Insufficient cpu.")
    gone = {"kind": "Pod", "metadata": {"name": "web-r1-old", "namespace": NS}}
    said = event(gone, "Preempted", "Preempted by pod 1234 on node node-1", age=120)
    assert only_root(judge(owner, current, waits, said)).key == "preempted"
    assert only_root(judge(owner, current, waits)).key == "sched.insufficient"
