"""A patch does what the edits say, on whatever object, or nothing."""

import copy
from typing import Any

import jsonpatch
import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.kubernetes.actions.patching import ABSENT, Edit, Path, apply_edits, is_done, operations, read_at

KEYS = st.sampled_from(["a", "b", "a/b", "~1", "", "0"])
LEAVES = st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=5)
TREES = st.dictionaries(KEYS, st.recursive(LEAVES, lambda inner: st.dictionaries(KEYS, inner, max_size=3)), max_size=3)
PATHS = st.lists(KEYS, min_size=1, max_size=3).map(lambda parts: ("spec", *parts))


def reachable(obj: dict[str, Any], path: Path) -> bool:
    """Whether nothing but dictionaries (or nothing) stands on the way."""
    return all(read_at(obj, path[:depth]) is ABSENT or isinstance(read_at(obj, path[:depth]), dict | None)
               for depth in range(1, len(path)))  # fmt: skip


@given(TREES, PATHS, LEAVES | st.just(ABSENT))
def test_the_patch_makes_exactly_the_edit(spec: dict[str, Any], path: Path, value: Any) -> None:
    current = {"metadata": {"uid": "u", "resourceVersion": "7"}, "spec": spec}
    if not reachable(current, path):
        return
    before = copy.deepcopy(current)
    edits = (Edit(path, value),)
    patch = operations(current, edits)
    after = jsonpatch.JsonPatch(patch).apply(current)
    assert current == before
    assert after == apply_edits(current, edits)
    assert is_done(after, edits)
    assert read_at(after, path) == value
    moved = {**current, "metadata": {"uid": "u", "resourceVersion": "8"}}
    with pytest.raises(jsonpatch.JsonPatchTestFailed):
        jsonpatch.JsonPatch(patch).apply(moved)


def test_lists_are_appended_to_replaced_in_and_removed_from() -> None:
    current: dict[str, Any] = {"metadata": {}, "env": [{"name": "A"}, {"name": "B"}]}
    assert apply_edits(current, [Edit(("env", 2), {"name": "C"})])["env"] == [
        {"name": "A"},
        {"name": "B"},
        {"name": "C"},
    ]
    assert apply_edits(current, [Edit(("env", 0), {"name": "C"})])["env"] == [{"name": "C"}, {"name": "B"}]
    assert apply_edits(current, [Edit(("env", 0), ABSENT)])["env"] == [{"name": "B"}]
    assert apply_edits({"metadata": {}}, [Edit(("env", 0), {"name": "C"})])["env"] == [{"name": "C"}]


def test_the_old_value_is_tested_unless_it_is_private() -> None:
    current: dict[str, Any] = {"metadata": {"uid": "u", "resourceVersion": "7"}, "spec": {"a": "old"}}
    guarded = operations(current, [Edit(("spec", "a"), "new")])
    assert {"op": "test", "path": "/spec/a", "value": "old"} in guarded
    private = operations(current, [Edit(("spec", "a"), "new", private=True)])
    assert "old" not in str(private)
