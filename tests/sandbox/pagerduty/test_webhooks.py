"""Signed webhooks: what is sent, in which order, and how often."""

import asyncio
import dataclasses

import aiohttp
import pytest

from sandbox.pagerduty import Fault, PagerDutyServer
from sandbox.pagerduty.account import user_agent
from sandbox.traffic import TrafficLog
from tests.sandbox.pagerduty.conftest import QUICK, Receiver, is_signed


async def test_a_trigger_is_sent_signed(pagerduty: PagerDutyServer, receiver: Receiver, traffic: TrafficLog) -> None:
    subscription = pagerduty.add_webhook(receiver.url, "s3cret")
    incident = pagerduty.trigger("payment-service", "Payments fail: jetzt, übrigens")
    await pagerduty.settle()
    ((headers, body),) = receiver.received
    assert is_signed(headers, body, "s3cret")
    assert headers["X-Webhook-Subscription"] == subscription.id
    assert headers["User-Agent"].startswith("PagerDuty-Webhook/V3")
    event = receiver.events[0]
    assert (event["event_type"], event["resource_type"]) == ("incident.triggered", "incident")
    assert event["data"]["id"] == incident.id
    assert event["data"]["type"] == "incident"
    assert event["data"]["assignees"][0]["summary"] == "Maya Chen"
    out = [e for e in traffic.since(0, "pagerduty") if e["direction"] == "out"]
    assert out[0]["status"] == 202
    assert "s3cret" not in str(out)


async def test_a_rotated_secret_signs_twice(pagerduty: PagerDutyServer, receiver: Receiver) -> None:
    subscription = pagerduty.add_webhook(receiver.url, "old")
    pagerduty.rotate_secret(subscription, "new")
    pagerduty.trigger("payment-service", "Payments fail")
    await pagerduty.settle()
    headers, body = receiver.received[0]
    assert headers["X-PagerDuty-Signature"].count("v1=") == 2
    assert is_signed(headers, body, "old")
    assert is_signed(headers, body, "new")


async def test_every_change_has_its_event_in_order(pagerduty: PagerDutyServer, receiver: Receiver) -> None:
    pagerduty.add_webhook(receiver.url)
    account, people = pagerduty.account, pagerduty.directory.users
    maya, jonas = people[0], people[1]
    incident = pagerduty.trigger("payment-service", "Payments fail")
    account.acknowledge(incident, user_agent(jonas), jonas)
    account.unacknowledge(incident)
    account.reassign(incident, [maya], user_agent(jonas))
    account.escalate(incident, 2, user_agent(maya))
    account.set_priority(incident, pagerduty.directory.priorities[0], user_agent(maya))
    account.add_note(incident, maya, "Looking")
    account.publish_status_update(incident, maya, "We are on it")
    account.resolve(incident, user_agent(maya))
    account.reopen(incident, user_agent(maya))
    await pagerduty.settle()
    assert receiver.types == [
        "incident.triggered",
        "incident.acknowledged",
        "incident.reassigned",
        "incident.unacknowledged",
        "incident.reassigned",
        "incident.escalated",
        "incident.priority_updated",
        "incident.annotated",
        "incident.status_update_published",
        "incident.resolved",
        "incident.reopened",
    ]
    note = receiver.events[7]["data"]
    assert (note["type"], note["content"], note["incident"]["id"]) == ("incident_note", "Looking", incident.id)
    statuses = [event["data"].get("status") for event in receiver.events[:3]]
    assert statuses == ["triggered", "acknowledged", "acknowledged"]
    assert len({event["id"] for event in receiver.events}) == len(receiver.events)


async def test_a_merge_says_so(pagerduty: PagerDutyServer, receiver: Receiver) -> None:
    target, source = (pagerduty.trigger("edge-network", title) for title in ("Loss", "More loss"))
    pagerduty.add_webhook(receiver.url, events=["incident.resolved"])
    pagerduty.account.merge(target, [source], user_agent(pagerduty.directory.users[0]))
    await pagerduty.settle()
    assert receiver.types == ["incident.resolved"]
    assert receiver.events[0]["data"]["resolve_reason"]["type"] == "merge_resolve_reason"


@pytest.mark.parametrize("first", [500, 503, 429])
async def test_a_failure_is_retried_with_the_same_id(
    pagerduty: PagerDutyServer, receiver: Receiver, first: int
) -> None:
    receiver.answers = [first, first]
    pagerduty.add_webhook(receiver.url)
    incident = pagerduty.trigger("payment-service", "Payments fail")
    pagerduty.account.add_note(incident, pagerduty.directory.users[0], "Looking")
    await pagerduty.settle()
    assert receiver.types == ["incident.triggered"] * 3 + ["incident.annotated"]
    identities = [headers["X-Webhook-Id"] for headers, _ in receiver.received]
    assert len(set(identities[:3])) == 1
    assert identities[3] != identities[0]


async def test_a_refusal_drops_the_event(pagerduty: PagerDutyServer, receiver: Receiver) -> None:
    receiver.answers = [403]
    pagerduty.add_webhook(receiver.url)
    pagerduty.trigger("payment-service", "Payments fail")
    await pagerduty.settle()
    assert len(receiver.received) == 1
    assert pagerduty.webhooks.deliveries[0].outcome == "dropped"


async def test_three_drops_switch_a_subscription_off(pagerduty: PagerDutyServer, receiver: Receiver) -> None:
    receiver.answers = [400, 400, 400]
    subscription = pagerduty.add_webhook(receiver.url)
    for number in range(4):
        pagerduty.trigger("payment-service", f"Payment {number}")
        await pagerduty.settle()
    assert len(receiver.received) == 3
    assert pagerduty.webhooks.deliveries[-1].outcome == "disabled"
    headers = {"Authorization": f"Token token={pagerduty.api_token}"}
    enable = f"{pagerduty.url}/webhook_subscriptions/{subscription.id}/enable"
    async with aiohttp.ClientSession(headers=headers) as session, session.post(enable) as response:
        assert response.status == 200
    pagerduty.trigger("payment-service", "Payment 5")
    await pagerduty.settle()
    assert len(receiver.received) == 4


async def test_a_receiver_that_is_away_gets_it_later(pagerduty: PagerDutyServer, receiver: Receiver) -> None:
    assert receiver.serving is not None
    url = receiver.url
    await receiver.serving.stop()
    pagerduty.add_webhook(url)
    pagerduty.trigger("payment-service", "Payments fail")
    await asyncio.sleep(0.05)
    from aiohttp import web

    from sandbox.serving import Serving

    app = web.Application()
    app.router.add_post("/hook", receiver.take)
    receiver.serving = await Serving.start(app, port=receiver.serving.port)
    await pagerduty.settle()
    assert receiver.types == ["incident.triggered"]
    assert pagerduty.webhooks.deliveries[0].attempts > 1


async def test_an_event_expires_when_nobody_takes_it(receiver: Receiver) -> None:
    server = PagerDutyServer(delivery=dataclasses.replace(QUICK, give_up_after=0.05))
    await server.start()
    receiver.answers = [500] * 100
    server.add_webhook(receiver.url)
    server.trigger("payment-service", "Payments fail")
    await server.settle()
    assert server.webhooks.deliveries[0].outcome == "expired"
    await server.stop()


async def test_a_webhook_can_get_lost(pagerduty: PagerDutyServer, receiver: Receiver) -> None:
    pagerduty.add_webhook(receiver.url)
    pagerduty.faults.inject(Fault("lose_webhook"))
    incident = pagerduty.trigger("payment-service", "Payments fail")
    pagerduty.account.resolve(incident, user_agent(pagerduty.directory.users[0]))
    await pagerduty.settle()
    assert receiver.types == ["incident.resolved"]


async def test_a_ping_is_sent_on_demand(pagerduty: PagerDutyServer, receiver: Receiver) -> None:
    pagerduty.ping(pagerduty.add_webhook(receiver.url))
    await pagerduty.settle()
    assert receiver.types == ["pagey.ping"]
    assert receiver.events[0]["data"]["type"] == "ping"


async def test_subscriptions_are_made_over_rest(
    pagerduty: PagerDutyServer, receiver: Receiver, client: aiohttp.ClientSession
) -> None:
    wanted = {
        "type": "webhook_subscription",
        "delivery_method": {"type": "http_delivery_method", "url": receiver.url},
        "events": ["incident.triggered"],
        "filter": {"type": "service_reference", "id": pagerduty.service("edge-network").id},
    }
    async with client.post("/webhook_subscriptions", json={"webhook_subscription": wanted}) as response:
        assert response.status == 201
        made = (await response.json())["webhook_subscription"]
    pagerduty.trigger("payment-service", "Not for us")
    pagerduty.trigger("edge-network", "For us")
    await pagerduty.settle()
    assert [event["data"]["title"] for event in receiver.events] == ["For us"]
    assert is_signed(*receiver.received[0], made["delivery_method"]["secret"])
    async with client.get("/webhook_subscriptions") as response:
        listed = (await response.json())["webhook_subscriptions"]
    assert [item["id"] for item in listed] == [made["id"]]
    assert "secret" not in listed[0]["delivery_method"]
    async with client.delete(f"/webhook_subscriptions/{made['id']}") as response:
        assert response.status == 204
    async with client.post("/webhook_subscriptions", json={"webhook_subscription": {}}) as response:
        assert len((await response.json())["error"]["errors"]) == 3
