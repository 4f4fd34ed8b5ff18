"""Crashes: what the log says, what the spec lacks, what an earlier revision had."""

import time
from typing import Any

import pytest

from integrations.kubernetes.diagnosis.crash_signs import read_signs
from tests.integrations.kubernetes.builders import (
    NS,
    RUNNING,
    Object,
    ago,
    config_map,
    container,
    crashed,
    deployment,
    event,
    pod,
    replica_set,
    service,
    template,
)
from tests.integrations.kubernetes.diagnosis.checks import judge, only_root, roots

WEB = f"Deployment/{NS}/web"


def failing(
    log: str, state: Object, present: Object | None = None, *more: Object, earlier: Object | None = None
) -> Any:
    """Judge one Deployment whose only pod is in `state` and wrote `log` before."""
    pattern = present or template()
    owner = deployment(pattern)
    current = replica_set(owner, pattern, 4, age=40)
    objects = [owner, current, *more]
    if earlier is not None:
        objects.append(replica_set(owner, earlier, 3, replicas=0, age=90000))
    sick = pod(current, state)
    return judge(*objects, sick, logs={(sick["metadata"]["name"], True): log})


@pytest.mark.parametrize(
    ("log", "key", "named"),
    [
        ("Error: You must specify DB_PASSWORD to a non-empty value", "crash.missing_env", "DB_PASSWORD"),
        ("KeyError: 'REDIS_HOST'", "crash.missing_env", "REDIS_HOST"),
        ("panic: required key API_BASE_URL missing value", "crash.missing_env", "API_BASE_URL"),
        ("/start.sh: line 3: QUEUE_NAME: unbound variable", "crash.missing_env", "QUEUE_NAME"),
        ("fatal: environment variable STRIPE_KEY is not set", "crash.missing_env", "STRIPE_KEY"),
        ("Missing required environment variable: SMTP_HOST", "crash.missing_env", "SMTP_HOST"),
        (
            "cat: can't open '/etc/app/settings.yaml': No such file or directory",
            "crash.missing_config_file",
            "/etc/app",
        ),
        ("Error: ENOENT: no such file or directory, open '/etc/app/a.json'", "crash.missing_config_file", "/etc/app/a"),
        ("open /etc/app/config.toml: no such file or directory", "crash.missing_config_file", "/etc/app/config.toml"),
        ("FileNotFoundError: [Errno 2] No such file or directory: '/data/x.ini'", "crash.missing_config_file", "/data"),
        ("Error: listen EADDRINUSE: address already in use :::8080", "crash.port_in_use", "8080"),
        ("bind: address already in use", "crash.port_in_use", "address already in use"),
        ('FATAL: password authentication failed for user "shop"', "crash.bad_credentials", "shop"),
        ("ERROR 1045 (28000): Access denied for user 'shop'@'10.0.0.3'", "crash.bad_credentials", "Access denied"),
        ("PermissionError: [Errno 13] Permission denied: '/var/cache/x'", "crash.permission", "Permission denied"),
        ("mkdir: cannot create '/x': Read-only file system", "crash.permission", "Read-only"),
        ("dial tcp 10.0.0.9:6379: connect: connection refused", "crash.dependency_refused", "10.0.0.9:6379"),
        ("Error: getaddrinfo ENOTFOUND orders-db", "crash.dependency_refused", "orders-db"),
        ("write /data/wal: no space left on device", "pvc.full", "no space left"),
        (
            'pods is forbidden: User "system:serviceaccount:shop:web" cannot list resource "pods" in API group ""',
            "rbac.forbidden",
            "cannot list",
        ),
        ("x509: certificate has expired or is not yet valid", "cert.expired", "expired"),
        ("FATAL: sorry, too many clients already", "db.connections_exhausted", "too many clients"),
        ("exec /app/run: exec format error", "crash.arch", "exec format error"),
        ("panic: runtime error: index out of range [3]\n\ngoroutine 1 [running]:", "crash.app_exception", "index out"),
        (
            'Traceback (most recent call last):\n  File "/app/a.py", line 3, in <module>\nValueError: bad port',
            "crash.app_exception",
            "ValueError: bad port",
        ),
        (
            "Exception in thread main IllegalStateException\n\tat a.B.c(B.java:3)\nCaused by: NumberFormatException: x",
            "crash.app_exception",
            "NumberFormatException",
        ),
    ],
)
def test_the_last_words_of_a_program_name_the_cause(log: str, key: str, named: str) -> None:
    found = only_root(failing(f"starting\n{log}", crashed()))
    assert (found.key, found.entity) == (key, WEB)
    assert named in found.summary
    assert any(citation.kind == "log" for citation in found.evidence)


def test_a_crash_without_words_is_not_guessed() -> None:
    diagnosis = failing("starting\nlistening on 8080", crashed())
    assert not diagnosis.findings
    assert [item.entity for item in diagnosis.abstentions] == [WEB]
    assert not diagnosis.healthy


def test_a_crash_that_is_not_understood_says_what_its_healthy_sibling_does_not() -> None:
    pattern = template()
    owner = deployment(pattern, replicas=2)
    current = replica_set(owner, pattern, 1, replicas=2)
    sick, well = pod(current, crashed(), suffix="sick"), pod(current, RUNNING, suffix="well", ready=True)
    logs = {
        (sick["metadata"]["name"], True): "starting\nlistening on 8080\nreading the ledger of shard seven",
        (well["metadata"]["name"], False): "starting\nlistening on 8080",
    }
    diagnosis = judge(owner, current, sick, well, logs=logs)
    reason = next(item.reason for item in diagnosis.abstentions if item.entity == WEB)
    assert "reading the ledger of shard seven" in reason
    assert "listening" not in reason


def test_a_running_pod_with_old_restarts_and_an_error_in_its_log_is_healthy() -> None:
    state = {
        **RUNNING,
        "restartCount": 2,
        "lastState": {"terminated": {"exitCode": 1, "reason": "Error", "finishedAt": ago(86400)}},
    }
    pattern = template()
    owner = deployment(pattern, ready=1)
    current = replica_set(owner, pattern, 1, ready=1)
    well = pod(current, state, ready=True)
    diagnosis = judge(owner, current, well, logs={(well["metadata"]["name"], True): "Error: KeyError: 'X_Y'"})
    assert diagnosis.healthy


@pytest.mark.parametrize(("running_for", "healthy"), [(5, False), (500, True)])
def test_a_run_caught_between_two_crashes_has_to_outlive_the_last_one(running_for: int, healthy: bool) -> None:
    ended = {"exitCode": 1, "reason": "Error", "startedAt": ago(running_for + 12), "finishedAt": ago(running_for + 10)}
    state = {
        "state": {"running": {"startedAt": ago(running_for)}},
        "restartCount": 2,
        "lastState": {"terminated": ended},
    }
    pattern = template()
    owner = deployment(pattern, ready=1)
    current = replica_set(owner, pattern, 1, ready=1)
    caught = pod(current, state, ready=True)
    diagnosis = judge(owner, current, caught, logs={(caught["metadata"]["name"], True): "KeyError: 'X_Y'"})
    assert diagnosis.healthy == healthy


def test_a_dropped_mount_is_rolled_back() -> None:
    mounted = template(
        container(volumeMounts=[{"name": "config", "mountPath": "/etc/app"}]),
        volumes=[{"name": "config", "configMap": {"name": "app"}}],
    )
    log = "can't open '/etc/app/settings.yaml': No such file or directory"
    found = only_root(failing(log, crashed(), None, config_map("app", **{"settings.yaml": "a: 1"}), earlier=mounted))
    assert found.key == "crash.missing_config_file"
    assert [(item.action, item.params) for item in found.actions] == [("rollback", {"to_revision": 3})]
    assert "removed the mount of /etc/app" in found.actions[0].reason


def test_an_earlier_revision_with_the_same_fault_is_not_rolled_back_to() -> None:
    log = "can't open '/etc/app/settings.yaml': No such file or directory"
    found = only_root(failing(log, crashed(), earlier=template(container(image="registry.example/team/web:0.9"))))
    assert found.actions == ()
    assert found.person_decides


def test_a_missing_key_is_added_where_a_sibling_map_holds_it() -> None:
    mounted = template(
        container(volumeMounts=[{"name": "config", "mountPath": "/etc/app"}]),
        volumes=[{"name": "config", "configMap": {"name": "web-config"}}],
    )
    maps = config_map("web-config", other="1"), config_map("web-config-backup", **{"settings.yaml": "a: 1"})
    found = only_root(failing("/etc/app/settings.yaml: no such file or directory", crashed(), mounted, *maps))
    assert [(item.action, item.target, item.params) for item in found.actions] == [
        ("patch_configmap", f"ConfigMap/{NS}/web-config", {"key": "settings.yaml", "value": "a: 1"})
    ]


def test_a_dropped_variable_is_restored_from_its_secret() -> None:
    reference = {"secretKeyRef": {"name": "db", "key": "password"}}
    earlier = template(container(env=[{"name": "DB_PASSWORD", "valueFrom": reference}]))
    found = only_root(failing("DB_PASSWORD is not set", crashed(), earlier=earlier))
    assert [item.action for item in found.actions] == ["rollback", "set_env"]
    assert found.actions[1].params == {"container": "main", "name": "DB_PASSWORD", "value_from": reference}


def test_a_secret_written_into_the_spec_is_never_copied() -> None:
    earlier = template(container(env=[{"name": "DB_PASSWORD", "value": "kT9$wq7RrZ2mL0pX"}]))
    diagnosis = failing("DB_PASSWORD is not set", crashed(), earlier=earlier)
    assert [item.action for item in only_root(diagnosis).actions] == ["rollback"]
    assert "kT9" not in diagnosis.model_dump_json()


def test_a_variable_that_is_there_is_not_called_missing() -> None:
    present = template(container(env=[{"name": "DB_HOST", "value": "db"}]))
    diagnosis = failing("DB_HOST is not set\nconnect: connection refused to db:5432", crashed(), present)
    assert roots(diagnosis) == [("crash.dependency_refused", WEB)]


def test_a_liveness_kill_is_told_from_a_memory_kill() -> None:
    pattern = template()
    owner = deployment(pattern)
    current = replica_set(owner, pattern, 1)
    sick = pod(current, crashed(137))
    killing = event(sick, "Killing", "Container main failed liveness probe, will be restarted")
    killed = pod(current, crashed(137, "OOMKilled"))
    assert roots(judge(owner, current, sick, killing)) == [("crash.liveness_kill", WEB)]
    assert roots(judge(owner, current, killed, killing)) == [("oom.container", WEB)]


@pytest.mark.parametrize(
    ("exit_code", "reason", "message", "key"),
    [
        (127, "Error", "", "crash.bad_command"),
        (128, "StartError", 'exec: "serve": executable file not found in $PATH: unknown', "crash.bad_command"),
        (0, "Completed", "", "crash.clean_exit"),
        (137, "Error", "", "crash.app_exception"),
        (139, "Error", "", "crash.app_exception"),
    ],
)
def test_exit_codes_speak_where_logs_do_not(exit_code: int, reason: str, message: str, key: str) -> None:
    assert only_root(failing("", crashed(exit_code, reason, message=message))).key == key


def test_a_client_is_folded_under_the_dependency_that_is_broken() -> None:
    sick_pattern = template(labels={"app": "orders-db"})
    database = deployment(sick_pattern, name="orders-db")
    database_set = replica_set(database, sick_pattern, 1)
    sick = pod(database_set, crashed())
    pattern = template()
    client = deployment(pattern)
    client_set = replica_set(client, pattern, 1)
    other = pod(client_set, crashed())
    diagnosis = judge(
        database, database_set, sick, client, client_set, other,
        service("orders-db", {"app": "orders-db"}, 5432), service(),
        logs={
            (sick["metadata"]["name"], True): "You must specify POSTGRES_PASSWORD",
            (other["metadata"]["name"], True): "dial tcp: connect orders-db:5432: connection refused",
        },
    )  # fmt: skip
    root = only_root(diagnosis)
    assert (root.key, root.entity) == ("crash.missing_env", f"Deployment/{NS}/orders-db")
    assert WEB in root.explains
    assert f"Service/{NS}/web" in root.explains


def test_two_faults_stay_two() -> None:
    objects: list[Object] = []
    logs: dict[tuple[str, bool], str] = {}
    for name, log in (("web", "LOG_DIR is not set"), ("cart", "bind: address already in use")):
        pattern = template(labels={"app": name})
        owner = deployment(pattern, name=name)
        current = replica_set(owner, pattern, 1)
        sick = pod(current, crashed())
        objects += [owner, current, sick]
        logs[(sick["metadata"]["name"], True)] = log
    found = roots(judge(*objects, logs=logs))
    assert sorted(found) == [("crash.missing_env", WEB), ("crash.port_in_use", f"Deployment/{NS}/cart")]


@pytest.mark.parametrize("part", ["a/", "/a.yaml", "A_", "env ", "not found: ", "error open /a.yaml"])
def test_hostile_lines_cost_little(part: str) -> None:
    lines = tuple([part * (4000 // len(part))] * 500)
    started = time.process_time()
    read_signs(lines, 1)
    assert time.process_time() - started < 5
