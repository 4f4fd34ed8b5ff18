"""Faults that show somewhere else than where they are."""

# ruff: noqa: E501 - a case is one row of a table; what a program says is not broken in two.

from typing import Any

from tests.evals.diagnosis.cases_around import THAT, ill, policy
from tests.evals.diagnosis.world import IT, OTHER, SUBJECT, Case, app, log, pods_in, says, variable
from tests.integrations.kubernetes.builders import (
    NS,
    RUNNING,
    Object,
    ago,
    config_map,
    crashed,
    deployment,
    event,
    meta,
    pod,
    service,
    template,
)


def cases() -> list[Case]:
    return [*_clients(), *_not_ready(), *_elsewhere()]


def _clients() -> list[Case]:
    dialled = app(OTHER)
    dialled[-1]["spec"]["clusterIP"] = "10.96.1.2"
    conf: Any = {"spec": {"volumes": [{"name": "c", "configMap": {"name": "edge"}}]},
                 "volumeMounts": [{"name": "c", "mountPath": "/etc/nginx/conf.d"}]}  # fmt: skip
    held = config_map("edge", **{"default.conf": "server { location / { proxy_pass http://medler; } }"})
    aside = service(OTHER, {"app": "medlr"}, targetPort=8080)
    return [
        Case("chain-printed-address", (*app(env=variable("PEER_ADDR", f"{OTHER}:3551")), *dialled), "config.bad_address", IT,
             logs=says("rpc error: code = Unavailable desc = dial tcp 10.96.1.2:3551: connect: connection refused")),
        Case("chain-proxy", (*app(state=crashed(), **conf), *app(OTHER), held), "config.bad_address", f"ConfigMap/{NS}/edge",
             logs=log('nginx: [emerg] host not found in upstream "medler" in /etc/nginx/conf.d/default.conf:1')),
        Case("chain-selector", (*app(state=crashed(), env=variable("PEER", f"{OTHER}:80")), *app(OTHER, front=False), aside),
             "svc.selector", f"Service/{NS}/{OTHER}", logs=log(f"dial tcp: connect: connection refused {OTHER}:80")),
        Case("chain-target-port", (*app(env=variable("PEER", f"http://{OTHER}:80")), *app(OTHER, front=False),
             service(OTHER, {"app": OTHER}, targetPort=9999)), "svc.port", f"Service/{NS}/{OTHER}",
             logs=says(f"GET http://{OTHER}:80/x failed: connect ECONNREFUSED {OTHER}:80")),
    ]  # fmt: skip


def _not_ready() -> list[Case]:
    probe: Any = {"readinessProbe": {"httpGet": {"port": 8080, "path": "/r"}}}
    waits = app(state=RUNNING, ready=False, env=variable("DB", f"postgres://{OTHER}:80/x"), **probe)
    said = event(pods_in(waits)[0], "Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 503")
    worker = app(state=RUNNING, ready=False, front=False)
    failing = event(pods_in(worker)[0], "Unhealthy", "Readiness probe failed: command failed")
    held = app(state={}, ready=False, spec={"initContainers": [
        {"name": "gate", "image": "x", "command": ["sh", "-c", f"until nc -z {OTHER} 80; do sleep 1; done"]}]})  # fmt: skip
    gate = {"name": "gate", "restartCount": 0, "state": {"running": {"startedAt": ago(4000)}}}
    pods_in(held)[0]["status"].update(phase="Pending", initContainerStatuses=[gate], containerStatuses=[])
    return [
        Case("chain-readiness", (*waits, said, *app(OTHER, crashed(137, "OOMKilled"), image="postgres:16")), "oom.container",
             THAT, logs=says(f"connection to server at {OTHER} port 80 failed: Connection refused")),
        Case("chain-readiness-wall", (*waits, said, *app(OTHER, image="postgres:16"), policy("Ingress", OTHER)), "netpol.deny",
             f"NetworkPolicy/{NS}/wall", logs=says(f"ERROR {OTHER}:80 connection timed out")),
        Case("chain-worker", (*worker, failing), "probe.readiness", IT, ("command failed",)),
        Case("chain-gate", (*held, *app(OTHER, crashed(137, "OOMKilled"))), "oom.container", THAT, never=("init.hung",)),
    ]  # fmt: skip


def _elsewhere() -> list[Case]:
    lost = app(state=RUNNING, ready=False)
    for item in pods_in(lost):
        item["metadata"]["deletionTimestamp"] = ago(3000)
    silent = ill("Unknown", "NodeStatusUnknown", "Kubelet stopped posting node status.")
    resolver = deployment(template(labels={"k8s-app": "kube-dns"}), name="coredns", replicas=0)
    front = service("kube-dns", {"k8s-app": "kube-dns"}, port=53)
    front["metadata"].update(namespace="kube-system", labels={"k8s-app": "kube-dns"})
    resolver["metadata"]["namespace"] = "kube-system"
    plan: Object = {"kind": "CronJob", "metadata": meta("rota"), "status": {"lastScheduleTime": ago(100)}}
    plan["spec"] = {"schedule": "*/5 * * * *", "jobTemplate": {"spec": {"template": template()}}}
    failed = {"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded"}
    run = {"kind": "Job", "metadata": meta("rota-1", owner=plan), "spec": {"template": template()},
           "status": {"failed": 3, "conditions": [failed]}}  # fmt: skip
    ended = {"state": {"terminated": {"exitCode": 1, "reason": "Error", "finishedAt": ago(100)}}}
    tried = pod(run, ended, phase="Failed")
    tried["spec"]["restartPolicy"] = "Never"
    return [
        Case("chain-lost-node", (silent, *lost), "node.kubelet_down", "Node/node-1", never=("terminating.stuck",)),
        Case("chain-no-resolver", (resolver, front, *app()), "workload.zero_replicas", "Deployment/kube-system/coredns",
             never=("dns.unavailable",), logs=says(f"lookup {OTHER}: no such host")),
        Case("chain-rota", (plan, run, tried), "crash.missing_env", f"CronJob/{NS}/rota",
             logs={("rota-1-x1", False): "KeyError: 'BUCKET_NAME'"}, never=("cron.failing",)),
        Case("chain-slow-start", tuple(_slow_start()), "crash.liveness_kill", f"Deployment/{NS}/{SUBJECT}", ("startup probe",)),
    ]  # fmt: skip


def _slow_start() -> list[Object]:
    objects = app(state=crashed(137, "Error"), startupProbe={"httpGet": {"port": 8080, "path": "/"}})
    return [*objects, event(pods_in(objects)[0], "Killing", "Container main failed startup probe, will be restarted")]
