"""Clusters in which nothing is wrong, each with something that has fooled others."""
# ruff: noqa: E501 - a case is one row of a table; what a program says is not broken in two.

from typing import Any

from tests.evals.diagnosis.world import OTHER, SUBJECT, THIRD, Case, app, pods_in, says, variable
from tests.integrations.kubernetes.builders import (
    NS,
    RUNNING,
    Object,
    ago,
    config_map,
    container,
    deployment,
    event,
    meta,
    node,
    pending,
    pod,
    pod_metrics,
    service,
    template,
)

READY = {"type": "Ready", "status": "True"}


def cases() -> list[Case]:
    found = [
        *_events(), *_restarts(), *_batch(), *_claims(), *_services(), *_nodes(), *_rollouts(), *_logs(), *_bounds(),
        *_others(),
    ]  # fmt: skip
    return [Case(f"healthy-{name}", tuple(objects), logs=logs) for name, objects, logs in found]


Row = tuple[str, list[Object], dict[tuple[str, bool], str]]


def _events() -> list[Row]:
    """Loud events about objects that are well by now."""
    loud = (
        ("Unhealthy", "Liveness probe failed: context deadline exceeded"),
        ("BackOff", "Back-off restarting failed container main in pod"),
        ("FailedScheduling", "0/4 nodes are available: 4 node(s) had untolerated taint."),
        ("Failed", "Failed to pull image: code = NotFound desc = manifest unknown"),
        ("FailedAttachVolume", "Multi-Attach error for volume pv-1"),
        ("FailedCreatePodSandBox", "plugin type=cilium failed: no IP addresses available"),
        ("Killing", "Container main failed liveness probe, will be restarted"),
        ("Preempted", "Preempted by pod 7f on node node-2"),
    )
    found: list[Row] = []
    for reason, text in loud:
        objects = app()
        found.append((f"recent-{reason.lower()}", [*objects, event(pods_in(objects)[0], reason, text, age=120)], {}))
    satisfied = app(replicas=2)
    refused = event(satisfied[1], "FailedCreate", 'pods "q-" is forbidden: exceeded quota: all', age=300)
    return [*found, ("satisfied-set", [*satisfied, refused], {})]


def _restarts() -> list[Row]:
    once = {**RUNNING, "restartCount": 1}
    long_ago = {"exitCode": 1, "reason": "Error", "finishedAt": ago(500000)}
    killed = {"exitCode": 137, "reason": "OOMKilled", "finishedAt": ago(500000)}
    upgrade = {"exitCode": 255, "reason": "Unknown", "finishedAt": ago(5000)}
    return [
        ("one-restart", app(state={**once, "lastState": {"terminated": long_ago}}, ready=True), {}),
        ("many-restarts-long-ago", app(state={**once, "restartCount": 41, "lastState": {"terminated": long_ago}},
                                       ready=True), {}),
        ("memory-kill-long-ago", app(state={**once, "lastState": {"terminated": killed}}, ready=True), {}),
        ("node-was-upgraded", app(state={**once, "lastState": {"terminated": upgrade}}, ready=True), {}),
    ]  # fmt: skip


def _plan(**spec: Any) -> Object:
    whole = {"schedule": "0 2 * * *", "jobTemplate": {"spec": {"template": template()}}, **spec}
    return {"kind": "CronJob", "metadata": meta("rota"), "spec": whole, "status": {"lastScheduleTime": ago(4000)}}


def _run(name: str, owner: Object | None = None, age: float = 900, **said: Any) -> Object:
    conditions = [{"status": "True", **said}] if said else []
    return {"kind": "Job", "metadata": meta(name, owner=owner, creationTimestamp=ago(age)),
            "spec": {"template": template()}, "status": {"conditions": conditions}}  # fmt: skip


def _batch() -> list[Row]:
    failed: Any = {"type": "Failed", "reason": "BackoffLimitExceeded"}
    done: Any = {"type": "Complete"}
    tried = _run("tally", **done)
    lost = {"state": {"terminated": {"exitCode": 1, "reason": "Error", "finishedAt": ago(800)}}}
    won = {"state": {"terminated": {"exitCode": 0, "reason": "Completed", "finishedAt": ago(700)}}}
    attempts = [pod(tried, lost, suffix="a", phase="Failed"), pod(tried, won, suffix="b", phase="Succeeded")]
    plan, working = _plan(), _run("tally")
    return [
        ("job-done-at-the-second-try", [tried, *attempts], {}),
        ("job-at-work", [working, pod(working, RUNNING, ready=True)], {}),
        ("plan-suspended", [_plan(suspend=True)], {}),
        ("plan-of-the-year", [_plan(schedule="0 0 1 1 *")], {}),
        ("plan-recovered", [plan, _run("r1", plan, 90000, **failed), _run("r2", plan, 900, **done)], {}),
    ]


def _claims() -> list[Row]:
    claim: Object = {"kind": "PersistentVolumeClaim", "metadata": meta("disk"), "status": {"phase": "Pending"},
                     "spec": {"accessModes": ["ReadWriteOnce"], "storageClassName": "late"}}  # fmt: skip
    late = {"kind": "StorageClass", "metadata": {"name": "late"}, "provisioner": "csi.example",
            "volumeBindingMode": "WaitForFirstConsumer"}  # fmt: skip
    bound = {**claim, "status": {"phase": "Bound"}}
    old = event(bound, "ProvisioningFailed", 'storageclass.storage.k8s.io "late" not found', age=300)
    leaving = {
        **bound,
        "metadata": meta("disk", deletionTimestamp=ago(30), finalizers=["kubernetes.io/pvc-protection"]),
    }
    return [
        ("claim-awaits-a-consumer", [claim, late], {}),
        ("claim-was-slow", [bound, old], {}),
        ("claim-is-leaving", [leaving], {}),
        ("small-claim", [{**bound, "spec": {"resources": {"requests": {"storage": "1Mi"}}}}], {}),
    ]


def _services() -> list[Row]:
    outside = service("ledger", {})
    alias = service("mail")
    alias["spec"] = {"type": "ExternalName", "externalName": "smtp.example.com"}
    blue, green = app(SUBJECT, front=False), app(OTHER, front=False)
    blue[0]["spec"]["replicas"] = 0
    blue = blue[:1]
    undeclared = app(ports=[])
    headless = service(SUBJECT, {"app": SUBJECT}, port=9092)
    headless["spec"]["clusterIP"] = "None"
    shared = service(SUBJECT, {"app": OTHER}, targetPort=8080)
    return [
        ("service-without-selector", [outside], {}),
        ("service-with-another-name", [alias], {}),
        ("blue-and-green", [*blue, *green, shared], {}),
        ("undeclared-port", undeclared, {}),
        ("headless", [*app(front=False), headless], {}),
        ("unrelated-selector", [service("later", {"app": "to-be-deployed-next-week"})], {}),
    ]


def _nodes() -> list[Row]:
    away = node("node-7", unschedulable=True)
    off = node("node-8", unschedulable=True)
    off["status"]["conditions"] = [{"type": "Ready", "status": "Unknown", "message": "Kubelet stopped posting."}]
    calm = node("node-9")
    calm["status"]["conditions"] += [
        {"type": "MemoryPressure", "status": "False"},
        {"type": "DiskPressure", "status": "False"},
    ]
    starved = event(calm, "SystemOOM", "System OOM encountered", age=50000)
    return [
        ("drained-node", [away, *app()], {}),
        ("switched-off-node", [off, *app()], {}),
        ("node-starved-long-ago", [calm, starved], {}),
        (
            "capacity-noise",
            [calm, event(calm, "InvalidDiskCapacity", "invalid capacity 0 on image filesystem", age=60)],
            {},
        ),
    ]


def _rollouts() -> list[Row]:
    paused = app()
    paused[0]["spec"]["paused"] = True
    young = pending(app()[1], "")
    young["metadata"]["creationTimestamp"] = ago(5)
    young["status"]["conditions"] = []
    history = app(before={"image": "registry.example/team/quince:0.1"}, replicas=2)
    empty = deployment(template(labels={"app": THIRD}), name=THIRD, replicas=0)
    fresh = app(state={"state": {"waiting": {"reason": "ContainerCreating"}}}, status={"phase": "Pending"})
    for item in fresh:
        item["metadata"]["creationTimestamp"] = ago(8)
    return [
        ("paused-rollout", paused, {}),
        ("just-created", [*app(), young], {}),
        ("old-revisions", history, {}),
        ("nobody-needs-it", [empty], {}),
        ("still-starting", fresh, {}),
    ]


def _logs() -> list[Row]:
    """Words that sound like trouble in programs that are well."""
    lines = (
        "ERROR handled: user 17 not found, answered 404",
        "INFO request timeout configured: 30 s",
        "DEBUG upstream timed out, retry 1 of 3 succeeded",
        "WARN login failed: invalid credentials for user bob",
        "INFO circuit breaker: timeout expired, half-open; calls to medlar succeeded",
        '{"level":"info","max_connections":"100","msg":"too many connections are not expected"}',
        "WARN deprecated option, exception handling will change",
        "2026-05-03T01:00:00Z ERROR dial tcp: connect: connection refused medlar:80",
    )
    found: list[Row] = [(f"words-{n}", [*app(), *app(OTHER)], dict(says(line))) for n, line in enumerate(lines)]
    recovered = "\n".join(["connect ECONNREFUSED medlar:80"] * 3 + ["connected"] * 30)
    return [*found, ("words-recovered", [*app(), *app(OTHER)], {(f"{SUBJECT}-r1-p0", False): recovered})]


def _bounds() -> list[Row]:
    idle = app(resources={"limits": {"cpu": "1"}})
    quota: Object = {"kind": "ResourceQuota", "metadata": meta("cap")}
    quota["status"] = {
        "hard": {"services.loadbalancers": "0", "pods": "9"},
        "used": {"services.loadbalancers": "0", "pods": "9"},
    }
    scale: Object = {"kind": "HorizontalPodAutoscaler", "metadata": meta(SUBJECT)}
    scale["spec"] = {"scaleTargetRef": {"kind": "Deployment", "name": SUBJECT}, "maxReplicas": 4}
    fewest = {"type": "ScalingLimited", "status": "True", "reason": "TooFewReplicas"}
    scale["status"] = {"currentReplicas": 1, "conditions": [fewest]}
    budget: Object = {"kind": "PodDisruptionBudget", "metadata": meta("keep")}
    budget["spec"] = {"maxUnavailable": 0, "selector": {"matchLabels": {"app": SUBJECT}}}
    budget["status"] = {"disruptionsAllowed": 0, "expectedPods": 1, "currentHealthy": 1, "desiredHealthy": 1}
    return [
        ("idle-metrics", [*idle, pod_metrics(pods_in(idle)[0], "12m")], {}),
        ("quota-of-nothing", [*app(), quota], {}),
        ("scaler-at-its-least", [*app(), scale], {}),
        ("budget-without-a-drain", [*app(), budget], {}),
    ]


def _others() -> list[Row]:
    allow = {"kind": "NetworkPolicy", "metadata": meta("wall"),
             "spec": {"podSelector": {}, "policyTypes": ["Ingress"], "ingress": [{"from": [{"podSelector": {}}]}]}}  # fmt: skip
    peers = [*app(env=variable("PEER", f"http://{OTHER}:80")), *app(OTHER)]
    corefile = (
        ".:53 {\n  kubernetes cluster.local\n  template IN AAAA . {\n    rcode NOERROR\n  }\n  forward . 1.1.1.1\n}"
    )
    backend = {"service": {"name": SUBJECT, "port": {"number": 80}}}
    door = {"kind": "Ingress", "metadata": meta("door"),
            "spec": {"rules": [{"http": {"paths": [{"path": "/quince", "backend": backend}]}}]}}  # fmt: skip
    sidecar = container("mesh", restartPolicy="Always")
    meshed = app(spec={"initContainers": [sidecar]})
    started = {"name": "mesh", "restartCount": 0, "state": {"running": {"startedAt": ago(6000)}}}
    pods_in(meshed)[0]["status"]["initContainerStatuses"] = [started]
    crowd = [item for number in range(40) for item in app(f"unit-{number:02}", replicas=3)]
    tenants = [{**item, "metadata": {**item["metadata"], "namespace": "else"}} for item in app(THIRD)]
    return [
        ("policy-that-allows", [*peers, allow], {}),
        ("resolver-habits", [config_map("coredns", Corefile=corefile)], {}),
        ("ingress", [*app(), door], {}),
        ("native-sidecar", meshed, {}),
        ("large", crowd, {}),
        ("two-tenants", [*app(THIRD), *tenants], {}),
        ("external-peers", app(env=variable("MAIL_URL", "smtp://mail.example.com:25")), {}),
        ("fresh-cluster", [{"kind": "Namespace", "metadata": {"name": NS}}], {}),
    ]
