import pytest

from sandbox.kubernetes.client import APIError, ClusterClient
from sandbox.kubernetes.server import KubernetesServer
from tests.sandbox.kubernetes.conftest import APPS, CORE, config_map, deployment

RBAC = "/apis/rbac.authorization.k8s.io/v1/namespaces/demo"
REVIEWS = "/apis/authorization.k8s.io/v1"


async def give_view(cluster: ClusterClient, account: str) -> None:
    await cluster.request("POST", f"{CORE}/serviceaccounts", {"metadata": {"name": account}})
    body = {
        "metadata": {"name": f"{account}-view"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"},
        "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": "demo"}],
    }
    await cluster.request("POST", f"{RBAC}/rolebindings", body)


async def test_a_viewer_may_read_and_not_write(server: KubernetesServer, cluster: ClusterClient) -> None:
    await give_view(cluster, "reader")
    await cluster.request("POST", f"{CORE}/configmaps", config_map())
    async with ClusterClient(server.url, server.token_for("demo", "reader")) as reader:
        assert len(await reader.items(f"{CORE}/configmaps")) == 1
        with pytest.raises(APIError) as secret:
            await reader.items(f"{CORE}/secrets")
        with pytest.raises(APIError) as write:
            await reader.request("POST", f"{APPS}/deployments", deployment())
        with pytest.raises(APIError) as elsewhere:
            await reader.items("/api/v1/namespaces/default/pods")
    who = 'User "system:serviceaccount:demo:reader" cannot'
    assert str(secret.value) == (
        f'secrets is forbidden: {who} list resource "secrets" in API group "" in the namespace "demo"'
    )
    assert write.value.status == elsewhere.value.status == 403


async def test_the_reviews_agree_with_the_answers(server: KubernetesServer, cluster: ClusterClient) -> None:
    await give_view(cluster, "reader")
    async with ClusterClient(server.url, server.token_for("demo", "reader")) as reader:
        for verb, resource, allowed in (("list", "pods", True), ("delete", "pods", False), ("get", "secrets", False)):
            attributes = {"verb": verb, "resource": resource, "namespace": "demo"}
            body = {"spec": {"resourceAttributes": attributes}}
            answer = await reader.request("POST", f"{REVIEWS}/selfsubjectaccessreviews", body)
            assert answer["status"]["allowed"] is allowed
        rules = await reader.request("POST", f"{REVIEWS}/selfsubjectrulesreviews", {"spec": {"namespace": "demo"}})
        assert any("pods" in rule["resources"] for rule in rules["status"]["resourceRules"])
        me = await reader.request("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", {})
    assert me["status"]["userInfo"]["username"] == "system:serviceaccount:demo:reader"


async def test_names_in_a_role_limit_it(server: KubernetesServer, cluster: ClusterClient) -> None:
    await cluster.request("POST", f"{CORE}/serviceaccounts", {"metadata": {"name": "narrow"}})
    rule = {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"], "resourceNames": ["mine"]}
    await cluster.request("POST", f"{RBAC}/roles", {"metadata": {"name": "narrow"}, "rules": [rule]})
    body = {
        "metadata": {"name": "narrow"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "narrow"},
        "subjects": [{"kind": "ServiceAccount", "name": "narrow"}],
    }
    await cluster.request("POST", f"{RBAC}/rolebindings", body)
    for name in ("mine", "yours"):
        await cluster.request("POST", f"{CORE}/configmaps", config_map(name))
    async with ClusterClient(server.url, server.token_for("demo", "narrow")) as narrow:
        assert (await narrow.get(f"{CORE}/configmaps/mine"))["metadata"]["name"] == "mine"
        with pytest.raises(APIError, match="cannot get resource"):
            await narrow.get(f"{CORE}/configmaps/yours")


async def test_bad_tokens_are_unauthorized_and_none_is_anonymous(server: KubernetesServer) -> None:
    async with ClusterClient(server.url, "wrong") as stranger:
        with pytest.raises(APIError) as caught:
            await stranger.get("/api/v1/pods")
    assert (caught.value.status, str(caught.value)) == (401, "Unauthorized")
    async with ClusterClient(server.url, server.token_for("demo", "nobody")) as nobody:
        with pytest.raises(APIError) as caught:
            await nobody.get("/api/v1/pods")
    assert caught.value.status == 401


async def test_faults_come_when_asked_for(server: KubernetesServer, cluster: ClusterClient) -> None:
    server.faults.add(r"/pods$", verb="list", status=429, retry_after=3, times=1)
    with pytest.raises(APIError) as caught:
        await cluster.items(f"{CORE}/pods")
    assert caught.value.status == 429
    assert await cluster.items(f"{CORE}/pods") == []
    server.faults.add("configmaps", reset=True)
    import aiohttp

    with pytest.raises(aiohttp.ClientError):
        await cluster.items(f"{CORE}/configmaps")
    server.faults.clear()
    assert await cluster.items(f"{CORE}/configmaps") == []


async def test_traffic_is_recorded_without_tokens(server: KubernetesServer, cluster: ClusterClient) -> None:
    answer = await cluster.request("POST", f"{CORE}/serviceaccounts/default/token", {"spec": {}})
    token = answer["status"]["token"]
    secret = {"metadata": {"name": "s"}, "data": {"k": "cGxhbnRlZA=="}}
    await cluster.request("POST", f"{CORE}/secrets", secret)
    await cluster.items(f"{CORE}/secrets")
    seen = [text for e in server.traffic.exchanges for text in (e.request, e.response)]
    assert not any("cGxhbnRlZA" in text for text in seen)
    exchange = server.traffic.exchanges[-1]
    assert (exchange.server, exchange.method, exchange.status) == ("kubernetes", "GET", 200)
    assert not any(token in text or server.admin_token in text for text in seen)
