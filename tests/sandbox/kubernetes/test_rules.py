"""The pure pieces: patches, selectors, quantities, field sets, schedules, images, shell scripts."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.kubernetes.columns import duration
from sandbox.kubernetes.controllers.cron_jobs import next_time
from sandbox.kubernetes.image_scripts import postgres, shell, stress
from sandbox.kubernetes.image_stock import stocked_registry
from sandbox.kubernetes.images import MEBIBYTE, Process, PullFailure, parse_image
from sandbox.kubernetes.managed_fields import difference, field_set, intersection, union
from sandbox.kubernetes.objects import quantity
from sandbox.kubernetes.patching import merge_patch, strategic_merge
from sandbox.kubernetes.protobuf import decode_self_review
from sandbox.kubernetes.schema import SCHEMAS
from sandbox.kubernetes.selectors import parse_labels, satisfies, selector_matches
from sandbox.kubernetes.strictness import unknown_fields
from tests.sandbox.kubernetes.conftest import deployment

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", max_size=2), inner, max_size=3),
    max_leaves=8,
)
TREE: st.SearchStrategy[dict[str, Any]] = st.recursive(
    st.just({}),
    lambda inner: st.dictionaries(st.sampled_from(["f:a", "f:b", "f:c"]), inner, max_size=3),
    max_leaves=8,
)


def process(*command: str, env: dict[str, str] | None = None, cpu: float | None = None) -> Process:
    return Process("image", command, (), env or {}, {}, (), None, cpu, 0, {}, lambda _host, _port: False)


@given(JSON, JSON)
def test_a_merge_patch_is_idempotent(target: Any, patch: Any) -> None:
    once = merge_patch(target, patch)
    assert merge_patch(once, patch) == once


@given(TREE, TREE)
def test_field_sets_behave_like_sets(one: dict[str, Any], two: dict[str, Any]) -> None:
    assert union(one, two) == union(two, one)
    assert intersection(one, two) == intersection(two, one)
    assert difference(one, one) == {}


@pytest.mark.parametrize(
    ("target", "patch", "result"),
    [
        (
            {"containers": [{"name": "a", "image": "1"}, {"name": "b"}]},
            {"containers": [{"name": "a", "image": "2"}]},
            {"containers": [{"name": "a", "image": "2"}, {"name": "b"}]},
        ),
        (
            {"containers": [{"name": "a"}, {"name": "b"}]},
            {"containers": [{"name": "a", "$patch": "delete"}]},
            {"containers": [{"name": "b"}]},
        ),
        ({"args": ["1", "2"]}, {"args": ["3"]}, {"args": ["3"]}),
        ({"a": {"x": 1}}, {"a": {"$patch": "replace", "y": 2}}, {"a": {"y": 2}}),
        (
            {"strategy": {"type": "R", "old": 1}},
            {"strategy": {"$retainKeys": ["type"], "type": "S"}},
            {"strategy": {"type": "S"}},
        ),
        ({"finalizers": ["a", "b"]}, {"$deleteFromPrimitiveList/finalizers": ["a"]}, {"finalizers": ["b"]}),
        (
            {"env": [{"name": "a"}, {"name": "b"}]},
            {"$setElementOrder/env": [{"name": "b"}, {"name": "a"}], "env": [{"name": "b", "value": "1"}]},
            {"env": [{"name": "b", "value": "1"}, {"name": "a"}]},
        ),
    ],
)
def test_strategic_merges(target: Any, patch: Any, result: Any) -> None:
    assert strategic_merge(target, patch) == result


@pytest.mark.parametrize(
    ("text", "labels", "matches"),
    [
        ("a=1", {"a": "1"}, True),
        ("a==1,b", {"a": "1", "b": ""}, True),
        ("a!=1", {}, True),
        ("a notin (1, 2)", {"a": "2"}, False),
        ("!a", {"a": "1"}, False),
    ],
)
def test_label_selectors(text: str, labels: dict[str, str], matches: bool) -> None:
    assert satisfies(parse_labels(text), labels) is matches


def test_an_empty_selector_matches_everything_and_none_nothing() -> None:
    assert selector_matches({}, {"a": "b"})
    assert not selector_matches(None, {"a": "b"})


@pytest.mark.parametrize(("text", "value"), [("500m", 0.5), ("64Mi", 2**26), ("2", 2), ("1k", 1000), ("1e3", 1000)])
def test_quantities(text: str, value: float) -> None:
    assert quantity(text) == value


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("*/15 * * * *", "2026-11-23 13:45"),
        ("0 3 * * *", "2026-11-24 03:00"),
        ("30 12 1 * *", "2026-12-01 12:30"),
        ("0 0 * * 0", "2026-11-29 00:00"),
        ("@yearly", "2027-01-01 00:00"),
        ("0 0 31 2 *", None),
        ("nonsense", None),
    ],
)
def test_cron_schedules(schedule: str, expected: str | None) -> None:
    found = next_time(schedule, datetime(2026, 11, 23, 13, 38, 20, tzinfo=UTC))
    assert (found.strftime("%Y-%m-%d %H:%M") if found else None) == expected


@pytest.mark.parametrize(
    ("seconds", "text"), [(59, "59s"), (150, "2m30s"), (700, "11m"), (3 * 3600, "3h"), (50 * 3600, "2d2h")]
)
def test_durations_as_kubectl_shortens_them(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("image", "parsed"),
    [
        ("nginx", ("docker.io/library/nginx", "latest")),
        ("bitnami/redis:7.2", ("docker.io/bitnami/redis", "7.2")),
        ("registry.example.com:5000/a/b:1", ("registry.example.com:5000/a/b", "1")),
        ("Not An Image", None),
    ],
)
def test_image_references(image: str, parsed: tuple[str, str] | None) -> None:
    assert parse_image(image) == parsed


@pytest.mark.parametrize(
    ("image", "said"),
    [
        ("nginx:no-such-tag", "nginx:no-such-tag: not found"),
        ("nobody/nothing:1", "insufficient_scope: authorization failed"),
        ("registry.nowhere.example/x:1", "no such host"),
        ("UPPER:1", "invalid reference format"),
    ],
)
def test_pulls_fail_in_the_runtimes_words(image: str, said: str) -> None:
    failure = stocked_registry().pull(image)
    assert isinstance(failure, PullFailure)
    assert failure.message.endswith(said)


@pytest.mark.parametrize(
    ("command", "code", "log"),
    [
        (("sh", "-c", "echo one; exit 7"), 7, ("one",)),
        (("sh", "-c", "while true; do echo tick; sleep 1; done"), None, ("tick",)),
        (("sleep", "3600"), None, ()),
        (("false",), 1, ()),
        (("sh", "-c", "cat /nowhere"), 1, ("cat: can't open '/nowhere': No such file or directory",)),
        (("sh", "-c", "frobnicate"), 127, ("sh: frobnicate: not found",)),
    ],
)
def test_shell_scripts_are_understood(command: tuple[str, ...], code: int | None, log: tuple[str, ...]) -> None:
    behaviour = shell(process(*command))
    assert (behaviour.exit_code, behaviour.log) == (code, log)


def test_a_missing_program_does_not_start() -> None:
    assert "executable file not found in $PATH" in shell(process("/no/such/program")).start_error


def test_stress_uses_what_it_is_told() -> None:
    behaviour = stress(process("stress", "--vm", "1", "--vm-bytes", "250M", "--cpu", "2", cpu=500))
    assert behaviour.memory == 250 * MEBIBYTE
    assert (behaviour.millicores, round(behaviour.throttled, 1)) == (499, 0.8)


def test_postgres_needs_its_password() -> None:
    assert postgres(process()).exit_code == 1
    assert postgres(process(env={"POSTGRES_PASSWORD": "x"})).exit_code is None


def test_unknown_fields_are_found_at_any_depth() -> None:
    body = deployment()
    assert unknown_fields("Deployment", body) == []
    body["spec"]["template"]["spec"]["containers"][0]["prots"] = []
    assert unknown_fields("Deployment", body) == ["spec.template.spec.containers[0].prots"]
    assert set(SCHEMAS) > {"Pod", "Service", "ConfigMap"}


def test_a_protobuf_review_is_read() -> None:
    attributes = b"\x0a\x04demo\x12\x06delete\x2a\x04pods"
    spec = b"\x0a" + bytes([len(attributes)]) + attributes
    review = b"\x12" + bytes([len(spec)]) + spec
    raw = b"k8s\x00\x12" + bytes([len(review)]) + review
    expected = {"namespace": "demo", "verb": "delete", "resource": "pods"}
    assert decode_self_review(raw, "SelfSubjectAccessReview") == {"resourceAttributes": expected}


def test_field_sets_name_list_elements() -> None:
    fields = field_set(deployment())
    containers = fields["f:spec"]["f:template"]["f:spec"]["f:containers"]
    assert containers == {'k:{"name":"main"}': {".": {}, "f:name": {}, "f:image": {}}}
