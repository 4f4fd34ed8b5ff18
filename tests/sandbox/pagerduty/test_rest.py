"""The REST API, through aiohttp."""

from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest

from sandbox.pagerduty import Fault, PagerDutyServer
from sandbox.traffic import TrafficLog


async def get(client: aiohttp.ClientSession, path: str, **query: Any) -> Any:
    async with client.get(path, params=query) as response:
        assert response.status == 200, await response.text()
        return await response.json()


async def put(client: aiohttp.ClientSession, incident_id: str, **fields: Any) -> tuple[int, Any]:
    body = {"incident": {"type": "incident_reference", **fields}}
    async with client.put(f"/incidents/{incident_id}", json=body) as response:
        return response.status, await response.json()


async def test_a_wrong_token_is_refused_in_plain_text(pagerduty: PagerDutyServer) -> None:
    headers = {"Authorization": "Token token=wrong"}
    async with aiohttp.ClientSession() as session, session.get(pagerduty.url + "/users", headers=headers) as response:
        assert response.status == 401
        assert response.content_type == "text/plain"
        assert await response.text() == "HTTP Token: Access denied.\n"


async def test_a_bearer_token_is_taken_too(pagerduty: PagerDutyServer) -> None:
    headers = {"Authorization": f"Bearer {pagerduty.api_token}"}
    async with aiohttp.ClientSession() as session, session.get(pagerduty.url + "/users", headers=headers) as response:
        assert response.status == 200


async def test_another_api_version_is_refused(client: aiohttp.ClientSession) -> None:
    async with client.get("/users", headers={"Accept": "application/vnd.pagerduty+json;version=1"}) as response:
        assert response.status == 400


async def test_an_incident_is_shown_with_its_alert(pagerduty: PagerDutyServer, client: aiohttp.ClientSession) -> None:
    made = pagerduty.trigger("payment-service", "Payments fail", "error", {"pod": "payment-1"}, dedup_key="k1")
    shown = (await get(client, f"/incidents/{made.id}"))["incident"]
    assert shown["status"] == "triggered"
    assert shown["html_url"] == f"https://acme.pagerduty.com/incidents/{made.id}"
    assert shown["service"]["summary"] == "payment-service"
    assert shown["assignments"][0]["assignee"]["summary"] == "Maya Chen"
    assert shown["alert_counts"] == {"all": 1, "triggered": 1, "resolved": 0}
    alerts = (await get(client, f"/incidents/{made.id}/alerts"))["alerts"]
    assert alerts[0]["alert_key"] == "k1"
    assert alerts[0]["severity"] == "error"
    assert alerts[0]["body"]["details"] == {"pod": "payment-1"}


async def test_incidents_are_filtered_and_paged(pagerduty: PagerDutyServer, client: aiohttp.ClientSession) -> None:
    made = [pagerduty.trigger("payment-service", f"Payment {n}") for n in range(3)]
    pagerduty.trigger("edge-network", "Loss", urgency="low")
    await put(client, made[0].id, status="resolved")
    first = await get(client, "/incidents", limit=2, total="true")
    assert (len(first["incidents"]), first["more"], first["total"]) == (2, True, 4)
    rest = await get(client, "/incidents", limit=2, offset=2)
    assert (len(rest["incidents"]), rest["more"], rest["total"]) == (2, False, None)
    query = [("statuses[]", "triggered"), ("statuses[]", "acknowledged"), ("service_ids[]", made[0].service.id)]
    async with client.get("/incidents", params=query) as response:
        open_ones = (await response.json())["incidents"]
    assert [incident["id"] for incident in open_ones] == [made[1].id, made[2].id]
    future = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    assert (await get(client, "/incidents", since=future))["incidents"] == []
    assert len((await get(client, "/incidents", until=future))["incidents"]) == 4
    included = await get(client, "/incidents", **{"include[]": "users"})
    assert included["incidents"][1]["assignments"][0]["assignee"]["email"] == "maya.chen@acme.example"


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ({"statuses[]": "open"}, "Status must be a list of triggered, acknowledged, or resolved."),
        ({"limit": "many"}, "Limit and offset must be numbers"),
        ({"offset": "9999", "limit": "100"}, "Offset plus limit must not exceed 10000"),
        ({"since": "yesterday"}, "Since must be an ISO 8601 time"),
    ],
)
async def test_a_bad_query_is_refused(client: aiohttp.ClientSession, query: dict[str, str], error: str) -> None:
    async with client.get("/incidents", params=query) as response:
        assert response.status == 400
        refused = (await response.json())["error"]
    assert refused["code"] == 2001
    assert refused["errors"] == [error]


async def test_an_acknowledgement_moves_the_incident(pagerduty: PagerDutyServer, client: aiohttp.ClientSession) -> None:
    made = pagerduty.trigger("payment-service", "Payments fail")
    body = {"incident": {"type": "incident_reference", "status": "acknowledged"}}
    async with client.put(f"/incidents/{made.id}", json=body, headers={"From": "jonas.weber@acme.example"}) as response:
        shown = (await response.json())["incident"]
    assert shown["status"] == "acknowledged"
    assert [item["assignee"]["summary"] for item in shown["assignments"]] == ["Jonas Weber"]
    assert shown["acknowledgements"][0]["acknowledger"]["summary"] == "Jonas Weber"
    entries = (await get(client, f"/incidents/{made.id}/log_entries"))["log_entries"]
    kinds = [entry["type"] for entry in entries]
    assert kinds == ["assign_log_entry", "acknowledge_log_entry", "trigger_log_entry"]


async def test_a_resolved_incident_takes_no_more_status(
    pagerduty: PagerDutyServer, client: aiohttp.ClientSession
) -> None:
    made = pagerduty.trigger("payment-service", "Payments fail")
    assert (await put(client, made.id, status="resolved"))[0] == 200
    status, answer = await put(client, made.id, status="acknowledged")
    assert (status, answer["error"]["errors"]) == (400, ["Incident Already Resolved"])


@pytest.mark.parametrize(
    ("sender", "code"),
    [("", 2016), ("maya", 1028), ("stranger@acme.example", 1008)],
    ids=["none", "malformed", "unknown"],
)
async def test_writes_need_a_known_sender(
    pagerduty: PagerDutyServer, client: aiohttp.ClientSession, sender: str, code: int
) -> None:
    made = pagerduty.trigger("payment-service", "Payments fail")
    body = {"incident": {"type": "incident_reference", "status": "acknowledged"}}
    async with client.put(f"/incidents/{made.id}", json=body, headers={"From": sender}) as response:
        assert response.status == 400
        assert (await response.json())["error"]["code"] == code
    assert made.status == "triggered"


async def test_a_body_without_the_json_content_type_is_refused(
    pagerduty: PagerDutyServer, client: aiohttp.ClientSession
) -> None:
    made = pagerduty.trigger("payment-service", "Payments fail")
    async with client.put(f"/incidents/{made.id}", data=b"{}", headers={"Content-Type": "text/plain"}) as response:
        assert (await response.json())["error"]["errors"] == ["params must be a Hash"]
    async with client.put(f"/incidents/{made.id}", data=b"{") as response:
        assert response.status == 400


async def test_what_does_not_exist_is_2100(client: aiohttp.ClientSession) -> None:
    for path in ("/incidents/PNOTHERE", "/services/PNOTHERE", "/users/PNOTHERE", "/nowhere"):
        async with client.get(path) as response:
            assert response.status == 404
            assert await response.json() == {"error": {"message": "Not Found", "code": 2100}}


async def test_notes_are_kept_newest_first(pagerduty: PagerDutyServer, client: aiohttp.ClientSession) -> None:
    made = pagerduty.trigger("payment-service", "Payments fail")
    for text in ("first", "second"):
        async with client.post(f"/incidents/{made.id}/notes", json={"note": {"content": text}}) as response:
            assert (await response.json())["note"]["user"]["summary"] == "Maya Chen"
    notes = (await get(client, f"/incidents/{made.id}/notes"))["notes"]
    assert [note["content"] for note in notes] == ["second", "first"]
    assert [note.content for note in pagerduty.notes(made.id)] == ["first", "second"]
    async with client.post(f"/incidents/{made.id}/notes", json={"note": {"content": " "}}) as response:
        assert response.status == 400


async def test_many_incidents_change_at_once(pagerduty: PagerDutyServer, client: aiohttp.ClientSession) -> None:
    made = [pagerduty.trigger("payment-service", f"Payment {n}") for n in range(3)]
    items = [{"id": one.id, "type": "incident_reference", "status": "resolved"} for one in made]
    async with client.put("/incidents", json={"incidents": items}) as response:
        assert len((await response.json())["incidents"]) == 3
    assert {one.status for one in pagerduty.incidents()} == {"resolved"}
    async with client.put("/incidents", json={"incidents": [{"id": "PNOTHERE", "status": "resolved"}]}) as response:
        assert response.status == 404


async def test_incidents_are_made_by_hand_and_merged(pagerduty: PagerDutyServer, client: aiohttp.ClientSession) -> None:
    service = {"id": pagerduty.service("edge-network").id, "type": "service_reference"}
    wanted = {"type": "incident", "title": "Loss", "service": service, "incident_key": "k", "urgency": "low"}
    async with client.post("/incidents", json={"incident": wanted}) as response:
        assert response.status == 201
        made = (await response.json())["incident"]
    async with client.post("/incidents", json={"incident": wanted}) as response:
        assert response.status == 400
    async with client.post("/incidents", json={"incident": {"type": "incident"}}) as response:
        assert (await response.json())["error"]["errors"] == ["Title cannot be empty", "Service cannot be empty"]
    other = pagerduty.trigger("edge-network", "Loss, too")
    body = {"source_incidents": [{"id": other.id, "type": "incident_reference"}]}
    async with client.put(f"/incidents/{made['id']}/merge", json=body) as response:
        assert (await response.json())["incident"]["alert_counts"]["all"] == 1
    assert other.resolve_reason is not None
    assert other.resolve_reason["type"] == "merge_resolve_reason"


async def test_what_happened_before_is_ranked(pagerduty: PagerDutyServer, client: aiohttp.ClientSession) -> None:
    near = pagerduty.trigger("payment-service", "Payments fail in Berlin")
    far = pagerduty.trigger("payment-service", "Disk full")
    for one in (near, far):
        await put(client, one.id, status="resolved")
    now = pagerduty.trigger("payment-service", "Payments fail in Paris")
    beside = pagerduty.trigger("orphan-service", "No endpoints")
    past = (await get(client, f"/incidents/{now.id}/past_incidents"))["past_incidents"]
    assert [item["incident"]["id"] for item in past] == [near.id, far.id]
    related = (await get(client, f"/incidents/{now.id}/related_incidents"))["related_incidents"]
    assert [item["incident"]["id"] for item in related] == [beside.id]
    assert await get(client, f"/incidents/{now.id}/related_change_events") == {"change_events": []}


async def test_the_directory_is_readable(pagerduty: PagerDutyServer, client: aiohttp.ClientSession) -> None:
    on_calls = (await get(client, "/oncalls", **{"include[]": "users"}))["oncalls"]
    assert [(turn["escalation_level"], turn["user"]["email"].split("@")[0]) for turn in on_calls] == [
        (1, "maya.chen"),
        (2, "jonas.weber"),
        (3, "robin.okafor"),
    ]
    users = (await get(client, "/users", query="jonas"))["users"]
    assert [user["name"] for user in users] == ["Jonas Weber"]
    assert (await get(client, f"/users/{users[0]['id']}"))["user"]["email"] == "jonas.weber@acme.example"
    services = (await get(client, "/services", query="payment"))["services"]
    assert (await get(client, f"/services/{services[0]['id']}"))["service"]["status"] == "active"
    pagerduty.trigger("payment-service", "Payments fail")
    assert (await get(client, f"/services/{services[0]['id']}"))["service"]["status"] == "critical"
    assert [p["name"] for p in (await get(client, "/priorities"))["priorities"]] == ["P1", "P2", "P3", "P4"]
    assert len((await get(client, "/escalation_policies"))["escalation_policies"][0]["escalation_rules"]) == 3
    assert "priorities" in (await get(client, "/abilities"))["abilities"]
    async with client.get("/users/me") as response:
        assert response.status == 400  # an account key belongs to nobody


async def test_a_user_token_knows_its_user() -> None:
    server = PagerDutyServer(token_user="jonas.weber@acme.example")
    await server.start()
    headers = {"Authorization": f"Token token={server.api_token}"}
    async with aiohttp.ClientSession() as session, session.get(server.url + "/users/me", headers=headers) as response:
        assert (await response.json())["user"]["name"] == "Jonas Weber"
    await server.stop()


async def test_the_rate_limit_is_announced_and_kept() -> None:
    server = PagerDutyServer(requests_a_minute=2)
    await server.start()
    headers = {"Authorization": f"Token token={server.api_token}"}
    async with aiohttp.ClientSession(server.url, headers=headers) as session:
        left = []
        for _ in range(2):
            async with session.get("/abilities") as response:
                left.append(response.headers["ratelimit-remaining"])
        async with session.get("/abilities") as response:
            assert response.status == 429
            assert 1 <= int(response.headers["ratelimit-reset"]) <= 60
            assert (await response.json())["error"]["code"] == 2020
    assert left == ["1", "0"]
    await server.stop()


async def test_faults_hit_the_requests_they_are_meant_for(
    pagerduty: PagerDutyServer, client: aiohttp.ClientSession
) -> None:
    pagerduty.faults.inject(Fault("error", times=2, path="/users"))
    pagerduty.faults.inject(Fault("rate_limited", retry_after=7))
    statuses = []
    for path in ("/services", "/users", "/users", "/users"):
        async with client.get(path) as response:
            statuses.append(response.status)
    assert statuses == [429, 500, 500, 200]
    pagerduty.faults.inject(Fault("slow", seconds=0.2))
    with pytest.raises(TimeoutError):
        await client.get("/users", timeout=aiohttp.ClientTimeout(total=0.05))
    with pytest.raises(ValueError, match="unknown fault"):
        pagerduty.faults.inject(Fault("meteor"))  # type: ignore[arg-type]


async def test_down_refuses_connections_and_keeps_what_was(
    pagerduty: PagerDutyServer, client: aiohttp.ClientSession
) -> None:
    made = pagerduty.trigger("payment-service", "Payments fail")
    await pagerduty.go_down()
    with pytest.raises(aiohttp.ClientConnectionError):
        await client.get("/users")
    await pagerduty.go_up()
    assert (await get(client, f"/incidents/{made.id}"))["incident"]["title"] == "Payments fail"


async def test_traffic_is_recorded_without_secrets(
    pagerduty: PagerDutyServer, client: aiohttp.ClientSession, traffic: TrafficLog
) -> None:
    key = pagerduty.routing_key("payment-service")
    await get(client, "/users")
    async with client.post("/v2/enqueue", json={"routing_key": key, "event_action": "resolve"}) as response:
        assert response.status == 400
    exchanges = traffic.since(0, "pagerduty")
    assert [(e["method"], e["path"], e["status"]) for e in exchanges] == [
        ("GET", "/users", 200),
        ("POST", "/v2/enqueue", 400),
    ]
    text = str(exchanges)
    assert pagerduty.api_token not in text
    assert key not in text
    assert "maya.chen@acme.example" in text
