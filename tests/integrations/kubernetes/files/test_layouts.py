"""The same cluster read from every tool's files gives the same diagnosis, with no API at all."""

import codecs
import gzip
import io
import json
import random
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.errors import InvalidInput
from integrations.kubernetes.diagnosis import diagnose, resolve_citation
from integrations.kubernetes.files import read_snapshot, save_snapshot
from integrations.kubernetes.snapshot import Snapshot
from tests.integrations.kubernetes.builders import NOW, NS, ago, config_map, deployment, meta, pod, template
from tests.integrations.kubernetes.files import layouts
from tests.integrations.kubernetes.files.layouts import CANARY, broken_shop, kubectl_json, kubectl_yaml, name_of_pod

LAYOUTS = {
    "cluster-info": layouts.cluster_info(broken_shop()),
    "must-gather": layouts.must_gather(broken_shop()),
    "by hand": layouts.by_hand(broken_shop()),
}


def check(taken: Snapshot) -> None:
    diagnosis = diagnose(taken)
    root = next(found for found in diagnosis.findings if found.root)
    assert (root.key, root.entity) == ("crash.missing_env", f"Deployment/{NS}/web")
    for citation in root.evidence:
        assert resolve_citation(taken, citation) == citation.value
    assert CANARY not in taken.to_json()


@pytest.mark.parametrize("form", ["directory", "zip", "windows zip", "tar", "tar.gz", "tar.xz", "tar.bz2"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_in_every_wrapping(layout: str, form: str, tmp_path: Path) -> None:
    files = LAYOUTS[layout]
    if form == "windows zip":
        packed = {name.replace("/", "\\"): text for name, text in files.items()}
        path = layouts.write_zip(tmp_path / "dump.zip", packed)
    elif form == "directory":
        path = layouts.write_directory(tmp_path / "dump", files)
    elif form == "zip":
        path = layouts.write_zip(tmp_path / "dump.bin", files)
    else:
        path = layouts.write_tar(tmp_path / "dump.bin", files, f"w:{form.removeprefix('tar').lstrip('.')}")
    taken = read_snapshot(path)
    check(taken)
    assert {source.status for source in taken.sources} <= {"ok", "no_data"}


@pytest.mark.parametrize("text", [kubectl_json(broken_shop()), kubectl_yaml(broken_shop()),
                                  "\n".join(json.dumps(item) for item in broken_shop()),
                                  json.dumps(broken_shop())])  # fmt: skip
def test_one_file_of_objects(text: str, tmp_path: Path) -> None:
    for content in (text.encode(), codecs.BOM_UTF16_LE + text.encode("utf-16-le"), gzip.compress(text.encode())):
        path = tmp_path / "dump"
        path.write_bytes(content)
        taken = read_snapshot(path)
        assert {key[0] for key in taken.objects} >= {"Deployment", "Pod", "Secret", "Node"}
        assert len(taken.events) == len(taken.metrics) == 1
        assert taken == read_snapshot(io.BytesIO(text.encode()))
    assert CANARY not in taken.to_json()
    assert (taken.get("Secret", NS, "keys") or {})["data"] == {"k": "[redacted]"}


def test_a_dump_to_standard_output_mixes_objects_and_logs(tmp_path: Path) -> None:
    path = tmp_path / "dump.txt"
    path.write_text("\n".join(LAYOUTS["cluster-info"].values()))
    check(read_snapshot(path))


def test_files_of_several_containers_and_of_unread_logs(tmp_path: Path) -> None:
    def part(name: str, text: str) -> str:
        title = f"logs for container {name} of pod {NS}/p ===="
        return f"==== START {title}\r\n{text}==== END {title}\r\n"

    text = part("a", "one\ntwo\n") + part("b", "Request log error: not found\n") + part("c", "no line feed")
    layouts.write_directory(tmp_path, {f"{NS}/p/logs.txt": text, "x.json": json.dumps(config_map("one"))})
    assert read_snapshot(tmp_path).logs == {
        (NS, "p", "a", False): ("one", "two"),
        (NS, "p", "c", False): ("no line feed",),
    }


def test_logs_as_the_kubelet_and_people_name_them(tmp_path: Path) -> None:
    name = name_of_pod()
    objects = kubectl_json(broken_shop())
    for path, previous in [
        (f"var/log/pods/{NS}_{name}_0a1b2c3d-1111/main/4.log", False), (f"logs/{NS}/{name}/main.log", False),
        (f"{NS}/{name}/main-previous.log", True), (f"{name}.log", False), (f"{name}_main.prev.log", True),
        (f"{NS}_{name}_main.txt", False), (f"containers/{name}_{NS}_main-{'0' * 64}.log", False),
    ]:  # fmt: skip
        root = tmp_path / path.replace("/", "+")
        layouts.write_directory(root, {"objects": objects, path: layouts.LOG})
        assert list(read_snapshot(root).logs) == [(NS, name, "main", previous)], path


def test_a_log_of_json_lines_is_no_document(tmp_path: Path) -> None:
    name = name_of_pod()
    lines = [
        json.dumps({"level": "info", "msg": "started"}),
        json.dumps({"level": "error", "msg": "DB_HOST is not set"}),
    ]
    files = {"objects.log": kubectl_json(broken_shop()), f"{name}.log": "\n".join(lines)}
    layouts.write_directory(tmp_path, files)
    taken = read_snapshot(tmp_path)
    assert taken.logs == {(NS, name, "main", False): tuple(lines)}
    assert taken.get("Deployment", NS, "web") is not None


def test_runs_of_one_container_are_told_apart(tmp_path: Path) -> None:
    top = f"pods/{NS}_p_0a1b2c3d-1111/main"
    files = {f"{top}/9.log": "ninth", f"{top}/10.log": "tenth", f"{top}/8.log": "eighth"}
    layouts.write_directory(tmp_path, files)
    assert read_snapshot(tmp_path).logs == {(NS, "p", "main", False): ("tenth",), (NS, "p", "main", True): ("ninth",)}


def test_the_time_is_the_newest_that_was_observed() -> None:
    quiet = deployment(template(), ready=1)
    quiet["status"]["conditions"] = [{"type": "Available", "lastTransitionTime": ago(50)}]
    quiet["metadata"]["annotations"] = {"renew-before": "2031-01-01T00:00:00Z"}
    ahead = config_map("app", until="2034-01-01T00:00:00Z")
    certificate = {"apiVersion": "cert-manager.io/v1", "kind": "Certificate", "metadata": meta("c"),
                   "status": {"notAfter": "2033-01-01T00:00:00Z", "renewalTime": "2032-01-01T00:00:00Z"}}  # fmt: skip
    text = kubectl_json([quiet, ahead, certificate])
    assert read_snapshot(io.BytesIO(text.encode())).taken_at.isoformat() == ago(50).replace("Z", "+00:00")
    at = datetime(2026, 1, 1, tzinfo=UTC)
    assert read_snapshot(io.BytesIO(text.encode()), at=at).taken_at == at


def test_a_stamped_log_tells_the_time_too(tmp_path: Path) -> None:
    layouts.write_directory(tmp_path, LAYOUTS["must-gather"])
    assert read_snapshot(tmp_path).taken_at == datetime(2026, 5, 4, 3, 19, 0, 500000, tzinfo=UTC)
    assert read_snapshot(tmp_path).taken_at < NOW


def test_the_order_of_files_changes_nothing(tmp_path: Path) -> None:
    older, newer = pod(deployment(template()), {}), pod(deployment(template()), {"restartCount": 3})
    older["metadata"]["resourceVersion"], newer["metadata"]["resourceVersion"] = "99", "100"
    files = {**LAYOUTS["cluster-info"], "a": json.dumps(newer), "b": json.dumps(older), "c.json": "{"}
    seen = set()
    for seed in range(6):
        names = list(files)
        random.Random(seed).shuffle(names)
        taken = read_snapshot(layouts.write_tar(tmp_path / "dump", {name: files[name] for name in names}))
        seen.add((taken.to_json(), diagnose(taken).model_dump_json()))
    assert len(seen) == 1
    assert (taken.get("Pod", NS, "web-x1") or {})["status"]["containerStatuses"][0]["restartCount"] == 3


@pytest.mark.parametrize("name", ["snapshot.json", "snapshot.json.gz"])
def test_our_own_snapshots_come_back_as_they_were(name: str, tmp_path: Path) -> None:
    layouts.write_directory(tmp_path / "dump", LAYOUTS["cluster-info"])
    taken = read_snapshot(tmp_path / "dump")
    path = tmp_path / name
    save_snapshot(taken, path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert read_snapshot(path) == taken
    first = path.read_bytes()
    save_snapshot(read_snapshot(path), path)
    assert path.read_bytes() == first
    assert sorted(item.name for item in tmp_path.iterdir()) == ["dump", name]


def test_one_namespace_of_a_dump() -> None:
    other = deployment(template(), name="other")
    other["metadata"]["namespace"] = "elsewhere"
    taken = read_snapshot(io.BytesIO(kubectl_json([*broken_shop(), other]).encode()), namespace="elsewhere")
    assert {key for key in taken.objects if key[1]} == {("Deployment", "elsewhere", "other")}
    assert taken.events == ()
    assert taken.get("Node", None, "node-1") is not None


def test_a_kind_that_only_shares_its_name_is_not_judged_as_ours() -> None:
    lookalike = {"apiVersion": "serving.knative.dev/v1", "kind": "Service", "metadata": meta("web"),
                 "spec": {"password": CANARY}}  # fmt: skip
    taken = read_snapshot(io.BytesIO(kubectl_json([*broken_shop(), lookalike]).encode()))
    assert (taken.get("Service", NS, "web") or {})["apiVersion"] == "v1"
    assert taken.get("Service.serving.knative.dev", NS, "web") is not None
    assert CANARY not in taken.to_json()


@pytest.mark.parametrize("text", ["", "hello\n", "{}", "[]", "<html></html>", '{"kind": "List", "items": []}'])
def test_what_holds_nothing_could_not_be_looked_at(text: str, tmp_path: Path) -> None:
    path = tmp_path / "dump"
    path.write_text(text)
    with pytest.raises(InvalidInput):
        read_snapshot(path)
    with pytest.raises(InvalidInput):
        read_snapshot(tmp_path / "absent")
