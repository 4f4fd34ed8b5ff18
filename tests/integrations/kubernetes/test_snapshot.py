"""Snapshots hold no secret and lose nothing that actions are filled in from."""

import pytest

from integrations.kubernetes.snapshot import Snapshot, SnapshotBuilder
from tests.integrations.kubernetes.builders import NOW, NS, config_map, container, deployment, event, snapshot, template

CANARY = "kT9$wq7RrZ2mL0pXvB"


def test_planted_secrets_are_gone() -> None:
    pattern = template(container(env=[{"name": "DB_PASSWORD", "value": CANARY}], args=[f"--password={CANARY}"]))
    owner = deployment(pattern)
    owner["metadata"]["annotations"] = {"kubectl.kubernetes.io/last-applied-configuration": CANARY, "token": CANARY}
    secret = {"kind": "Secret", "metadata": {"name": "s", "namespace": NS}, "data": {"a": CANARY}}
    taken = snapshot(
        owner, secret, config_map("app", password=CANARY), event(owner, "Failed", f"password={CANARY} refused"),
        logs={("web-x1", False): f"connecting with postgres://shop:{CANARY}@db/shop"},
    )  # fmt: skip
    assert CANARY not in taken.to_json()
    kept = taken.get("Secret", NS, "s")
    assert kept is not None
    assert kept["data"] == {"a": "[redacted]"}


def test_references_and_names_stay_exact() -> None:
    reference = {"secretKeyRef": {"name": "db-credentials", "key": "password"}}
    volumes = [{"name": "token", "secret": {"secretName": "tls-secret"}}]
    pattern = template(container(env=[{"name": "DB_PASSWORD", "valueFrom": reference}]), volumes=volumes)
    owner = deployment(pattern)
    kept = snapshot(owner).get("Deployment", NS, "web")
    assert kept is not None
    assert kept["spec"] == owner["spec"]


def test_a_snapshot_survives_being_saved() -> None:
    taken = snapshot(deployment(template()), logs={("web-x1", True): "one\ntwo"})
    again = Snapshot.from_json(taken.to_json())
    assert again == taken
    assert again.logs[(NS, "web-x1", "main", True)] == ("one", "two")


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"taken_at": 3}', "null"])
def test_other_files_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        Snapshot.from_json(text)


def test_the_last_word_about_a_source_counts() -> None:
    builder = SnapshotBuilder(NOW)
    builder.add_source("Pods", "error", "away")
    builder.add_source("Pods", "ok")
    assert [source.status for source in builder.build().sources] == ["ok"]
