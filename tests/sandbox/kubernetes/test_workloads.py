from typing import Any

import pytest

from sandbox.kubernetes.client import MERGE, STRATEGIC, APIError, ClusterClient
from sandbox.kubernetes.images import MEBIBYTE, Behaviour, Process
from sandbox.kubernetes.objects import Obj
from sandbox.kubernetes.server import KubernetesServer
from tests.sandbox.kubernetes.conftest import APPS, CORE, config_map, deployment, pod, wait_available, wait_for_pod

BATCH = "/apis/batch/v1/namespaces/demo"


async def events(cluster: ClusterClient, reason: str) -> list[Obj]:
    return await cluster.items(f"{CORE}/events", fieldSelector=f"reason={reason}")


def waiting(reason: str) -> Any:
    return lambda status: status["state"].get("waiting", {}).get("reason") == reason


async def test_a_rollout_keeps_two_revisions_and_reports_conditions(cluster: ClusterClient) -> None:
    await cluster.request("POST", f"{APPS}/deployments", deployment(replicas=3))
    await wait_available(cluster, "web", 3)
    new = {"spec": {"template": {"spec": {"containers": [{"name": "main", "image": "nginx:1.28"}]}}}}
    await cluster.request("PATCH", f"{APPS}/deployments/web", new, content_type=STRATEGIC)
    await wait_available(cluster, "web", 3)
    found = await cluster.get(f"{APPS}/deployments/web")
    assert found["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "2"
    assert found["status"]["observedGeneration"] == found["metadata"]["generation"] == 2
    conditions = {c["type"]: c["reason"] for c in found["status"]["conditions"]}
    assert conditions == {"Available": "MinimumReplicasAvailable", "Progressing": "NewReplicaSetAvailable"}

    async def settled() -> bool:
        sets = await cluster.items(f"{APPS}/replicasets")
        return sorted(s["spec"]["replicas"] for s in sets) == [0, 3]

    await cluster.wait_until(settled, "the old pods' end", 5)
    pods = await cluster.items(f"{CORE}/pods", labelSelector="app=web")
    images = {c["image"] for p in pods if "deletionTimestamp" not in p["metadata"] for c in p["spec"]["containers"]}
    assert images == {"nginx:1.28"}
    said = [event["message"] for event in await events(cluster, "ScalingReplicaSet")]
    assert any("from 0 to 3" in message for message in said)


async def test_a_paused_deployment_does_not_roll(cluster: ClusterClient) -> None:
    await cluster.request("POST", f"{APPS}/deployments", deployment())
    await wait_available(cluster, "web", 1)
    change = {"spec": {"paused": True, "template": {"metadata": {"annotations": {"x": "y"}}}}}
    await cluster.request("PATCH", f"{APPS}/deployments/web", change, content_type=MERGE)

    async def paused() -> bool:
        found = await cluster.get(f"{APPS}/deployments/web")
        return any(c["reason"] == "DeploymentPaused" for c in found["status"]["conditions"])

    await cluster.wait_until(paused, "the pause", 5)
    assert len(await cluster.items(f"{APPS}/replicasets")) == 1


async def test_a_rollout_that_does_not_progress_says_so(cluster: ClusterClient) -> None:
    body = deployment(image="nginx:1.27-missing")
    body["spec"]["progressDeadlineSeconds"] = 10
    await cluster.request("POST", f"{APPS}/deployments", body)

    async def overdue() -> bool:
        found = (await cluster.get(f"{APPS}/deployments/web"))["status"].get("conditions", [])
        return any(c["reason"] == "ProgressDeadlineExceeded" and c["status"] == "False" for c in found)

    await cluster.wait_until(overdue, "the deadline", 10)


async def test_a_crash_loop_backs_off_in_the_kubelets_words(cluster: ClusterClient) -> None:
    await cluster.request("POST", f"{CORE}/pods", pod("crash", "busybox:1.36", command=["sh", "-c", "echo no; exit 3"]))
    found = await wait_for_pod(cluster, "crash", waiting("CrashLoopBackOff"))
    status = found["status"]["containerStatuses"][0]
    uid = found["metadata"]["uid"]
    said = f"back-off 10s restarting failed container=main pod=crash_demo({uid})"
    assert status["state"]["waiting"]["message"] == said
    assert (status["lastState"]["terminated"]["exitCode"], status["restartCount"]) == (3, 1)
    assert found["status"]["phase"] == "Running"
    [event] = await events(cluster, "BackOff")
    assert event["message"] == f"Back-off restarting failed container main in pod crash_demo({uid})"


async def test_an_image_that_is_not_there(cluster: ClusterClient) -> None:
    await cluster.request("POST", f"{CORE}/pods", pod("pull", "nginx:1.27-missing"))
    found = await wait_for_pod(cluster, "pull", waiting("ImagePullBackOff"))
    reference = "docker.io/library/nginx:1.27-missing"
    assert f'code = NotFound desc = failed to pull and unpack image "{reference}"' in str(found["status"])
    assert any(f"{reference}: not found" in e["message"] for e in await events(cluster, "Failed"))
    with pytest.raises(APIError, match="waiting to start: trying and failing to pull image"):
        await cluster.get(f"{CORE}/pods/pull/log")


async def test_memory_above_the_limit_is_an_oom_kill(server: KubernetesServer, cluster: ClusterClient) -> None:
    server.images.register("example.com/cache", lambda _: Behaviour(memory=100 * MEBIBYTE), tags=["1"])
    for name, limit in (("small", "64Mi"), ("large", "128Mi")):
        body = pod(name, "example.com/cache:1", resources={"limits": {"memory": limit}})
        await cluster.request("POST", f"{CORE}/pods", body)
    found = await wait_for_pod(cluster, "small", waiting("CrashLoopBackOff"))
    ended = found["status"]["containerStatuses"][0]["lastState"]["terminated"]
    assert (ended["reason"], ended["exitCode"]) == ("OOMKilled", 137)
    large = await wait_for_pod(cluster, "large", lambda status: status["ready"])
    assert large["status"]["containerStatuses"][0]["restartCount"] == 0


async def test_a_missing_secret_is_waited_for(cluster: ClusterClient) -> None:
    reference = {"name": "A", "valueFrom": {"secretKeyRef": {"name": "creds", "key": "k"}}}
    await cluster.request("POST", f"{CORE}/pods", pod("needs", env=[reference]))
    found = await wait_for_pod(cluster, "needs", waiting("CreateContainerConfigError"))
    assert found["status"]["containerStatuses"][0]["state"]["waiting"]["message"] == 'secret "creds" not found'
    await cluster.request("POST", f"{CORE}/secrets", {"metadata": {"name": "creds"}, "stringData": {"k": "v"}})
    await wait_for_pod(cluster, "needs", lambda status: status["ready"])


async def test_a_missing_volume_source_is_a_failed_mount(cluster: ClusterClient) -> None:
    body = pod("mounts", volumeMounts=[{"name": "c", "mountPath": "/etc/c"}])
    body["spec"]["volumes"] = [{"name": "c", "configMap": {"name": "settings"}}]
    await cluster.request("POST", f"{CORE}/pods", body)

    async def said() -> bool:
        return bool(await events(cluster, "FailedMount"))

    await cluster.wait_until(said, "the event", 5)
    [event] = await events(cluster, "FailedMount")
    assert event["message"] == 'MountVolume.SetUp failed for volume "c" : configmap "settings" not found'
    await cluster.request("POST", f"{CORE}/configmaps", config_map())
    await wait_for_pod(cluster, "mounts", lambda status: status["ready"])


async def test_a_script_sees_environment_files_and_services(server: KubernetesServer, cluster: ClusterClient) -> None:
    seen: list[Process] = []

    def script(process: Process) -> Behaviour:
        seen.append(process)
        return Behaviour(log=(process.env["GREETING"],))

    server.images.register("example.com/app", script, tags=["1"])
    await cluster.request("POST", f"{CORE}/configmaps", config_map(GREETING="hello"))
    body = pod(
        "reads",
        "example.com/app:1",
        envFrom=[{"configMapRef": {"name": "settings"}}],
        volumeMounts=[{"name": "c", "mountPath": "/etc/c"}],
    )
    body["spec"]["volumes"] = [{"name": "c", "configMap": {"name": "settings"}}]
    await cluster.request("POST", f"{CORE}/pods", body)
    await wait_for_pod(cluster, "reads", lambda status: status["ready"])
    assert seen[0].files["/etc/c/GREETING"] == "hello"
    assert not seen[0].serves("nowhere", 80)


async def test_liveness_on_a_closed_port_kills_the_container(cluster: ClusterClient) -> None:
    probe = {"httpGet": {"path": "/", "port": 9999}, "periodSeconds": 1, "failureThreshold": 2}
    body = pod("live", ports=[{"containerPort": 80}], livenessProbe=probe)
    await cluster.request("POST", f"{CORE}/pods", body)
    await wait_for_pod(cluster, "live", lambda status: status["restartCount"] >= 1)
    assert "connect: connection refused" in (await events(cluster, "Unhealthy"))[0]["message"]
    assert (await events(cluster, "Killing"))[0]["message"] == "Container main failed liveness probe, will be restarted"


async def test_a_pod_that_fits_nowhere_waits_until_it_does(cluster: ClusterClient) -> None:
    body = pod("picky")
    body["spec"]["nodeSelector"] = {"disk": "fast"}
    await cluster.request("POST", f"{CORE}/pods", body)

    async def said() -> bool:
        return bool(await events(cluster, "FailedScheduling"))

    await cluster.wait_until(said, "the event", 5)
    message = (await events(cluster, "FailedScheduling"))[0]["message"]
    assert "0/3 nodes are available: 1 node(s) had untolerated taint" in message
    assert "2 node(s) didn't match Pod's node affinity/selector" in message
    labels = {"metadata": {"labels": {"disk": "fast"}}}
    await cluster.request("PATCH", "/api/v1/nodes/sandbox-worker-2", labels, content_type=MERGE)
    found = await wait_for_pod(cluster, "picky", lambda status: status["ready"])
    assert found["spec"]["nodeName"] == "sandbox-worker-2"


async def test_jobs_end_as_their_pods_do(cluster: ClusterClient) -> None:
    for name, script in (("good", "echo done"), ("bad", "exit 1")):
        container = {"name": "main", "image": "busybox:1.36", "command": ["sh", "-c", script]}
        template = {"spec": {"restartPolicy": "Never", "containers": [container]}}
        body = {"metadata": {"name": name}, "spec": {"backoffLimit": 1, "template": template}}
        await cluster.request("POST", f"{BATCH}/jobs", body)

    async def ended() -> bool:
        jobs = await cluster.items(f"{BATCH}/jobs")
        return all(any(c["type"] in ("Complete", "Failed") for c in j["status"].get("conditions", [])) for j in jobs)

    await cluster.wait_until(ended, "both jobs' end", 10)
    bad = (await cluster.get(f"{BATCH}/jobs/bad"))["status"]
    assert (bad["failed"], bad["conditions"][-1]["reason"]) == (2, "BackoffLimitExceeded")
    assert (await cluster.get(f"{BATCH}/jobs/good"))["status"]["succeeded"] == 1


async def test_stateful_sets_go_in_order(cluster: ClusterClient) -> None:
    body = deployment("db", "redis:7", 3)
    body["kind"] = "StatefulSet"
    body["spec"]["serviceName"] = "db"
    await cluster.request("POST", f"{APPS}/statefulsets", body)

    async def ready() -> bool:
        return bool((await cluster.get(f"{APPS}/statefulsets/db"))["status"].get("readyReplicas") == 3)

    await cluster.wait_until(ready, "three ready pods", 10)
    made = [event["message"].split()[2] for event in await events(cluster, "SuccessfulCreate")]
    pods = await cluster.items(f"{CORE}/pods")
    started = {p["metadata"]["name"]: int(p["metadata"]["resourceVersion"]) for p in pods}
    assert set(made) == set(started) == {"db-0", "db-1", "db-2"}
    await cluster.request("PATCH", f"{APPS}/statefulsets/db/scale", {"spec": {"replicas": 1}}, content_type=MERGE)

    async def scaled() -> bool:
        return [p["metadata"]["name"] for p in await cluster.items(f"{CORE}/pods")] == ["db-0"]

    await cluster.wait_until(scaled, "the scale down", 10)


async def test_a_daemon_set_has_a_pod_on_each_worker(cluster: ClusterClient) -> None:
    body = deployment("agent")
    body["kind"] = "DaemonSet"
    del body["spec"]["replicas"]
    await cluster.request("POST", f"{APPS}/daemonsets", body)

    async def ready() -> bool:
        return bool((await cluster.get(f"{APPS}/daemonsets/agent"))["status"].get("numberReady") == 2)

    await cluster.wait_until(ready, "two ready pods", 10)
    nodes = {p["spec"]["nodeName"] for p in await cluster.items(f"{CORE}/pods")}
    assert nodes == {"sandbox-worker-1", "sandbox-worker-2"}


async def test_logs_current_previous_tail_and_limits(cluster: ClusterClient, server: KubernetesServer) -> None:
    import aiohttp

    await cluster.request(
        "POST", f"{CORE}/pods", pod("talks", "busybox:1.36", command=["sh", "-c", "echo a; echo b; exit 1"])
    )
    await wait_for_pod(cluster, "talks", waiting("CrashLoopBackOff"))
    url = f"{server.url}{CORE}/pods/talks/log"
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {server.admin_token}"}) as session:

        async def read(**query: str) -> str:
            async with session.get(url, params=query) as response:
                return await response.text()

        assert await read() == await read(previous="true") == "a\nb\n"
        assert await read(tailLines="1") == "b\n"
        assert await read(limitBytes="3") == "a\nb"
        assert (await read(timestamps="true")).split(" ")[0].endswith("Z")
        assert await read(follow="true") == "a\nb\n"
        assert "is not valid for pod" in await read(container="other")
