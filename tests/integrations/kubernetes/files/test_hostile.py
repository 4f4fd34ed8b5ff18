"""Files that are damaged or made to hurt: each becomes a source error, and what is beside it is still read."""

import io
import json
import os
import stat
import struct
import tarfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.errors import InvalidInput
from integrations.kubernetes.diagnosis import diagnose
from integrations.kubernetes.files import Limits, read_snapshot
from integrations.kubernetes.snapshot import Snapshot
from tests.integrations.kubernetes.builders import NS, config_map
from tests.integrations.kubernetes.files.layouts import (
    broken_shop,
    kubectl_json,
    kubectl_yaml,
    write_directory,
    write_tar,
    write_zip,
)

GOOD = json.dumps(config_map("good"))
HEADER = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: bad, namespace: shop}\ndata:\n"
LAUGHS = (
    HEADER + "  a: &a0 [x]\n" + "".join(f"  b{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 30))
)
MERGES = HEADER + "  a: &a0 {x: y}\n" + "".join(
    f"  b{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 10)}]}}\n" for n in range(1, 30)
)  # fmt: skip


def chained(depth: int) -> str:
    """A deep object whose depth is not at its start."""
    text = '"end"'
    for _ in range(depth):
        text = f'{{"a": 1, "b": {text}}}'
    return f'{{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {{"name": "bad"}}, "spec": {text}}}'


BAD = {
    "cut off": GOOD[:-20],
    "not json": '{"kind": ]',
    "not yaml": HEADER + "  a: [unclosed\n",
    "a tag": HEADER + "  a: !!python/object/apply:os.system [id]\n",
    "billion laughs": LAUGHS,
    "merged laughs": MERGES,
    "contains itself": HEADER + "  a: &a [*a]\n",
    "deep flow": HEADER + "  a: " + "[" * 100_000,
    "deep blocks": HEADER + "  a:\n    " + "- " * 100_000 + "x",
    "deep questions": HEADER + "  a:\n    " + "? - " * 100_000 + "x",
    "deep indentation": HEADER + "".join(" " * n + "a:\n" for n in range(2, 900)),
    "deep json": '{"kind": "A", "b": ' + "[" * 200_000,
    "deep but whole": chained(150),
    "deeper": chained(600),
    "not a number": '{"kind": "ConfigMap", "metadata": {"name": "x"}, "data": {"a": NaN}}',
    "wrong types": '{"kind": "Pod", "metadata": {"name": "x"}, "spec": {"containers": [7]}}',
    "wrong metadata": '{"kind": "Pod", "metadata": [1]}',
    "server's error": '{"kind": "Status", "status": "Failure", "message": "pods is forbidden"}',
    "no snapshot": '{"taken_at": 3, "objects": [], "events": [], "logs": [], "metrics": [], "sources": []}',
}


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
_SOURCES = {"json": kubectl_json(broken_shop()).encode(), "yaml": kubectl_yaml(broken_shop()).encode()}


@settings(max_examples=120, deadline=None)
@given(st.sampled_from(sorted(_SOURCES)), st.data())
def test_damaged_bytes_never_do_more_than_cost_themselves(form: str, data: st.DataObject) -> None:
    content = bytearray(_SOURCES[form])
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place : place + data.draw(st.integers(0, 6))] = data.draw(st.binary(max_size=6))
    try:
        taken = read_snapshot(io.BytesIO(bytes(content)))
    except InvalidInput:
        return
    assert Snapshot.from_json(taken.to_json()).to_json() == taken.to_json()
    diagnose(taken)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_objects_with_odd_parts_are_read_or_reported(data: st.DataObject) -> None:
    items = broken_shop()
    item = data.draw(st.sampled_from(items))
    for _ in range(data.draw(st.integers(1, 3))):
        parent: object = item
        while isinstance(parent, dict) and parent:
            key = data.draw(st.sampled_from(sorted(parent)))
            if not isinstance(parent[key], dict) or data.draw(st.booleans()):
                parent[key] = data.draw(_VALUES)
                break
            parent = parent[key]
    try:
        taken = read_snapshot(io.BytesIO(json.dumps({"kind": "List", "items": items}).encode()))
    except InvalidInput:
        return
    assert Snapshot.from_json(taken.to_json()).to_json() == taken.to_json()


def errors(taken: Snapshot) -> dict[str, str]:
    return {source.name: source.detail for source in taken.sources if source.status == "error"}


@pytest.mark.parametrize("what", BAD)
def test_a_broken_file_is_reported_and_skipped(what: str, tmp_path: Path) -> None:
    write_directory(tmp_path, {"ns/bad.yaml": BAD[what], "good.json": GOOD})
    taken = read_snapshot(tmp_path)
    assert list(taken.objects) == [("ConfigMap", NS, "good")]
    assert errors(taken)["ns/bad.yaml"]
    assert Snapshot.from_json(taken.to_json()) == taken


def test_one_damaged_object_costs_no_other() -> None:
    text = json.dumps({"kind": "List", "items": [config_map("one"), {"kind": "Pod", "metadata": {"name": "bad"},
                                                                    "spec": "?"}, config_map("two")]})  # fmt: skip
    taken = read_snapshot(io.BytesIO(text.encode()))
    assert [key[2] for key in taken.objects] == ["one", "two"]
    assert "Pod/bad" in errors(taken)["stdin"]


def test_odd_but_harmless_yaml_is_read() -> None:
    text = (
        HEADER + "  when: 2026-05-04T03:00:00Z\n  8080: .nan\n  raw: !!binary aGVsbG8=\n  on: &x a\n  again: *x\n"
        '---\n---\nkind: ConfigMap\nmetadata: {name: half, creationTimestamp: null}\ndata: {a: "\\ud800"}\n'
    )
    taken = read_snapshot(io.BytesIO(text.encode()))
    data = (taken.get("ConfigMap", "shop", "bad") or {})["data"]
    assert data["when"] == "2026-05-04T03:00:00Z"
    assert data["again"] == "a"
    assert taken.to_json().encode()
    assert set(map(type, data)) == {str}


def test_numbers_and_characters_that_cannot_be_written_again_are_replaced() -> None:
    text = '{"kind": "Foo", "metadata": {"name": "x"}, "spec": {"a": 1e999, "b": "\\ud83d"}}'
    assert read_snapshot(io.BytesIO(text.encode())).to_json().encode()


@pytest.mark.parametrize("name", ["../outside.json", "/etc/outside.json", "a/../../outside.json", "..\\outside.json"])
def test_names_that_point_outside_an_archive(name: str, tmp_path: Path) -> None:
    files = {"good.json": GOOD, name: json.dumps(config_map("bad"))}
    for path in (write_zip(tmp_path / "in.zip", files), write_tar(tmp_path / "in.tar", files)):
        taken = read_snapshot(path)
        assert list(taken.objects) == [("ConfigMap", NS, "good")]
        assert "outside" in errors(taken)[name]
    assert sorted(item.name for item in tmp_path.iterdir()) == ["in.tar", "in.zip"]


def test_links_lead_nowhere(tmp_path: Path) -> None:
    outside = tmp_path / "outside.json"
    outside.write_text(json.dumps(config_map("bad")))
    root = write_directory(tmp_path / "dump", {"good.json": GOOD})
    (root / "link.json").symlink_to(outside)
    (root / "again").symlink_to(root, target_is_directory=True)
    (root / "self.json").symlink_to(root / "self.json")
    (root / "inside.json").symlink_to(root / "good.json")
    os.mkfifo(root / "pipe.json")
    taken = read_snapshot(root)
    assert list(taken.objects) == [("ConfigMap", NS, "good")]
    assert "not followed" in errors(taken)["link.json"]
    with tarfile.open(tmp_path / "links.tar", "w") as archive:
        archive.add(root / "good.json", "good.json")
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE):
            member = tarfile.TarInfo("bad.json")
            member.type, member.linkname = kind, str(outside)
            archive.addfile(member)
    assert list(read_snapshot(tmp_path / "links.tar").objects) == [("ConfigMap", NS, "good")]
    with zipfile.ZipFile(tmp_path / "links.zip", "w") as packed:
        packed.writestr("good.json", GOOD)
        entry = zipfile.ZipInfo("bad.json")
        entry.external_attr = (stat.S_IFLNK | 0o777) << 16
        packed.writestr(entry, str(outside))
    assert list(read_snapshot(tmp_path / "links.zip").objects) == [("ConfigMap", NS, "good")]


def test_bombs_stop_at_the_limits(tmp_path: Path) -> None:
    limits = Limits(json_bytes=200_000, yaml_bytes=200_000, log_bytes=300_000, total_bytes=1_500_000, files=50)
    huge = GOOD[:-1] + " " * 5_000_000 + "}"
    files = {"a.json": GOOD, "bomb.json": huge}
    for path in (write_zip(tmp_path / "b.zip", files), write_tar(tmp_path / "b.tgz", files)):
        assert path.stat().st_size < 50_000
        taken = read_snapshot(path, limits=limits)
        assert list(taken.objects) == [("ConfigMap", NS, "good")]
        assert any("holds more than" in detail or "hold more than" in detail for detail in errors(taken).values())
    write_directory(tmp_path / "many", {f"{n:03}.json": json.dumps(config_map(f"n{n}")) for n in range(80)})
    taken = read_snapshot(tmp_path / "many", limits=limits)
    assert len(taken.objects) == 50
    assert "50 files" in errors(taken)["many"]


def test_damaged_and_locked_archives(tmp_path: Path) -> None:
    zipped = write_zip(tmp_path / "a.zip", {"good.json": GOOD, "locked.json": GOOD}).read_bytes()
    tarred = write_tar(tmp_path / "a.tgz", {"good.json": GOOD, "more.json": GOOD * 400}).read_bytes()
    for content in (zipped[:-30], tarred[:60], b"\x1f\x8b\x08\x00garbage", b"PK\x03\x04garbage"):
        (tmp_path / "broken").write_bytes(content)
        with pytest.raises(InvalidInput):
            read_snapshot(tmp_path / "broken")
    (tmp_path / "cut.tgz").write_bytes(tarred[: len(tarred) - 12])
    assert list(read_snapshot(tmp_path / "cut.tgz").objects) == [("ConfigMap", NS, "good")]
    flagged = bytearray(zipped)
    central = flagged.rindex(b"PK\x01\x02")  # set the "encrypted" bit of the last member
    struct.pack_into("<H", flagged, central + 8, 1)
    (tmp_path / "locked.zip").write_bytes(bytes(flagged))
    taken = read_snapshot(tmp_path / "locked.zip")
    assert errors(taken) == {"locked.json": "is encrypted"} | {
        name: detail for name, detail in errors(taken).items() if name in {"Pods", "Workload"}
    }


def test_archives_inside_a_tree_are_named_and_not_opened(tmp_path: Path) -> None:
    write_directory(tmp_path, {"good.json": GOOD})
    write_zip(tmp_path / "inner.zip", {"bad.json": GOOD})
    write_tar(tmp_path / "inner.tgz", {"bad.json": GOOD})
    assert {"inner.zip", "inner.tgz"} <= errors(read_snapshot(tmp_path)).keys()


def test_a_huge_log_keeps_its_start_its_errors_and_its_end(tmp_path: Path) -> None:
    lines = [f"2026-05-04T03:00:00Z request {n} served" for n in range(60_000)]
    lines[30_000] = "ERROR the disk is full"
    lines[30_001] = "-----BEGIN PRIVATE KEY-----"
    lines[30_002:30_040] = ["QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZnaGlqa2xtbm9w"] * 38
    place = f"namespaces/{NS}/pods/p/main/main/logs/current.log"
    write_directory(tmp_path, {place: "\n".join(lines), "good.json": GOOD})
    kept = read_snapshot(tmp_path).logs[(NS, "p", "main", False)]
    assert len(kept) < 5_000
    assert (kept[0], kept[-1]) == (lines[0], lines[-1])
    assert "ERROR the disk is full" in kept
    assert any(line.endswith("lines left out]") for line in kept)
    assert not any("QUJDREVG" in line for line in kept)
    one_line = tmp_path / "endless.log"
    write_directory(tmp_path, {place: "x" * 9_000_000})
    assert not one_line.exists()
    assert sum(map(len, read_snapshot(tmp_path).logs[(NS, "p", "main", False)])) < 100_000
