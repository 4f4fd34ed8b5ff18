"""Programs that end: what their last words name, in many languages."""
# ruff: noqa: E501 - a case is one row of a table; what a program says is not broken in two.

from typing import Any

from tests.evals.diagnosis.world import IT, OTHER, SUBJECT, Case, app, log, pods_in, variable
from tests.integrations.kubernetes.builders import NS, Object, ago, config_map, crashed, event, node

_SAID = (
    ("python-file", 1, "FileNotFoundError: [Errno 2] No such file or directory: '/etc/app/settings.toml'", "crash.missing_config_file"),
    ("go-file", 1, "open /etc/app/server.yaml: no such file or directory", "crash.missing_config_file"),
    ("node-file", 1, "Error: ENOENT: no such file or directory, open '/srv/conf/app.json'", "crash.missing_config_file"),
    ("java-file", 1, "java.io.FileNotFoundException: /opt/app/application.properties (No such file or directory)", "crash.missing_config_file"),
    ("dotnet-file", 134, "System.IO.FileNotFoundException: Could not find file '/app/conf/appsettings.json'.", "crash.missing_config_file"),
    ("python-env", 1, "KeyError: 'LEDGER_URL'", "crash.missing_env"),
    ("node-env", 1, "Error: Missing required environment variable: SESSION_STORE", "crash.missing_env"),
    ("go-env", 1, 'panic: environment variable "PRODUCT_ADDR" not set', "crash.missing_env"),
    ("ruby-env", 1, 'KeyError: key not found: "CACHE_HOST"', "crash.missing_env"),
    ("shell-env", 1, "/run.sh: line 4: BROKER_URL: unbound variable", "crash.missing_env"),
    ("postgres-env", 1, "You must specify POSTGRES_PASSWORD to a non-empty value for the superuser.", "crash.missing_env"),
    ("django-env", 1, "django.core.exceptions.ImproperlyConfigured: Set the SITE_URL environment variable", "crash.missing_env"),
    ("spring-env", 1, "IllegalArgumentException: Could not resolve placeholder 'PAY_URL' in value \"${PAY_URL}\"", "crash.missing_env"),
    ("rust-env", 101, "thread 'main' panicked at src/main.rs:9:44:\nSTORE_URL must be set: NotPresent", "crash.missing_env"),
    ("validated-env", 1, "1 validation error for Settings\nSTORE_URL\n  Field required [type=missing]", "crash.missing_env"),
    ("listed-env", 1, "You need one of these as an environment variable:\n    - MYSQL_ROOT_PASSWORD", "crash.missing_env"),
    ("rust-panic", 101, "thread 'main' panicked at src/main.rs:9:44:\nindex out of bounds: the len is 3", "crash.app_exception"),
    ("php-fatal", 255, "PHP Fatal error:  Uncaught TypeError: strlen(): null given in /var/www/i.php:3", "crash.app_exception"),
    ("python-trace", 1, 'Traceback (most recent call last):\n  File "/app/main.py", line 8, in <module>\n    run()\nZeroDivisionError: division by zero', "crash.app_exception"),
    ("java-trace", 1, 'Exception in thread "main" java.lang.IllegalStateException: bad state\n\tat a.B.c(B.java:3)\nCaused by: java.lang.NullPointerException: x is null\n\tat a.B.d(B.java:9)', "crash.app_exception"),
    ("go-panic", 2, "panic: runtime error: index out of range [3] with length 3\n\ngoroutine 1 [running]:\nmain.main()\n\t/src/main.go:14 +0x1d", "crash.app_exception"),
    ("node-trace", 1, "TypeError: Cannot read properties of undefined (reading 'id')\n    at Object.<anonymous> (/app/index.js:3:9)", "crash.app_exception"),
    ("dotnet-trace", 134, "Unhandled exception. System.InvalidOperationException: Sequence contains no elements\n   at Program.Main() in /src/Program.cs:line 5", "crash.app_exception"),
    ("ruby-trace", 1, "/app/main.rb:7:in `start': undefined method `call' for nil (NoMethodError)", "crash.app_exception"),
    ("mysql-login", 1, "ERROR 1045 (28000): Access denied for user 'web'@'10.0.0.9' (using password: YES)", "crash.bad_credentials"),
    ("postgres-login", 1, 'FATAL: password authentication failed for user "web"', "crash.bad_credentials"),
    ("mongo-login", 1, "MongoServerError: Authentication failed.", "crash.bad_credentials"),
    ("redis-login", 1, "redis.exceptions.AuthenticationError: WRONGPASS invalid username-password pair", "crash.bad_credentials"),
    ("denied", 1, "mkdir: cannot create directory '/opt/cache': Permission denied", "crash.permission"),
    ("read-only", 1, "OSError: [Errno 30] Read-only file system: '/app/tmp/session'", "crash.permission"),
    ("node-port", 1, "Error: listen EADDRINUSE: address already in use :::8080", "crash.port_in_use"),
    ("go-port", 1, "listen tcp :8080: bind: address already in use", "crash.port_in_use"),
    ("java-port", 1, "Web server failed to start. Port 8080 was already in use.\njava.net.BindException: Address already in use", "crash.port_in_use"),
    ("disk", 1, "write /data/segment.17: no space left on device", "pvc.full"),
    ("rbac", 1, 'pods is forbidden: User "system:serviceaccount:shop:default" cannot list resource "pods" in API group ""', "rbac.forbidden"),
    ("cert", 1, "tls: failed to verify certificate: x509: certificate has expired or is not yet valid", "cert.expired"),
    ("slots", 1, "FATAL: remaining connection slots are reserved for roles with the SUPERUSER attribute", "db.connections_exhausted"),
    ("replica", 1, "ERROR: cannot execute INSERT in a read-only transaction", "db.read_only"),
    ("arch", 1, "exec /usr/bin/app: exec format error", "crash.arch"),
)  # fmt: skip

_EXITS = (
    ("not-there", 127, "ContainerCannotRun", 'exec: "/bin/serve": stat /bin/serve: no such file or directory', "crash.bad_command"),
    ("start-error", 128, "StartError", 'exec: "srv": executable file not found in $PATH: unknown', "crash.bad_command"),
    ("segv", 139, "Error", "", "crash.app_exception"),
    ("abort", 134, "Error", "", "crash.app_exception"),
    ("done", 0, "Completed", "", "crash.clean_exit"),
    ("not-executable", 126, "Error", "", "crash.bad_command"),
)  # fmt: skip


def cases() -> list[Case]:
    found = [
        Case(f"last-words-{name}", tuple(app(state=crashed(code))), key, must_cite=("exitCode", line.split("\n")[-1][:12]
             if key != "crash.app_exception" else "exitCode"), logs=log(f"starting\nloading\n{line}"))
        for name, code, line, key in _SAID
    ]  # fmt: skip
    found += [
        Case(f"exit-{name}", tuple(app(state=crashed(code, reason, message=text))), key, must_cite=("exitCode",))
        for name, code, reason, text, key in _EXITS
    ]
    return [*found, *_remedies(), *_killed(), *_dependencies()]


def _remedies() -> list[Case]:
    mount: Any = {"volumeMounts": [{"name": "conf", "mountPath": "/etc/app"}]}
    volumes: Any = {"volumes": [{"name": "conf", "configMap": {"name": "settings"}}]}
    lost = log("open /etc/app/app.yaml: no such file or directory")
    older: Any = {"env": variable("QUEUE_URL", "amqp://medlar")}
    return [
        Case("dropped-mount", tuple(app(state=crashed(), before=mount)), "crash.missing_config_file",
             action="rollback", logs=log("open /etc/app/app.yaml: no such file or directory", revision=2)),
        Case("map-without-key", (*app(state=crashed(), spec=volumes, **mount), config_map("settings", other="x")),
             "crash.missing_config_file", must_cite=("/data",), logs=lost),
        Case("dropped-variable", tuple(app(state=crashed(), before=older)), "crash.missing_env", action="rollback",
             logs=log("fatal: QUEUE_URL is not set", revision=2)),
        Case("shared-port", tuple(_with_companion(app(state=crashed()))), "crash.port_in_use",
             must_cite=("containerPort",), logs=log("bind: address already in use: 0.0.0.0:9100")),
        Case("volume-owner", tuple(app(state=crashed(), spec={**volumes, "securityContext": {"runAsUser": 1000}}, **mount)),
             "volume.permission", must_cite=("runAsUser", "mountPath"),
             logs=log("PermissionError: [Errno 13] Permission denied: '/etc/app/lock'")),
        Case("init-fails", tuple(_with_init(app(state={}, ready=False))), "init.failing", must_cite=("exitCode",),
             logs={}),
    ]  # fmt: skip


def _with_companion(objects: list[Object]) -> list[Object]:
    for item in pods_in(objects):
        item["spec"]["containers"].append({"name": "mesh", "image": "x", "ports": [{"containerPort": 9100}]})
    return objects


def _with_init(objects: list[Object]) -> list[Object]:
    for item in pods_in(objects):
        ended = {"exitCode": 0, "reason": "Completed"}
        state = {"waiting": {"reason": "CrashLoopBackOff"}}
        bad = {**ended, "exitCode": 139, "reason": "Error", "finishedAt": ago(30)}
        entry = {"name": "first", "restartCount": 5, "state": state, "lastState": {"terminated": bad}}
        item["status"].update(phase="Pending", initContainerStatuses=[entry], containerStatuses=[])
    return objects


def _killed() -> list[Case]:
    probed = app(state=crashed(137, "Error"), livenessProbe={"httpGet": {"port": 8080, "path": "/live"}})
    wrong = app(state=crashed(143, "Error"), livenessProbe={"tcpSocket": {"port": 9090}})
    small: Any = {"resources": {"limits": {"memory": "96Mi"}}}
    starved = node("node-1")
    return [
        Case("probe-kills", (*probed, event(pods_in(probed)[0], "Killing",
             "Container main failed liveness probe, will be restarted")), "crash.liveness_kill", must_cite=("liveness",)),
        Case("probe-asks-elsewhere", (*wrong, event(pods_in(wrong)[0], "Unhealthy",
             "Liveness probe failed: dial tcp 10.0.0.4:9090: connect: connection refused")), "probe.liveness",
             must_cite=("tcpSocket/port",)),
        Case("memory", tuple(app(state=crashed(137, "OOMKilled"), **small)), "oom.container",
             must_cite=("OOMKilled", "limits/memory"), action="set_resources", never=("crash.liveness_kill",)),
        Case("memory-after-rollout", tuple(app(state=crashed(137, "OOMKilled"), **small,
             before={"resources": {"limits": {"memory": "1Gi"}}})), "oom.container", action="rollback"),
        Case("memory-while-running", tuple(app(state={"state": {"running": {"startedAt": ago(200)}}, "restartCount": 2,
             "lastState": {"terminated": {"exitCode": 137, "reason": "OOMKilled", "finishedAt": ago(210)}}}, ready=True,
             **small)), "oom.container"),
        Case("node-memory", (*app(state=crashed(137, "Error")), starved,
             event(starved, "SystemOOM", "System OOM encountered, victim process: node, pid: 77")), "oom.node",
             entity="Node/node-1", must_cite=("SystemOOM",)),
    ]  # fmt: skip


def _dependencies() -> list[Case]:
    refused = log(f"Error: connect ECONNREFUSED {OTHER}:80")
    sick = app(OTHER, crashed(137, "OOMKilled"))
    both = {**log("KeyError: 'LEDGER_URL'"), **log("panic: bind: address already in use", OTHER)}
    return [
        Case("client-of-a-sick-one", (*app(state=crashed()), *sick), "oom.container", entity=f"Deployment/{NS}/{OTHER}",
             never=("crash.dependency_refused",), logs=refused),
        Case("client-of-nobody", tuple(app(state=crashed())), "crash.dependency_refused",
             logs=log("could not connect to db.example.com:5432: Connection refused")),
        Case("two-faults", (*app(state=crashed()), *app(OTHER, crashed())), "crash.missing_env", logs=both),
        Case("two-faults-the-other", (*app(state=crashed()), *app(OTHER, crashed())), "crash.port_in_use",
             entity=f"Deployment/{NS}/{OTHER}", logs=both),
        Case("same-fault-in-a-job-named-otherwise", tuple(app(SUBJECT, crashed(2), replicas=3)), "crash.app_exception",
             entity=IT, logs=log("fatal error: all goroutines are asleep - deadlock!")),
    ]  # fmt: skip
