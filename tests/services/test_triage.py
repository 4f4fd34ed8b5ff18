"""From an alert to an analysis with proposals, over fakes, on both databases."""

import asyncio
from dataclasses import replace
from datetime import timedelta

from bot.app import open_bot
from bot.domain.action import ProposalState
from bot.domain.alert import AlertSource, AlertState, Severity
from bot.domain.analysis import Analysis, Provenance
from bot.domain.entity import ObjectRef
from bot.domain.finding import Diagnosis
from bot.domain.incident import IncidentStatus, TriageState
from bot.errors import AuthenticationFailed, InvalidInput, Unavailable
from bot.ports.evidence import Resolution
from tests.fakes import AT, MAYA, TARGET, FakeAnalyst, make_alert
from tests.services.conftest import World, make_settings
from tests.waiting import wait_until


async def test_an_alert_becomes_an_analysis_with_a_proposal(world: World) -> None:
    assert await world.running.services.intake.accept(make_alert())
    incident = await world.triaged()
    assert incident.target == TARGET
    assert incident.thread is not None
    assert not incident.thread_is_ours
    [analysis] = world.messenger.said("analysis")
    assert analysis.root_cause.startswith("checkout exits at start because PAYMENT_URL is not set")
    assert analysis.severity is Severity.CRITICAL
    assert [(c.evidence_id, c.quote) for c in analysis.evidence] == [("E1", "PAYMENT_URL unset")]
    assert analysis.provenance.method == "rules"
    [proposal] = await world.running.services.approvals.pending()
    assert proposal.request.params == {"to_revision": 3}
    assert proposal.message is not None
    assert await world.audit_actions() == [
        "pagerduty_slack:incident:open",
        "bot:investigation:start",
        "bot:evidence:gather",
        "bot:analysis:write",
        "bot:proposal:create",
        "bot:analysis:publish",
    ]
    assert (await world.running.audit.verify()).intact


async def test_message_and_webhook_are_one_incident(world: World) -> None:
    intake = world.running.services.intake
    await intake.accept(make_alert())
    await intake.accept(
        make_alert(2, source=AlertSource.PAGERDUTY_WEBHOOK, message=None, title="Checkout: 0 of 2 replicas")
    )
    assert not await intake.accept(make_alert())
    incident = await world.triaged()

    async def complete() -> bool:
        return (await world.incident()).alert_count == 2

    await wait_until(complete)
    assert (await world.incident()).title in {"Checkout: 0 of 2 replicas", incident.title}
    assert len(world.messenger.said("progress")) >= 1
    assert [key for key in world.messenger.posts if key.endswith(":progress")] == [f"{incident.id}:1:progress"]


async def test_a_webhook_alone_opens_a_thread_of_ours(world: World) -> None:
    await world.running.services.intake.accept(
        make_alert(source=AlertSource.PAGERDUTY_WEBHOOK, message=None, service="Other")
    )
    incident = await world.triaged()
    assert incident.thread_is_ours
    assert incident.channel == "incidents"
    assert f"{incident.id}:root" in world.messenger.posts


async def test_acknowledge_and_resolve_are_followed_and_reopening_looks_again(world: World) -> None:
    intake = world.running.services.intake
    await intake.accept(make_alert())
    await world.triaged()
    for number, (state, minutes) in enumerate(
        [(AlertState.ACKNOWLEDGED, 1), (AlertState.RESOLVED, 5), (AlertState.TRIGGERED, 9)], 10
    ):
        await intake.accept(make_alert(number, state=state, occurred_at=AT + timedelta(minutes=minutes)))

    async def second_run() -> bool:
        incident = await world.incident()
        return incident.triage_run == 2 and incident.triage is TriageState.DONE

    await wait_until(second_run)
    incident = await world.incident()
    assert incident.status is IncidentStatus.TRIGGERED
    assert incident.acknowledged_at == AT + timedelta(minutes=1)
    actions = await world.audit_actions()
    assert [a for a in actions if ":incident:" in a] == [
        "pagerduty_slack:incident:open",
        "pagerduty_slack:incident:acknowledge",
        "pagerduty_slack:incident:resolve",
        "pagerduty_slack:incident:reopen",
    ]
    pending = await world.running.services.approvals.pending()
    assert len(pending) == 1, "the first run's proposal is superseded"


async def test_an_ambiguous_workload_is_asked_for(world: World) -> None:
    other = ObjectRef(kind="Deployment", namespace="shop", name="checkout-worker")
    world.source.resolution = Resolution(candidates=(TARGET, other), reason="two fit")
    await world.running.services.intake.accept(make_alert(title="Something odd", labels={}))
    incident = await world.triaged(TriageState.WAITING)
    assert world.messenger.said("question") == [(TARGET, other)]
    await world.running.services.investigation.choose_target(incident.id, other, MAYA)
    incident = await world.triaged()
    assert incident.target == other
    assert "slack:target:choose" in await world.audit_actions()


async def test_a_runbook_answers_for_what_no_cluster_shows(world: World) -> None:
    world.source.resolution = Resolution(candidates=(TARGET,), reason="perhaps")
    await world.running.services.intake.accept(
        make_alert(
            title="Database connection pool exhausted",
            service="Orders Database",
            external_id=None,
            labels={},
            details={"active_connections": 100, "max_connections": 100},
        )
    )
    await world.triaged()
    [analysis] = world.messenger.said("analysis")
    assert analysis.provenance.method == "runbook"
    assert "100" in analysis.root_cause + " ".join(analysis.immediate_actions)


async def test_a_healthy_cluster_is_called_healthy(world: World) -> None:
    world.source.diagnosis = Diagnosis(taken_at=AT, healthy=True)
    await world.running.services.intake.accept(make_alert())
    await world.triaged()
    [analysis] = world.messenger.said("analysis")
    assert analysis.healthy
    assert await world.running.services.approvals.pending() == []


async def test_a_refused_dry_run_is_said_and_not_offered(world: World) -> None:
    async def refuse(_request: object) -> None:
        raise InvalidInput("revision 3 is gone.")

    world.remediator.preview = refuse  # type: ignore[method-assign, assignment]
    await world.running.services.intake.accept(make_alert())
    await world.triaged()
    [analysis] = world.messenger.said("analysis")
    assert any("revision 3 is gone" in line for line in analysis.immediate_actions)
    assert await world.running.services.approvals.pending() == []


async def test_slack_away_for_a_moment_delays_and_loses_nothing(world: World) -> None:
    world.messenger.fail = [Unavailable("Slack is away.", vendor="Slack")]
    await world.running.services.intake.accept(make_alert())
    await world.triaged()
    assert len(world.messenger.said("analysis")) == 1


async def test_a_permanent_failure_is_said_with_an_error_id(world: World) -> None:
    async def explode(*_: object) -> None:
        raise RuntimeError("a bug")

    world.source.gather = explode  # type: ignore[method-assign, assignment]
    await world.running.services.intake.accept(make_alert())
    incident = await world.triaged(TriageState.FAILED)

    async def told() -> str | None:
        return next(iter(world.messenger.said("failed")), None)

    assert "E-" in await wait_until(told)
    await world.running.services.investigation.again(incident.id, MAYA)


async def test_details_are_completed_from_pagerduty(world: World) -> None:
    world.incident_source.details = {"replicas": 2, "api_token": "canary-7f3a9b"}
    await world.running.services.intake.accept(make_alert())
    incident = await world.triaged()
    evidence = await world.running.services.incidents.evidence(incident.id)
    assert [e.id for e in evidence] == ["A1", "E1"]
    assert evidence[0].payload["details"]["replicas"] == 2
    assert "canary" not in str(evidence) + str(await world.incident())


async def test_a_storm_of_one_incident_is_investigated_once(world: World) -> None:
    intake = world.running.services.intake
    results = await asyncio.gather(*(intake.accept(make_alert(n)) for n in range(200)))
    assert all(results)
    await world.triaged()

    async def counted() -> bool:
        return (await world.incident()).alert_count == 200

    await wait_until(counted)
    assert world.source.gathered == 1


async def test_switched_off_execution_shows_the_command_only(db_url: str) -> None:
    world = World(make_settings(db_url, execution=False))
    async with open_bot(world.settings, world.outside(), {}) as bot:
        world.bot = bot
        await bot.services.intake.accept(make_alert())
        incident = await world.triaged()
        [proposal] = await bot.services.incidents.proposals(incident.id)
        assert proposal.state is ProposalState.COMMAND_ONLY
        assert proposal.preview.command.startswith("kubectl")


async def test_claude_and_its_absence(db_url: str) -> None:
    answer = Analysis(
        headline="It was the deploy",
        severity=Severity.HIGH,
        root_cause="Revision 4 dropped PAYMENT_URL.",
        confidence=0.9,
        provenance=Provenance(method="claude", model="m", duration_ms=5),
    )
    world = World(make_settings(db_url))
    analyst = FakeAnalyst(answer=answer)
    async with open_bot(world.settings, replace(world.outside(), analyst=analyst), {}) as bot:
        world.bot = bot
        await bot.services.intake.accept(make_alert())
        await world.triaged()
        analyst.error = AuthenticationFailed("The key is not valid.", vendor="Claude")
        await bot.services.investigation.again((await world.incident()).id, MAYA)

        async def second() -> bool:
            return len(world.messenger.said("analysis")) == 2

        await wait_until(second)
    first, then = world.messenger.said("analysis")
    assert first.provenance.method == "claude"
    assert then.provenance.method == "rules"
    assert then.provenance.note == "The key is not valid."
