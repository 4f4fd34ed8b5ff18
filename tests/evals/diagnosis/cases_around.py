"""Services, routes, names, policies, waits, sizes, schedules, nodes: what goes wrong around programs."""
# ruff: noqa: E501 - a case is one row of a table; what a program says is not broken in two.

from typing import Any

from tests.evals.diagnosis.world import IT, OTHER, SUBJECT, THIRD, Case, app, log, pods_in, says, variable
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
    node,
    pod,
    pod_metrics,
    replica_set,
    service,
    template,
    waiting,
)

THAT, THERE = f"Deployment/{NS}/{OTHER}", f"Service/{NS}/{SUBJECT}"


def cases() -> list[Case]:
    return [*_services(), *_routes(), *_talk(), *_names(), *_policies(), *_sizes(), *_batch(), *_nodes(), *_rest()]


def bare(**more: Any) -> list[Object]:
    return app(front=False, **more)


def _services() -> list[Case]:
    def behind(selector: Object | None = None, **entry: Any) -> Object:
        return service(SUBJECT, selector or {"app": SUBJECT}, **entry)

    named = bare(ports=[{"containerPort": 8080, "name": "http"}])
    asks: Object = {"readinessProbe": {"httpGet": {"port": 8081, "path": "/ok"}}}
    wrong, gone = app(state=RUNNING, ready=False, **asks), app(state=RUNNING, ready=False, readinessProbe={
        "httpGet": {"port": 8080, "path": "/readyz"}})  # fmt: skip
    return [
        Case("selector-value", (*bare(), behind({"app": "quinse"}, targetPort=8080)), "svc.selector", THERE,
             ("selector",), "patch_service"),
        Case("selector-extra", (*bare(), behind({"app": SUBJECT, "track": "stable"}, targetPort=8080)), "svc.selector",
             THERE, ("selector",), "patch_service"),
        Case("port-number", (*bare(), behind(targetPort=9090)), "svc.port", THERE, ("9090",), "patch_service"),
        Case("port-name", (*named, behind(targetPort="web")), "svc.port", THERE, ("web",), "patch_service"),
        Case("port-udp", (*bare(), behind(targetPort=8080, protocol="UDP")), "svc.protocol", THERE, action="patch_service"),
        Case("spoken-tls", (*named, behind(targetPort="http", appProtocol="https")), "svc.protocol", THERE, ("https",)),
        Case("spoken-grpc", (*named, behind(targetPort=8080, appProtocol="grpc")), "svc.protocol", THERE, ("grpc",)),
        Case("probe-port", (*wrong, event(pods_in(wrong)[0], "Unhealthy", "Readiness probe failed: connection refused")),
             "probe.readiness", IT, ("8081",)),
        Case("probe-path", (*gone, event(pods_in(gone)[0], "Unhealthy",
             "Readiness probe failed: HTTP probe failed with statuscode: 404")), "probe.readiness", IT, ("/readyz",)),
        Case("zero", _zero(), "workload.zero_replicas", IT, ("replicas",), "scale"),
    ]  # fmt: skip


def _zero() -> tuple[Object, ...]:
    pattern = template(labels={"app": SUBJECT})
    owner = deployment(pattern, name=SUBJECT, replicas=0)
    said = event(owner, "ScalingReplicaSet", "Scaled down replica set quince-r1 from 2 to 0", kind="Normal")
    return owner, replica_set(owner, pattern, 1, replicas=0), said, service(SUBJECT, {"app": SUBJECT})


def ingress(name: str, port: int, path: str = "/", **spec: Any) -> Object:
    backend = {"service": {"name": name, "port": {"number": port}}}
    rules = [{"http": {"paths": [{"path": path, "backend": backend}]}}]
    return {"kind": "Ingress", "metadata": meta("door"), "spec": {"rules": rules, **spec}}


def _routes() -> list[Case]:
    door, known = f"Ingress/{NS}/door", {"kind": "IngressClass", "metadata": {"name": "edge"}}
    hop = {"route": [{"destination": {"host": "quinces", "port": {"number": 80}}}]}
    mesh = {"kind": "VirtualService", "metadata": meta("lane"), "spec": {"hosts": ["x"], "http": [hop]}}
    path = {"kind": "HTTPRoute", "metadata": meta("lane"),
            "spec": {"rules": [{"backendRefs": [{"name": SUBJECT, "port": 81}]}]}}  # fmt: skip
    return [
        Case("ingress-name", (*app(), ingress("quincy", 80)), "ingress.backend", door, ("quincy",)),
        Case("ingress-port", (*app(), ingress(SUBJECT, 8088)), "ingress.port", door),
        Case("ingress-class", (*app(), ingress(SUBJECT, 80, ingressClassName="egde"), known), "ingress.class", door),
        Case("ingress-crossed", (*app(), *app(OTHER), ingress(OTHER, 80, "/quince")), "route.misdirected", door),
        Case("mesh-host", (*app(), mesh), "route.misdirected", f"VirtualService/{NS}/lane", ("quinces",)),
        Case("gateway-port", (*app(), path), "route.misdirected", f"HTTPRoute/{NS}/lane", ("81",)),
    ]


_HEARD = (
    ("pool", "sqlalchemy.exc.TimeoutError: QueuePool limit of size 5 overflow 10 reached", "db.connections_exhausted", THAT),
    ("clients", "FATAL: sorry, too many clients already", "db.connections_exhausted", THAT),
    ("mysql-full", "Error 1040: Too many connections", "db.connections_exhausted", THAT),
    ("standby", "ERROR: cannot execute UPDATE in a read-only transaction", "db.read_only", THAT),
    ("mysql-standby", "The MySQL server is running with the --read-only option so it cannot execute", "db.read_only", THAT),
    ("login", 'pq: password authentication failed for user "app"', "db.bad_credentials", IT),
    ("sasl", "org.postgresql: FATAL: SASL authentication failed", "db.bad_credentials", IT),
    ("expired", "x509: certificate has expired or is not yet valid: current time", "cert.expired", IT),
    ("forbidden", 'User "system:serviceaccount:shop:bot" cannot watch resource "nodes"', "rbac.forbidden", IT),
)  # fmt: skip


def _talk() -> list[Case]:
    store = app(OTHER, image="postgres:16", ports=[{"containerPort": 8080}])
    user = app(env=variable("DATABASE_URL", f"postgres://{OTHER}:80/main"))
    found = [
        Case(f"heard-{n}", (*user, *store), key, about, (line[:12],), logs=says(line)) for n, line, key, about in _HEARD
    ]
    front, chain = app(), (*app(), *app(OTHER), *app(THIRD))
    waits = says(f"GET http://{OTHER}:80/list: context deadline exceeded")
    deeper = says(f"call to {THIRD}:80 failed: java.net.SocketTimeoutException: Read timed out", OTHER)
    third = f"Deployment/{NS}/{THIRD}"
    odd: Any = {"env": variable("PEER", f"http://{OTHER}:8081")}
    typo: Any = {"env": variable("PEER_ADDR", "medler:80")}
    return [
        *found,
        Case("waits-chain", chain, "app.dependency_timeout", third, ("Read timed out",), logs={**waits, **deeper}),
        Case("waits-slow-end", chain, "app.dependency_timeout", third, ("slow query",),
             logs={**waits, **deeper, **says("slow query took 9120 ms", THIRD)}),
        Case("waits-on-a-limit", (*front, *app(OTHER, crashed(137, "OOMKilled"))), "oom.container", THAT, logs=waits),
        Case("waits-without-reason", (*app(), *app(OTHER)), "net.delay", THAT,
             logs={**waits, **says("GET /list 200 in 4 ms", OTHER)}),
        Case("breaks-without-reason", (*app(), *app(OTHER)), "net.loss", THAT,
             logs={**says(f"read tcp {OTHER}:80: connection reset by peer"), **says("GET /list 200 in 4 ms", OTHER)}),
        Case("address-typo", (*app(**typo), *app(OTHER)), "config.bad_address", IT, ("medler",), "set_env",
             logs=says("dial tcp: lookup medler: no such host")),
        Case("address-port", (*app(**odd), *app(OTHER)), "config.bad_address", IT, ("8081",), "set_env",
             logs=says(f"connect ECONNREFUSED {OTHER}:8081")),
        Case("address-crash", (*app(state=crashed(), **typo), *app(OTHER)), "config.bad_address", IT,
             never=("crash.dependency_refused",), logs=log("Error: getaddrinfo ENOTFOUND medler")),
        Case("address-in-a-map", (*app(envFrom=[{"configMapRef": {"name": "wires"}}]), *app(OTHER),
             config_map("wires", PEER_URL=f"http://{OTHER}:8000/v1")), "config.bad_address", f"ConfigMap/{NS}/wires",
             logs=says(f"Post http://{OTHER}:8000/v1: connection refused")),
        Case("address-of-a-database", (*app(env=variable("DB_HOST", OTHER) + variable("DB_PORT", "5433")), *store),
             "db.bad_port", IT, logs=says(f'connection to server at "{OTHER}", port 5433 failed: Connection refused')),
        Case("address-scheme", (*app(env=variable("PEER", f"https://{OTHER}:80")), *app(OTHER)), "config.bad_address", IT,
             logs=says(f"Get https://{OTHER}:80/: http: server gave HTTP response to HTTPS client")),
    ]  # fmt: skip


def _names() -> list[Case]:
    lost = says(f"dial tcp: lookup {OTHER} on 10.96.0.10:53: no such host")
    rule = ".:53 {\n  kubernetes cluster.local\n  template ANY ANY shop.svc.cluster.local {\n    rcode NXDOMAIN\n  }\n}"
    foreign = app(spec={"dnsPolicy": "None", "dnsConfig": {"nameservers": ["192.0.2.53"]}})
    return [
        Case("names-refused", (*app(), *app(OTHER), config_map("coredns", Corefile=rule)), "dns.corefile",
             f"ConfigMap/{NS}/coredns", ("NXDOMAIN",), logs=lost),
        Case("names-elsewhere", (*foreign, *app(OTHER)), "dns.policy", IT, ("None",), logs=lost),
        Case("names-forbidden", (*app(), *app(OTHER), policy("Egress", SUBJECT, egress=[{"ports": [{"port": 80}]}])),
             "netpol.deny", f"NetworkPolicy/{NS}/wall", logs=lost),
    ]  # fmt: skip


def policy(direction: str, name: str, **spec: Any) -> Object:
    select = {"matchLabels": {"app": name}}
    return {"kind": "NetworkPolicy", "metadata": meta("wall"),
            "spec": {"podSelector": select, "policyTypes": [direction], **spec}}  # fmt: skip


def _policies() -> list[Case]:
    late = says(f"Post http://{OTHER}:80/: dial tcp: i/o timeout")
    pair, wall = (*app(), *app(OTHER)), f"NetworkPolicy/{NS}/wall"
    only = [{"from": [{"podSelector": {"matchLabels": {"app": "aster"}}}]}]
    other_port = [{"ports": [{"port": 9090}]}]
    return [
        Case("wall-everything", (*pair, policy("Ingress", OTHER)), "netpol.deny", wall, ("podSelector",), logs=late),
        Case("wall-others", (*pair, policy("Ingress", OTHER, ingress=only)), "netpol.deny", wall, logs=late),
        Case("wall-port", (*pair, policy("Ingress", OTHER, ingress=other_port)), "netpol.deny", wall, logs=late),
        Case("wall-outward", (*pair, policy("Egress", SUBJECT, egress=[{"ports": [{"port": 53, "protocol": "UDP"}]}])),
             "netpol.deny", wall, logs=late),
    ]  # fmt: skip


def _sizes() -> list[Case]:
    hot = app(resources={"limits": {"cpu": "400m"}})
    busy = app()
    measured = {"kind": "NodeMetrics", "metadata": {"name": "node-1"}, "usage": {"cpu": "3950m"}}
    scale: Object = {"kind": "HorizontalPodAutoscaler", "metadata": meta(SUBJECT)}
    scale["spec"] = {"scaleTargetRef": {"kind": "Deployment", "name": SUBJECT}, "maxReplicas": 4}
    about = f"HorizontalPodAutoscaler/{NS}/{SUBJECT}"

    def scaler(kind: str, status: str, reason: str, message: str = "") -> Object:
        said = {"type": kind, "status": status, "reason": reason, "message": message, "lastTransitionTime": ago(900)}
        return {**scale, "status": {"currentReplicas": 4, "conditions": [said]}}

    astray = {**scale, "spec": {"scaleTargetRef": {"kind": "Deployment", "name": "quinze"}, "maxReplicas": 4}}
    quota: Object = {"kind": "ResourceQuota", "metadata": meta("cap")}
    quota["status"] = {"hard": {"persistentvolumeclaims": "4"}, "used": {"persistentvolumeclaims": "4"}}
    return [
        Case("cpu-limit", (*hot, pod_metrics(pods_in(hot)[0], "399m")), "cpu.throttled", IT, ("399m",), "set_resources"),
        Case("cpu-node", (*busy, pod_metrics(pods_in(busy)[0], "3800m"), measured), "cpu.overload", IT, ("3950m",)),
        Case("scaler-request", (*app(), scaler("ScalingActive", "False", "FailedGetResourceMetric",
             "missing request for cpu")), "hpa.broken", about, ("missing request",)),
        Case("scaler-metrics", (*app(), scaler("ScalingActive", "False", "FailedGetResourceMetric",
             "unable to get metrics for resource cpu: no metrics returned")), "hpa.broken", about),
        Case("scaler-target", (*app(), astray), "hpa.broken", about, ("quinze",)),
        Case("scaler-bound", (*app(), scaler("ScalingLimited", "True", "TooManyReplicas")), "hpa.maxed", about),
        Case("quota-of-claims", (*app(), quota), "quota.exceeded", f"ResourceQuota/{NS}/cap", ("persistentvolumeclaims",)),
    ]  # fmt: skip


def _batch() -> list[Case]:
    def run(name: str = "tally", owner: Object | None = None, age: float = 900, **said: Any) -> Object:
        conditions = [{"status": "True", **said}] if said else []
        return {"kind": "Job", "metadata": meta(name, owner=owner, creationTimestamp=ago(age)),
                "spec": {"template": template()}, "status": {"failed": 4, "conditions": conditions}}  # fmt: skip

    def plan(schedule: str = "*/5 * * * *", last: float = 60, **spec: Any) -> Object:
        whole = {"schedule": schedule, "jobTemplate": {"spec": {"template": template()}}, **spec}
        return {"kind": "CronJob", "metadata": meta("rota"), "spec": whole, "status": {"lastScheduleTime": ago(last)}}

    rota, tally = f"CronJob/{NS}/rota", f"Job/{NS}/tally"
    limit: Any = {"type": "Failed", "reason": "BackoffLimitExceeded", "message": "Job has reached its backoff limit"}
    late: Any = {"type": "Failed", "reason": "DeadlineExceeded", "message": "Job was active longer than its deadline"}
    done = pod(run(), {"state": {"terminated": {"exitCode": 0, "reason": "Completed", "finishedAt": ago(4000)}}})
    done["status"]["containerStatuses"].append({"name": "mesh", "restartCount": 0, **RUNNING})
    done["spec"]["restartPolicy"] = "Never"
    return [
        Case("job-limit", (run(**limit),), "job.failed", tally, ("BackoffLimitExceeded",)),
        Case("job-deadline", (run(**late),), "job.failed", tally, ("DeadlineExceeded",)),
        Case("job-companion", (run(), done), "job.never_completes", tally, ("mesh",)),
        Case("rota-fails", (plan(), run("r1", plan(), **limit)), "cron.failing", rota, ("BackoffLimitExceeded",)),
        Case("rota-paused", (plan(suspend=True, last=90000),), "cron.suspended", rota, ("suspend",)),
        Case("rota-late", (plan(last=5000),), "cron.missed", rota),
        Case("rota-held", (plan(last=5000, concurrencyPolicy="Forbid"), run("r1", plan(), 5000)), "cron.blocked", rota),
        Case("rota-unreadable", (plan(), event(plan(), "UnparseableSchedule", "unparseable schedule")), "cron.bad_schedule", rota),
    ]  # fmt: skip


def ill(status: str, reason: str, message: str, **spec: Any) -> Object:
    place = node("node-1", **spec)
    place["status"]["conditions"] = [{"type": "Ready", "status": status, "reason": reason, "message": message}]
    return place


def _nodes() -> list[Case]:
    down = app(state=RUNNING, ready=False)
    full = node("node-1")
    full["status"]["conditions"].append({"type": "DiskPressure", "status": "True", "message": "disk is full"})
    where = "Node/node-1"
    pattern = template(labels={"k8s-app": "kube-proxy"})
    proxies = {"kind": "DaemonSet", "metadata": meta("proxies"), "spec": {"template": pattern}, "status": {}}
    placed = []
    for number, ready in enumerate((False, True, True), start=1):
        made = pod(proxies, RUNNING, suffix=f"k{number}", ready=ready)
        placed.append({**made, "spec": {**made["spec"], "nodeName": f"node-{number}"}})
    made = pod(proxies, RUNNING, suffix="k0", ready=True)
    placed.append({**made, "spec": {**made["spec"], "nodeName": "node-0"}})
    return [
        Case("node-silent", (*down, ill("Unknown", "NodeStatusUnknown", "Kubelet stopped posting node status.")),
             "node.kubelet_down", where, ("Unknown",)),
        Case("node-runtime", (*down, ill("False", "KubeletNotReady", "container runtime is down")), "node.runtime_down", where),
        Case("node-pleg", (*down, ill("False", "KubeletNotReady", "PLEG is not healthy: pleg was last seen active 5m ago")),
             "node.runtime_down", where),
        Case("node-network", (*down, ill("False", "KubeletNotReady", "container runtime network not ready: NetworkReady=false "
             "reason:NetworkPluginNotReady message: cni plugin not initialized")), "sandbox.cni", where),
        Case("node-other", (*down, ill("False", "KubeletNotReady", "node is shutting down")), "node.not_ready", where),
        Case("node-disk", (full,), "node.pressure", where, ("DiskPressure",)),
        Case("node-proxy", (proxies, *placed), "node.kube_proxy_down", where),
    ]  # fmt: skip


def _rest() -> list[Case]:
    claim: Object = {"kind": "PersistentVolumeClaim", "metadata": meta("disk", deletionTimestamp=ago(9000),
                     finalizers=["example.com/keep"]), "status": {"phase": "Bound"}}  # fmt: skip
    gone = app(state={}, ready=False, status={"phase": "Failed", "reason": "Evicted", "containerStatuses": [],
               "startTime": ago(900), "message": "The node was low on resource: ephemeral-storage."}, front=False)  # fmt: skip
    budget: Object = {"kind": "PodDisruptionBudget", "metadata": meta("keep")}
    budget["spec"] = {"minAvailable": 1, "selector": {"matchLabels": {"app": SUBJECT}}}
    budget["status"] = {"disruptionsAllowed": 0, "expectedPods": 1, "currentHealthy": 1, "desiredHealthy": 1}
    agent = {"kind": "DaemonSet", "metadata": meta("agent"), "spec": {"template": template(labels={"app": "agent"})},
             "status": {"desiredNumberScheduled": 4, "currentNumberScheduled": 2, "numberReady": 2}}  # fmt: skip
    stuck = app(state={}, ready=False, spec={"initContainers": [{"name": "gate", "image": "x"}]})
    waits = {"name": "gate", "restartCount": 0, "state": {"running": {"startedAt": ago(4000)}}}
    pods_in(stuck)[0]["status"].update(phase="Pending", initContainerStatuses=[waits], containerStatuses=[])
    full: Any = {"spec": {"volumes": [{"name": "d", "persistentVolumeClaim": {"claimName": "disk"}}]},
            "volumeMounts": [{"name": "d", "mountPath": "/data"}]}  # fmt: skip
    late = app(state=waiting("ContainerCreating"), before={"args": ["x"]})
    late[0]["status"]["conditions"] = [{"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}]
    return [
        Case("claim-lingers", (claim,), "terminating.stuck", f"PersistentVolumeClaim/{NS}/disk", ("example.com/keep",)),
        Case("evicted", tuple(gone), "pod.evicted", IT, ("Evicted",), "delete_pod"),
        Case("drain-held", (*app(), budget, node("node-1", unschedulable=True)), "pdb.blocks",
             f"PodDisruptionBudget/{NS}/keep", ("disruptionsAllowed",)),
        Case("agents-missing", (agent,), "ds.not_scheduled", f"DaemonSet/{NS}/agent", ("desiredNumberScheduled",)),
        Case("gate-waits", tuple(stuck), "init.hung", IT, ("startedAt",)),
        Case("disk-full", tuple(app(**full)), "pvc.full", f"PersistentVolumeClaim/{NS}/disk", ("No space",),
             logs=says("ERROR: could not extend file: No space left on device")),
        Case("rollout-late", tuple(late), "rollout.deadline", IT, ("ProgressDeadlineExceeded",), "rollback"),
        Case("ordinal", _ordinal(), "crash.app_exception", f"StatefulSet/{NS}/{SUBJECT}", never=("sts.stuck",)),
    ]  # fmt: skip


def _ordinal() -> tuple[Object, ...]:
    pattern = template(labels={"app": SUBJECT})
    owner = {"kind": "StatefulSet", "metadata": meta(SUBJECT), "spec": {"replicas": 3, "template": pattern},
             "status": {"replicas": 2, "readyReplicas": 1}}  # fmt: skip
    return owner, pod(owner, RUNNING, suffix="0", ready=True), pod(owner, crashed(139), suffix="1")
