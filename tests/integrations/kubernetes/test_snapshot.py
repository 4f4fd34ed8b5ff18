"""Snapshots hold no secret and lose nothing that actions are filled in from."""

import base64
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from integrations.kubernetes.diagnosis import diagnose
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


def test_what_a_program_depends_on_stays_readable() -> None:
    env = [
        {"name": "DATABASE_URL", "value": f"postgres://shop:{CANARY}@db:5432/shop"},
        {"name": "DB_PASSWORD", "value": f"postgres://shop:{CANARY}@db:5432/shop"},
        {"name": "MODE", "value": "fast"},
    ]
    command = ["sh", "-c", f"export PASSWORD={CANARY}; exec /app/run", "--token", CANARY, "--port", "8080"]
    properties = (
        f"server.port=8080\nspring.datasource.password={CANARY}\nspring.datasource.url=jdbc:postgresql://db/shop\n"
    )
    settings = config_map("settings", **{"application.properties": properties})
    taken = snapshot(deployment(template(container(env=env, command=command))), settings)
    assert CANARY not in taken.to_json()
    kept = (taken.get("Deployment", NS, "web") or {})["spec"]["template"]["spec"]["containers"][0]
    assert [entry["value"] for entry in kept["env"]] == [
        "postgres://shop:[redacted]@db:5432/shop",
        "[redacted]",
        "fast",
    ]
    assert kept["command"][2].endswith("; exec /app/run")
    assert kept["command"][3:] == ["--token", "[redacted]", "--port", "8080"]
    data = (taken.get("ConfigMap", NS, "settings") or {})["data"]["application.properties"]
    assert "jdbc:postgresql://db/shop" in data
    assert Snapshot.from_json(taken.to_json()) == taken


def test_a_secret_is_kept_by_its_name_and_key_names_only() -> None:
    secret = {
        "apiVersion": "v1", "kind": "Secret", "type": "Opaque", "stringData": {"plain": CANARY}, "data": {"k": CANARY},
        "metadata": {"name": "s", "namespace": NS, "labels": {"l": CANARY}, "annotations": {"a": CANARY},
                     "resourceVersion": "7"},
    }  # fmt: skip
    taken = snapshot(secret)
    assert CANARY not in taken.to_json()
    kept = taken.get("Secret", NS, "s") or {}
    assert set(kept["data"]) == {"k", "plain"}
    assert kept["metadata"]["resourceVersion"] == "7"
    assert Snapshot.from_json(taken.to_json()) == taken


def test_of_two_readings_the_newer_one_stays_whatever_the_order() -> None:
    older, newer = deployment(template(), ready=0), deployment(template(), ready=1)
    older["metadata"]["resourceVersion"], newer["metadata"]["resourceVersion"] = "9", "10"
    assert snapshot(older, newer) == snapshot(newer, older)
    assert (snapshot(newer, older).get("Deployment", NS, "web") or {})["status"]["readyReplicas"] == 1


def _certificate(days: float) -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "web")])
    until = NOW + timedelta(days=days)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(1).not_valid_before(until - timedelta(days=90)).not_valid_after(until)
    return base64.b64encode(made.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)).decode()


@pytest.mark.parametrize(("days", "key"), [(-1, "cert.expired"), (30, None)])
def test_of_a_certificate_only_its_dates_are_kept_and_judged(days: float, key: str | None) -> None:
    secret = {"kind": "Secret", "metadata": {"name": "web-tls", "namespace": NS}, "type": "kubernetes.io/tls",
              "data": {"tls.crt": _certificate(days), "tls.key": CANARY}}  # fmt: skip
    ingress = {
        "kind": "Ingress",
        "metadata": {"name": "web", "namespace": NS},
        "spec": {"tls": [{"secretName": "web-tls"}]},
    }
    client = {"service": {"name": "hook", "namespace": NS}, "caBundle": _certificate(days)}
    hook = {"kind": "ValidatingWebhookConfiguration", "metadata": {"name": "hook"},
            "webhooks": [{"name": "hook.example", "clientConfig": client}]}  # fmt: skip
    taken = snapshot(secret, ingress, hook)
    kept = taken.get("Secret", NS, "web-tls")
    assert kept is not None
    assert set(kept) == {"apiVersion", "kind", "metadata", "type", "data", "certificate"}
    assert kept["data"] == {"tls.crt": "[redacted]", "tls.key": "[redacted]"}
    assert "BEGIN" not in taken.to_json()
    again = Snapshot.from_json(taken.to_json())
    assert again == taken
    found = {(item.key, item.entity) for item in diagnose(again).findings}
    about = {f"Secret/{NS}/web-tls", "ValidatingWebhookConfiguration/hook"}
    assert found == ({(key, place) for place in about} if key else set())


def test_a_connection_string_keeps_its_host_and_loses_its_password() -> None:
    value = f"Host=ledger-db;Port=5432;Username=app;Password={CANARY}"
    env = [{"name": "ConnectionStrings__Default", "value": value}, {"name": "CONNECTION_STRING", "value": CANARY}]
    kept = snapshot(deployment(template(container(env=env)))).get("Deployment", NS, "web")
    assert kept is not None
    values = [entry["value"] for entry in kept["spec"]["template"]["spec"]["containers"][0]["env"]]
    assert values == ["Host=ledger-db;Port=5432;Username=app;Password=[redacted]", "[redacted]"]
