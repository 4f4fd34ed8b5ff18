"""The eight demo applications: how each looks when it is healthy, what breaks it, and what should fix it.

Everything here speaks HTTP to an API server through a `ClusterClient`. `install` brings up the healthy revisions,
`break_application` makes one fail and returns when the failure can be seen, `restore` puts the healthy one back.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.kubernetes.client import MERGE, STRATEGIC, ClusterClient
from sandbox.kubernetes.demo_images import REGISTRY
from sandbox.kubernetes.objects import Obj, quantity

NAMESPACE = "demo"
MANAGER = "deploy-pipeline"
_CORE = f"/api/v1/namespaces/{NAMESPACE}"
_APPS = f"/apis/apps/v1/namespaces/{NAMESPACE}"
_PATHS = {
    "ConfigMap": f"{_CORE}/configmaps",
    "Secret": f"{_CORE}/secrets",
    "Service": f"{_CORE}/services",
    "Deployment": f"{_APPS}/deployments",
    "HorizontalPodAutoscaler": f"/apis/autoscaling/v2/namespaces/{NAMESPACE}/horizontalpodautoscalers",
    "PodDisruptionBudget": f"/apis/policy/v1/namespaces/{NAMESPACE}/poddisruptionbudgets",
}
_SLICES = f"/apis/discovery.k8s.io/v1/namespaces/{NAMESPACE}/endpointslices"
_METRICS = f"/apis/metrics.k8s.io/v1beta1/namespaces/{NAMESPACE}/pods"
_NEAR_LIMIT = 0.95
_CAUSE = "kubernetes.io/change-cause"

Visible = Callable[[ClusterClient], Awaitable[bool]]


@dataclass(frozen=True, slots=True)
class Breakage:
    """One request that breaks an application. `actor` is the field manager it is made as."""

    path: str
    body: Mapping[str, Any]
    content_type: str = STRATEGIC
    actor: str = MANAGER


@dataclass(frozen=True, slots=True)
class Expected:
    """What a good diagnosis says: the key of the taxonomy (empty: nothing), the object to change, the fixing actions.

    `entity` is kind/name; `actions` are names of remediation actions, the best one first.
    """

    key: str
    entity: str
    actions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Application:
    """A demo application. `healthy` are the manifests of its healthy revision, in the order to create them."""

    name: str
    service: str
    description: str
    healthy: tuple[Obj, ...]
    breakage: Breakage | None
    expected: Expected
    visible: Visible


def _labels(name: str, team: str) -> dict[str, str]:
    return {"app": name, "app.kubernetes.io/name": name, "app.kubernetes.io/part-of": "shop", "team": team}


def _deployment(name: str, team: str, container: Obj, *, replicas: int = 2, **spec: Any) -> Obj:
    """Return a Deployment of one container; `spec` may carry volumes (for the pods) and strategy."""
    labels = _labels(name, team)
    pod: Obj = {"containers": [{"name": name, **container}], "terminationGracePeriodSeconds": 10}
    if "volumes" in spec:
        pod["volumes"] = spec.pop("volumes")
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": NAMESPACE, "labels": labels, "annotations": {_CAUSE: "first release"}},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": labels}, "spec": pod},
            **spec,
        },
    }


def _object(api_version: str, kind: str, name: str, team: str, **content: Any) -> Obj:
    metadata = {"name": name, "namespace": NAMESPACE, "labels": _labels(name, team)}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **content}


def _service(name: str, team: str, port: int, target: int, selector: Mapping[str, str] | None = None) -> Obj:
    ports = [{"name": "http" if port == 80 else "tcp", "port": port, "targetPort": target}]
    return _object("v1", "Service", name, team, spec={"selector": dict(selector or {"app": name}), "ports": ports})


def _container(image: str, port: int = 8080, cpu: str = "100m", memory: str = "128Mi", **more: Any) -> Obj:
    limits = more.pop("limits", {"cpu": "500m", "memory": "256Mi"})
    return {
        "image": image,
        "ports": [{"name": "main", "containerPort": port}],
        "resources": {"requests": {"cpu": cpu, "memory": memory}, "limits": limits},
        **more,
    }


def _http_probe(path: str = "/healthz") -> Obj:
    return {"httpGet": {"path": path, "port": 8080}, "initialDelaySeconds": 1, "periodSeconds": 5}


async def _pods(client: ClusterClient, name: str) -> list[Obj]:
    return await client.items(f"{_CORE}/pods", labelSelector=f"app={name}")


def _containers_show(name: str, shows: Callable[[Obj], bool]) -> Visible:
    """Visible once a container status of the application's pods shows the symptom."""

    async def visible(client: ClusterClient) -> bool:
        pods = await _pods(client, name)
        return any(shows(status) for pod in pods for status in pod["status"].get("containerStatuses") or ())

    return visible


def _waits_for(*reasons: str) -> Callable[[Obj], bool]:
    return lambda status: status["state"].get("waiting", {}).get("reason") in reasons


def _died_of(reason: str) -> Callable[[Obj], bool]:
    return lambda status: status["lastState"].get("terminated", {}).get("reason") == reason


async def _cpu_at_limit(client: ClusterClient) -> bool:
    name = "cpu-intensive"
    limits = {
        pod["metadata"]["name"]: quantity(pod["spec"]["containers"][0]["resources"]["limits"]["cpu"])
        for pod in await _pods(client, name)
    }
    for found in await client.items(_METRICS, labelSelector=f"app={name}"):
        used = sum(quantity(container["usage"]["cpu"]) for container in found["containers"])
        if used > _NEAR_LIMIT * limits.get(found["metadata"]["name"], float("inf")):
            return True
    return False


async def _no_frontend(client: ClusterClient) -> bool:
    deployment = await client.get(f"{_APPS}/deployments/frontend-app")
    return not deployment["status"].get("replicas") and not await _pods(client, "frontend-app")


async def _no_endpoints(client: ClusterClient) -> bool:
    slices = await client.items(_SLICES, labelSelector="kubernetes.io/service-name=orphan-service")
    return bool(slices) and not any(found.get("endpoints") for found in slices)


async def _stale_event(client: ClusterClient) -> bool:
    events = await client.items(f"{_CORE}/events", fieldSelector="reason=Unhealthy")
    return any(event["involvedObject"]["name"].startswith("healthy-app-") for event in events)


def _deployment_path(name: str) -> str:
    return f"{_APPS}/deployments/{name}"


def _new_revision(name: str, cause: str, pod: Obj) -> Breakage:
    body = {"metadata": {"annotations": {_CAUSE: cause}}, "spec": {"template": {"spec": pod}}}
    return Breakage(_deployment_path(name), body)


def _payment_service() -> Application:
    name, team = "payment-service", "payments"
    mount = {"name": "config", "mountPath": "/etc/payment", "readOnly": True}
    container = _container(f"{REGISTRY}/payments/payment-service:1.8.1", readinessProbe=_http_probe())
    container["volumeMounts"] = [mount]
    volumes = [{"name": "config", "configMap": {"name": "payment-config"}}]
    config = "provider: acquirer-eu\ntimeout_ms: 2500\nretries: 2\n"
    dropped = {
        "containers": [{"name": name, "volumeMounts": [{"mountPath": "/etc/payment", "$patch": "delete"}]}],
        "volumes": [{"name": "config", "$patch": "delete"}],
    }
    return Application(
        name,
        "Payment Service",
        "Revision 2 dropped the volume with the configuration file; the process exits as it starts.",
        (
            _object("v1", "ConfigMap", "payment-config", team, data={"config.yaml": config}),
            _deployment(name, team, container, volumes=volumes, strategy={"type": "Recreate"}),
            _service(name, team, 80, 8080),
        ),
        _new_revision(name, "slim down the pod spec", dropped),
        Expected("crash.missing_config_file", f"Deployment/{name}", ("rollback",)),
        _containers_show(name, _waits_for("CrashLoopBackOff")),
    )


def _analytics_service() -> Application:
    name, team = "analytics-service", "insights"
    image = f"{REGISTRY}/insights/analytics-service"
    mistyped = {"containers": [{"name": name, "image": f"{image}:2.4.0-relase"}]}
    budget = {"minAvailable": 1, "selector": {"matchLabels": {"app": name}}}
    return Application(
        name,
        "Analytics Service",
        "Revision 2 names an image tag that does not exist.",
        (
            _deployment(name, team, _container(f"{image}:2.3.1")),
            _service(name, team, 80, 8080),
            _object("policy/v1", "PodDisruptionBudget", name, team, spec=budget),
        ),
        _new_revision(name, "release 2.4.0", mistyped),
        Expected("image.not_found", f"Deployment/{name}", ("rollback", "set_image")),
        _containers_show(name, _waits_for("ErrImagePull", "ImagePullBackOff")),
    )


def _memory_hog() -> Application:
    name, team = "memory-hog", "catalogue"
    small = {"requests": {"memory": "64Mi"}, "limits": {"memory": "64Mi"}}
    rolling = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}}
    return Application(
        name,
        "Catalogue Cache",
        "Revision 2 set the memory limit below what the cache needs; the kernel kills the process.",
        (
            _deployment(name, team, _container(f"{REGISTRY}/catalogue/memory-hog:1.2.0"), replicas=1, strategy=rolling),
            _service(name, team, 80, 8080),
        ),
        _new_revision(name, "cut memory cost", {"containers": [{"name": name, "resources": small}]}),
        Expected("oom.container", f"Deployment/{name}", ("set_resources", "rollback")),
        _containers_show(name, _died_of("OOMKilled")),
    )


def _cpu_intensive() -> Application:
    name, team = "cpu-intensive", "media"
    env = [{"name": "WORKERS", "value": "1"}]
    more_workers = {"containers": [{"name": name, "env": [{"name": "WORKERS", "value": "4"}]}]}
    return Application(
        name,
        "Image Rendering",
        "Revision 2 quadrupled the workers under the same CPU limit; the pods are throttled but look healthy.",
        (
            _deployment(name, team, _container(f"{REGISTRY}/media/cpu-intensive:3.1.0", env=env)),
            _service(name, team, 80, 8080),
        ),
        _new_revision(name, "four workers per pod", more_workers),
        Expected("cpu.throttled", f"Deployment/{name}", ("set_resources", "rollback")),
        _cpu_at_limit,
    )


def _broken_database() -> Application:
    name, team = "broken-database", "platform"
    reference = {"secretKeyRef": {"name": "database-credentials", "key": "password"}}
    env = [{"name": "POSTGRES_DB", "value": "orders"}, {"name": "POSTGRES_PASSWORD", "valueFrom": reference}]
    dropped = {"containers": [{"name": name, "env": [{"name": "POSTGRES_PASSWORD", "$patch": "delete"}]}]}
    secret = _object("v1", "Secret", "database-credentials", team, stringData={"password": "demo-only-password"})
    return Application(
        name,
        "Orders Database",
        "Revision 2 lost the variable with the superuser password, which revision 1 took from a Secret.",
        (
            secret,
            _deployment(
                name, team, _container("postgres:16.4", 5432, env=env), replicas=1, strategy={"type": "Recreate"}
            ),
            _service(name, team, 5432, 5432),
        ),
        _new_revision(name, "move settings to the new chart", dropped),
        Expected("crash.missing_env", f"Deployment/{name}", ("rollback", "set_env")),
        _containers_show(name, _waits_for("CrashLoopBackOff")),
    )


def _frontend_app() -> Application:
    name, team = "frontend-app", "web"
    return Application(
        name,
        "Frontend",
        "Somebody scaled the Deployment to zero; the Service has nothing behind it.",
        (_deployment(name, team, _container("nginx:1.27", 80)), _service(name, team, 80, 80)),
        Breakage(f"{_deployment_path(name)}/scale", {"spec": {"replicas": 0}}, MERGE, "night-saver"),
        Expected("workload.zero_replicas", f"Deployment/{name}", ("scale",)),
        _no_frontend,
    )


def _orphan_service() -> Application:
    name, team = "orphan-service", "orders"
    deployment = _deployment(name, team, _container(f"{REGISTRY}/orders/orders-api:4.2.0"))
    deployment["spec"]["template"]["metadata"]["labels"]["tier"] = "backend"
    selector = {"app": name, "tier": "backend"}
    wrong = {"spec": {"selector": {"tier": "back-end"}}}
    return Application(
        name,
        "Orders API",
        "One label in the Service's selector is off; the pods are ready and nobody reaches them.",
        (deployment, _service(name, team, 80, 8080, selector)),
        Breakage(f"{_PATHS['Service']}/{name}", wrong),
        Expected("svc.selector", f"Service/{name}", ("patch_service",)),
        _no_endpoints,
    )


def _healthy_app() -> Application:
    name, team = "healthy-app", "web"
    container = _container(f"{REGISTRY}/shop/healthy-app:5.0.2", readinessProbe=_http_probe())
    metric = {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}}
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}
    scaling = {"scaleTargetRef": target, "minReplicas": 2, "maxReplicas": 6,
               "metrics": [{"type": "Resource", "resource": metric}]}  # fmt: skip
    return Application(
        name,
        "Storefront",
        "Nothing is wrong; only a stale Unhealthy event from its start is left.",
        (
            _deployment(name, team, container),
            _service(name, team, 80, 8080),
            _object("autoscaling/v2", "HorizontalPodAutoscaler", name, team, spec=scaling),
        ),
        None,
        Expected("", f"Deployment/{name}", ()),
        _stale_event,
    )


APPLICATIONS: Mapping[str, Application] = {
    application.name: application
    for application in (
        _payment_service(),
        _analytics_service(),
        _memory_hog(),
        _cpu_intensive(),
        _broken_database(),
        _frontend_app(),
        _orphan_service(),
        _healthy_app(),
    )
}


async def install(client: ClusterClient, names: Iterable[str] | None = None) -> None:
    """Bring up the healthy revision of the named applications, all by default, and wait until they are healthy."""
    chosen = [APPLICATIONS[name] for name in (names if names is not None else APPLICATIONS)]
    for application in chosen:
        await _put_healthy(client, application)
    for application in chosen:
        await wait_healthy(client, application.name)


async def break_application(client: ClusterClient, name: str) -> None:
    """Apply the change that breaks an application; return once its failure is visible in the API."""
    application = APPLICATIONS[name]
    change = application.breakage
    if change is not None:
        await client.request(
            "PATCH", change.path, dict(change.body), content_type=change.content_type, fieldManager=change.actor
        )
    await client.wait_until(lambda: application.visible(client), f"the failure of {name}")


async def restore(client: ClusterClient, name: str) -> None:
    """Put the healthy revision back, whatever has been changed since, and wait until it is healthy."""
    await _put_healthy(client, APPLICATIONS[name])
    await wait_healthy(client, name)


async def wait_healthy(client: ClusterClient, name: str, seconds: float = 30.0) -> None:
    """Return when the application's rollout is complete and its Service has endpoints. Raise TimeoutError."""
    await client.wait_until(lambda: is_healthy(client, name), f"the recovery of {name}", seconds)


async def is_healthy(client: ClusterClient, name: str) -> bool:
    """Whether all replicas are of the newest revision and available, and the Service reaches them."""
    deployment = await client.get(_deployment_path(name))
    status: Obj = deployment["status"]
    wanted = int(deployment["spec"]["replicas"])
    counts = [status.get(field, 0) for field in ("replicas", "updatedReplicas", "availableReplicas")]
    if status.get("observedGeneration", 0) < deployment["metadata"]["generation"] or counts != [wanted] * 3:
        return False
    slices = await client.items(_SLICES, labelSelector=f"kubernetes.io/service-name={name}")
    ready = [e for found in slices for e in found.get("endpoints") or () if e["conditions"]["ready"]]
    return wanted > 0 and len(ready) == wanted


async def _put_healthy(client: ClusterClient, application: Application) -> None:
    for manifest in application.healthy:
        collection = _PATHS[manifest["kind"]]
        path = f"{collection}/{manifest['metadata']['name']}"
        current = await client.find(path)
        if current is None:
            await client.request("POST", collection, manifest, fieldManager=MANAGER)
            continue
        wanted: Obj = {**manifest, "metadata": {**manifest["metadata"]}}
        if manifest["kind"] == "Service":
            kept = {key: current["spec"][key] for key in ("clusterIP", "clusterIPs")}
            wanted["spec"] = {**manifest["spec"], **kept}
        await client.request("PUT", path, wanted, fieldManager=MANAGER)
