from typing import Any

import pytest

from sandbox.kubernetes.client import MERGE, STRATEGIC, APIError, ClusterClient
from sandbox.kubernetes.server import KubernetesServer
from tests.sandbox.kubernetes.conftest import APPS, CORE, config_map, deployment, pod

JSON_PATCH = "application/json-patch+json"
APPLY = "application/apply-patch+yaml"


async def refused(code: int, call: Any) -> str:
    with pytest.raises(APIError) as caught:
        await call
    assert caught.value.status == code, str(caught.value)
    return str(caught.value)


async def test_create_get_update_and_delete(cluster: ClusterClient) -> None:
    made = await cluster.request("POST", f"{CORE}/configmaps", config_map(a="1"))
    assert made["metadata"]["uid"]
    assert made["metadata"]["creationTimestamp"].endswith("Z")
    made["data"]["b"] = "2"
    changed = await cluster.request("PUT", f"{CORE}/configmaps/settings", made)
    assert int(changed["metadata"]["resourceVersion"]) > int(made["metadata"]["resourceVersion"])
    stale = await refused(409, cluster.request("PUT", f"{CORE}/configmaps/settings", {**made, "data": {"c": "3"}}))
    assert stale.startswith('Operation cannot be fulfilled on configmaps "settings": the object has been modified')
    gone = await cluster.request("DELETE", f"{CORE}/configmaps/settings")
    assert gone["status"] == "Success"
    assert await refused(404, cluster.get(f"{CORE}/configmaps/settings")) == 'configmaps "settings" not found'


async def test_a_second_object_of_a_name_is_refused(cluster: ClusterClient) -> None:
    await cluster.request("POST", f"{APPS}/deployments", deployment())
    message = await refused(409, cluster.request("POST", f"{APPS}/deployments", deployment()))
    assert message == 'deployments.apps "web" already exists'


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (deployment("Not_A_Name"), "metadata.name: Invalid value"),
        (deployment(replicas=-1), "spec.replicas: Invalid value: -1: must be greater than or equal to 0"),
        (deployment(image=""), "spec.template.spec.containers[0].image: Required value"),
        ({"metadata": {"name": "x"}}, "spec: Required value"),
        (
            {**deployment(), "spec": {**deployment()["spec"], "selector": {"matchLabels": {"app": "other"}}}},
            "`selector` does not match template `labels`",
        ),
    ],
)
async def test_invalid_deployments_say_what_is_wrong(cluster: ClusterClient, body: Any, said: str) -> None:
    assert said in await refused(422, cluster.request("POST", f"{APPS}/deployments", body))


async def test_a_selector_is_immutable(cluster: ClusterClient) -> None:
    made = await cluster.request("POST", f"{APPS}/deployments", deployment())
    del made["metadata"]["resourceVersion"]
    made["spec"]["selector"]["matchLabels"] = {"app": "web2"}
    made["spec"]["template"]["metadata"]["labels"] = {"app": "web2"}
    said = await refused(422, cluster.request("PUT", f"{APPS}/deployments/web", made))
    assert "spec.selector" in said
    assert "field is immutable" in said


@pytest.mark.parametrize("verb", ["POST", "PUT", "PATCH", "DELETE", "SCALE", "APPLY"])
async def test_a_dry_run_changes_nothing(server: KubernetesServer, cluster: ClusterClient, verb: str) -> None:
    await cluster.request("POST", f"{CORE}/configmaps", config_map(a="1"))
    await cluster.request("POST", f"{APPS}/deployments", deployment(replicas=0))
    await cluster.wait_until(lambda: _observed(cluster), "the controller's first look", 5)
    version = server.store.version
    path = f"{CORE}/configmaps/settings"
    body: dict[str, Any]
    if verb == "POST":
        answer = await cluster.request("POST", f"{CORE}/configmaps", config_map("other"), dryRun="All")
        assert answer["metadata"]["name"] == "other"
    elif verb == "PUT":
        answer = await cluster.request("PUT", path, config_map(a="2"), dryRun="All")
        assert answer["data"] == {"a": "2"}
    elif verb == "PATCH":
        body = {"data": {"b": "2"}}
        answer = await cluster.request("PATCH", path, body, content_type=MERGE, dryRun="All")
        assert answer["data"] == {"a": "1", "b": "2"}
    elif verb == "SCALE":
        body = {"spec": {"replicas": 5}}
        scale = f"{APPS}/deployments/web/scale"
        answer = await cluster.request("PATCH", scale, body, content_type=MERGE, dryRun="All")
        assert answer["spec"]["replicas"] == 5
    elif verb == "APPLY":
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "new"}, "data": {"x": "y"}}
        query = {"dryRun": "All", "fieldManager": "me"}
        await cluster.request("PATCH", f"{CORE}/configmaps/new", body, content_type=APPLY, **query)
    else:
        await cluster.request("DELETE", path, dryRun="All")
    # The cluster's own controllers go on meanwhile; nobody but this test's client touches these.
    assert not [c for c in server.store.history if c.version > version and c.kind == "ConfigMap"]
    assert (await cluster.get(f"{APPS}/deployments/web"))["spec"]["replicas"] == 0


async def _observed(cluster: ClusterClient) -> bool:
    found = await cluster.get(f"{APPS}/deployments/web")
    return found["status"].get("observedGeneration") == 1 and len(found["status"]["conditions"]) == 2


async def test_patches_of_each_type(cluster: ClusterClient) -> None:
    await cluster.request("POST", f"{APPS}/deployments", deployment(replicas=0))
    path = f"{APPS}/deployments/web"
    body: dict[str, Any]
    env = {"containers": [{"name": "main", "env": [{"name": "A", "value": "1"}]}]}
    body = {"spec": {"template": {"spec": env}}}
    merged = await cluster.request("PATCH", path, body, content_type=STRATEGIC)
    container = merged["spec"]["template"]["spec"]["containers"][0]
    assert (container["image"], container["env"]) == ("nginx:1.27", [{"name": "A", "value": "1"}])
    assert merged["metadata"]["generation"] == 2
    drop = {"containers": [{"name": "main", "env": [{"name": "A", "$patch": "delete"}]}]}
    merged = await cluster.request("PATCH", path, {"spec": {"template": {"spec": drop}}}, content_type=STRATEGIC)
    assert "env" not in merged["spec"]["template"]["spec"]["containers"][0]
    body = {"metadata": {"annotations": {"a": "b"}}}
    merged = await cluster.request("PATCH", path, body, content_type=MERGE)
    assert merged["metadata"]["annotations"]["a"] == "b"
    operations = [
        {"op": "test", "path": "/metadata/uid", "value": merged["metadata"]["uid"]},
        {"op": "replace", "path": "/spec/paused", "value": True},
    ]
    said = await refused(422, cluster.request("PATCH", path, operations, content_type=JSON_PATCH))
    assert said
    operations[1]["op"] = "add"
    merged = await cluster.request("PATCH", path, operations, content_type=JSON_PATCH)
    assert merged["spec"]["paused"] is True
    wrong = [{"op": "test", "path": "/metadata/uid", "value": "another"}]
    await refused(422, cluster.request("PATCH", path, wrong, content_type=JSON_PATCH))
    assert "unknown format" in await refused(415, cluster.request("PATCH", path, body))


async def test_server_side_apply_owns_conflicts_and_lets_go(cluster: ClusterClient) -> None:
    path = f"{CORE}/configmaps/settings"

    async def apply(manager: str, data: dict[str, str], **query: str) -> Any:
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}, "data": data}
        return await cluster.request("PATCH", path, body, content_type=APPLY, fieldManager=manager, **query)

    first = await apply("one", {"a": "1", "b": "1"})
    assert first["metadata"]["managedFields"][0]["fieldsV1"]["f:data"] == {"f:a": {}, "f:b": {}}
    said = await refused(409, apply("two", {"a": "2"}))
    assert said == 'Apply failed with 1 conflict: conflict with "one": .data.a'
    forced = await apply("two", {"a": "2"}, force="true")
    assert forced["data"] == {"a": "2", "b": "1"}
    dropped = await apply("one", {})
    assert dropped["data"] == {"a": "2"}


async def test_managed_fields_name_the_actor_of_a_scale(cluster: ClusterClient) -> None:
    await cluster.request("POST", f"{APPS}/deployments", deployment(replicas=0))
    body = {"spec": {"replicas": 1}}
    path = f"{APPS}/deployments/web"
    await cluster.request("PATCH", f"{path}/scale", body, content_type=MERGE, fieldManager="night-saver")
    entries = (await cluster.get(path))["metadata"]["managedFields"]
    mine = next(entry for entry in entries if entry["manager"] == "night-saver")
    assert (mine["subresource"], mine["fieldsV1"]) == ("scale", {"f:spec": {"f:replicas": {}}})


async def test_deletes_respect_preconditions(cluster: ClusterClient) -> None:
    made = await cluster.request("POST", f"{CORE}/configmaps", config_map())
    path = f"{CORE}/configmaps/settings"
    for precondition in ({"uid": "another"}, {"resourceVersion": "1"}):
        said = await refused(409, cluster.request("DELETE", path, {"preconditions": precondition}))
        assert "Precondition failed" in said
    right = {key: made["metadata"][key] for key in ("uid", "resourceVersion")}
    await cluster.request("DELETE", path, {"preconditions": right})
    await refused(404, cluster.get(path))


async def test_finalizers_keep_an_object_until_they_are_gone(cluster: ClusterClient) -> None:
    body = config_map()
    body["metadata"]["finalizers"] = ["example.com/hold"]
    await cluster.request("POST", f"{CORE}/configmaps", body)
    path = f"{CORE}/configmaps/settings"
    held = await cluster.request("DELETE", path)
    assert held["metadata"]["deletionTimestamp"]
    assert (await cluster.get(path))["metadata"]["finalizers"] == ["example.com/hold"]
    await cluster.request("PATCH", path, {"metadata": {"finalizers": None}}, content_type=MERGE)
    await refused(404, cluster.get(path))


async def test_lists_page_and_select(cluster: ClusterClient) -> None:
    for number in range(7):
        await cluster.request("POST", f"{CORE}/configmaps", config_map(f"c{number}"))
    first = await cluster.get(f"{CORE}/configmaps", limit="3")
    assert (len(first["items"]), first["metadata"]["remainingItemCount"]) == (3, 4)
    token = first["metadata"]["continue"]
    second = await cluster.get(f"{CORE}/configmaps", limit="10", **{"continue": token})
    assert [item["metadata"]["name"] for item in second["items"]] == ["c3", "c4", "c5", "c6"]
    assert "continue" not in second["metadata"]
    for selector, names in (
        ("kind=c1", ["c1"]),
        ("kind in (c1,c2)", ["c1", "c2"]),
        ("kind notin (c1,c2,c3,c4,c5),kind", ["c0", "c6"]),
        ("!kind", []),
    ):
        found = await cluster.items(f"{CORE}/configmaps", labelSelector=selector)
        assert [item["metadata"]["name"] for item in found] == names
    found = await cluster.items(f"{CORE}/configmaps", fieldSelector="metadata.name!=c1,metadata.namespace=demo")
    assert len(found) == 6
    said = await refused(400, cluster.get(f"{CORE}/configmaps", fieldSelector="data.x=1"))
    assert said.endswith("field label not supported: data.x")
    assert "unable to parse" in await refused(400, cluster.get(f"{CORE}/configmaps", labelSelector="a=b=c!!"))


async def test_secrets_take_plain_text_and_give_base64(cluster: ClusterClient) -> None:
    body = {"metadata": {"name": "s"}, "stringData": {"k": "v"}}
    made = await cluster.request("POST", f"{CORE}/secrets", body)
    assert (made["data"], made["type"], "stringData" in made) == ({"k": "dg=="}, "Opaque", False)


async def test_strict_validation_names_unknown_fields(cluster: ClusterClient) -> None:
    body = deployment()
    body["spec"]["replicsa"] = 2
    said = await refused(400, cluster.request("POST", f"{APPS}/deployments", body, fieldValidation="Strict"))
    assert said.endswith('strict decoding error: unknown field "spec.replicsa"')


async def test_a_quota_and_a_missing_account_are_refused(cluster: ClusterClient) -> None:
    quota = {"metadata": {"name": "small"}, "spec": {"hard": {"pods": "1"}}}
    await cluster.request("POST", f"{CORE}/resourcequotas", quota)
    await cluster.request("POST", f"{CORE}/pods", pod("one"))
    said = await refused(403, cluster.request("POST", f"{CORE}/pods", pod("two")))
    assert said == ('pods "two" is forbidden: exceeded quota: small, requested: pods=1, used: pods=1, limited: pods=1')
    nobody = pod("three")
    nobody["spec"]["serviceAccountName"] = "nobody"
    said = await refused(403, cluster.request("POST", f"{CORE}/pods", nobody))
    assert 'serviceaccount "nobody" not found' in said


async def test_limit_ranges_fill_in_resources(cluster: ClusterClient) -> None:
    limit = {"type": "Container", "default": {"memory": "64Mi"}}
    body = {"metadata": {"name": "limits"}, "spec": {"limits": [limit]}}
    await cluster.request("POST", f"{CORE}/limitranges", body)
    made = await cluster.request("POST", f"{CORE}/pods", pod())
    resources = made["spec"]["containers"][0]["resources"]
    assert resources == {"limits": {"memory": "64Mi"}, "requests": {"memory": "64Mi"}}


async def test_unknown_paths_and_bad_bodies(cluster: ClusterClient) -> None:
    await refused(404, cluster.get("/apis/nothing.example.com/v1/things"))
    await refused(400, cluster.request("POST", f"{CORE}/configmaps", [1]))
    await refused(404, cluster.request("POST", "/api/v1/namespaces/nowhere/configmaps", config_map()))
    await refused(405, cluster.request("DELETE", "/apis/metrics.k8s.io/v1beta1/namespaces/demo/pods/x"))
