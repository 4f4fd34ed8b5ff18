"""Who may decide what, for any person, proposal and setting."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.action import ActionRequest, Approval, Preview, Proposal, ProposalState, fingerprint
from bot.domain.actor import Actor, Via
from bot.domain.base import canonical_json
from bot.domain.entity import ObjectRef
from bot.domain.finding import RiskClass
from bot.domain.policy import (
    ApprovalPolicy,
    approvals_needed,
    confirmation_of,
    may_apply,
    may_carry_out,
    may_confirm,
    may_decide,
    may_execute,
)
from tests.fakes import AT

IDS = st.sampled_from(["U1", "U2", "S1", "S2", ""])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
OBJECTS = st.dictionaries(st.text(max_size=5), JSON, max_size=3)


def make_policy(**changes: Any) -> ApprovalPolicy:
    values: dict[str, Any] = {
        "approvers": frozenset({"U1"}),
        "enabled_actions": frozenset({"scale"}),
        "execution_enabled": True,
    }
    return ApprovalPolicy(**(values | changes))


def make_proposal(params: dict[str, Any], precondition: dict[str, Any], **changes: Any) -> Proposal:
    request = ActionRequest(action="scale", target=ObjectRef(kind="Deployment", namespace="a", name="b"), params=params)
    preview = Preview(
        command="kubectl scale", diff="", risk="S", blast_radius="", reversible=True, precondition=precondition
    )
    values: dict[str, Any] = {
        "id": "P-1",
        "incident_id": "INC-1",
        "request": request,
        "preview": preview,
        "fingerprint": fingerprint(request, preview),
        "state": ProposalState.PENDING,
        "created_at": AT,
        "expires_at": AT + timedelta(minutes=15),
    }
    return Proposal(**(values | changes))


@given(IDS, st.frozensets(IDS), st.frozensets(IDS))
def test_only_the_named_decide(user: str, groups: frozenset[str], approvers: frozenset[str]) -> None:
    refusal = may_decide(make_policy(approvers=approvers), Actor(via=Via.SLACK, id=user, name="n", groups=groups))
    assert (refusal is None) == bool(approvers & (groups | {user}))


@given(st.sampled_from(ProposalState), st.integers(-3600, 3600), st.booleans(), st.booleans())
def test_nothing_but_an_open_allowed_offer_in_time_is_executed(
    state: ProposalState, seconds: int, enabled: bool, listed: bool
) -> None:
    policy = make_policy(execution_enabled=enabled, enabled_actions=frozenset({"scale"} if listed else ()))
    proposal = make_proposal({"replicas": 2}, {"uid": "u"}, state=state)
    refusal = may_execute(policy, proposal, proposal.expires_at + timedelta(seconds=seconds))
    assert (refusal is None) == (state is ProposalState.PENDING and seconds < 0 and enabled and listed)


@given(OBJECTS, OBJECTS, OBJECTS, OBJECTS)
def test_any_other_bytes_are_not_what_was_approved(
    params: dict[str, Any], precondition: dict[str, Any], other_params: dict[str, Any], other: dict[str, Any]
) -> None:
    shown = make_proposal(params, precondition)
    stored = make_proposal(other_params, other, fingerprint=shown.fingerprint)
    same = canonical_json([params, precondition]) == canonical_json([other_params, other])
    refusal = may_apply(make_policy(), stored)
    assert (refusal is None) == same


@given(st.sampled_from(["action", "target", "params", "precondition", "risk"]))
def test_each_part_of_an_action_is_bound(part: str) -> None:
    shown = make_proposal({"replicas": 2}, {"uid": "u", "resourceVersion": "1"})
    request, preview = shown.request, shown.preview
    match part:
        case "action":
            request = request.model_copy(update={"action": "rollback"})
        case "target":
            request = request.model_copy(update={"target": ObjectRef(kind="Deployment", namespace="a", name="c")})
        case "params":
            request = request.model_copy(update={"params": {"replicas": 3}})
        case "risk":
            preview = preview.model_copy(update={"risk": "D"})
        case _:
            preview = preview.model_copy(update={"precondition": {"uid": "u", "resourceVersion": "2"}})
    changed = shown.model_copy(update={"request": request, "preview": preview})
    policy = make_policy(enabled_actions=frozenset({"scale", "rollback"}))
    refusal = may_apply(policy, changed)
    assert refusal is not None
    assert refusal.code == "fingerprint"


@given(st.text(max_size=20), st.text(max_size=20))
def test_words_around_an_action_do_not_change_it(reason: str, command: str) -> None:
    shown = make_proposal({"replicas": 2}, {"uid": "u"})
    reworded = shown.request.model_copy(update={"reason": reason, "finding": command})
    assert fingerprint(reworded, shown.preview) == shown.fingerprint


def make_risky(risk: RiskClass, *approvers: str) -> Proposal:
    proposal = make_proposal({"replicas": 0}, {"uid": "u"})
    preview = proposal.preview.model_copy(update={"risk": risk})
    return proposal.model_copy(
        update={
            "preview": preview,
            "fingerprint": fingerprint(proposal.request, preview),
            "approvals": tuple(Approval(by=user, at=AT) for user in approvers),
        }
    )


@pytest.mark.parametrize("via", [via for via in Via if via is not Via.SLACK])
def test_an_id_of_another_door_is_not_taken_for_slacks(via: Via) -> None:
    policy = make_policy(approvers=frozenset({"U0MAYA", "S0ONCALL"}))
    impostor = Actor(via=via, id="U0MAYA", name="Maya Chen", groups=frozenset({"S0ONCALL"}))
    assert may_decide(policy, Actor(via=Via.SLACK, id="U0MAYA")) is None
    refusal = may_decide(policy, impostor)
    assert refusal is not None
    assert refusal.code == "not_an_approver"
    assert may_decide(make_policy(approvers=frozenset({f"{via.value}:U0MAYA"})), impostor) is None


def person(user: str) -> Actor:
    return Actor(via=Via.SLACK, id=user, name="n")


def test_a_destructive_action_needs_its_own_switch() -> None:
    proposal = make_risky("X")
    refusal = may_apply(make_policy(), proposal)
    assert refusal is not None
    assert refusal.code == "destructive"
    assert "K8S_ALLOW_DESTRUCTIVE_ACTIONS" in refusal.message
    assert may_apply(make_policy(destructive_allowed=True), proposal) is None


def test_only_what_is_destructive_takes_two_people() -> None:
    assert [approvals_needed(risk) for risk in ("S", "D", "X")] == [1, 1, 2]
    assert [confirmation_of(make_risky(risk)) for risk in ("S", "D", "X")] == [None, None, "b"]


@pytest.mark.parametrize(
    ("risk", "typed", "code"),
    [
        ("X", "b", None),
        ("X", "  b\n", None),
        ("X", None, "unconfirmed"),
        ("X", "", "mismatch"),
        ("X", "B", "mismatch"),
        ("X", "b b", "mismatch"),
        ("X", "a/b", "mismatch"),
        ("X", "`b`", "mismatch"),
        ("D", None, None),
        ("D", "b", None),
        ("D", "c", "mismatch"),
    ],
)
def test_the_name_is_typed_exactly(risk: RiskClass, typed: str | None, code: str | None) -> None:
    refusal = may_confirm(make_risky(risk), person("U1"), typed)
    assert (refusal.code if refusal else None) == code


@given(st.text(max_size=5))
def test_no_other_text_confirms(typed: str) -> None:
    assert (may_confirm(make_risky("X"), person("U1"), typed) is None) == (typed.strip() == "b")


def test_nobody_approves_twice() -> None:
    half = make_risky("X", "U1")
    refusal = may_confirm(half, person("U1"), "b")
    assert refusal is not None
    assert refusal.code == "same_person"
    assert "second person" in refusal.message
    assert may_confirm(half, person("U2"), "b") is None


@given(st.sampled_from(["S", "D", "X"]), st.lists(IDS, max_size=4))
def test_what_is_destructive_is_carried_out_for_two_people_only(risk: RiskClass, approvers: list[str]) -> None:
    refusal = may_carry_out(make_policy(destructive_allowed=True), make_risky(risk, *approvers))
    assert (refusal is None) == (risk != "X" or len(set(approvers)) >= 2)


def test_enough_people_do_not_replace_the_other_rules() -> None:
    refusal = may_carry_out(make_policy(), make_risky("X", "U1", "U2"))
    assert refusal is not None
    assert refusal.code == "destructive"
