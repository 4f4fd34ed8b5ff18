"""Containers that end although they should run."""

import re
from collections.abc import Callable, Iterable, Iterator

from bot.domain.finding import Abstention, Citation
from integrations.kubernetes.diagnosis import crash_remedies as remedies
from integrations.kubernetes.diagnosis import variables
from integrations.kubernetes.diagnosis.citations import cite_present
from integrations.kubernetes.diagnosis.containers import crashing
from integrations.kubernetes.diagnosis.crash_case import CrashCase, report
from integrations.kubernetes.diagnosis.crash_signs import ARCH, NO_COMMAND, Sign, read_signs
from integrations.kubernetes.diagnosis.databases import database_behind
from integrations.kubernetes.diagnosis.findings import Judged, clip, quote
from integrations.kubernetes.diagnosis.graph import Graph
from integrations.kubernetes.diagnosis.kubelet_kills import judge_kill
from integrations.kubernetes.diagnosis.near_names import corroborated
from integrations.kubernetes.diagnosis.nodes import starving
from integrations.kubernetes.diagnosis.objects import condition_of, entity, spec_of
from integrations.kubernetes.diagnosis.storage import grow
from integrations.kubernetes.log_reading import find_late, find_novel
from integrations.kubernetes.logs import read_log

_START_FAILED = frozenset({"StartError", "ContainerCannotRun", "RunContainerError"})
_KILLED, _REPEATEDLY = 137, 3
_START_CODES = frozenset({126, 127, 128})
_VAGUE = frozenset({"crash.app_exception", "crash.missing_config_file"})
"""What a log may seem to say where it really speaks of a setting."""
_MOUNT_FAILED = re.compile(r"error mounting|volume-subpaths?|failed to prepare subPath|not a directory: unknown")
_MOUNTED_AT = re.compile(r"rootfs at \W{0,2}(?P<path>/[^\s\"\\]+)")


def analyze(graph: Graph) -> Iterable[Judged]:
    """Judge every crashing container; one finding or abstention for each container of a workload."""
    seen: set[tuple[str, str]] = set()
    for view in crashing(graph):
        ended = view.ended
        if ended is None or (view.entity, view.name) in seen:
            continue
        pointer, terminated = ended
        if terminated.get("reason") == "OOMKilled":
            continue
        seen.add((view.entity, view.name))
        previous, lines = view.log()
        yield from _judge(CrashCase(graph, view, pointer, terminated, previous, lines))


def _judge(case: CrashCase) -> Iterator[Judged]:
    message = str(case.terminated.get("message") or case.view.waiting.get("message") or "")
    if found := judge_kill(case):
        yield found
        return
    if case.exit_code == _KILLED and starving(case.graph, str(spec_of(case.view.pod).get("nodeName"))):
        return  # the node killed it: a finding of the node
    if case.exit_code in _START_CODES or case.terminated.get("reason") in _START_FAILED:
        if ARCH.search(message):
            yield report(case, "crash.arch", f"its image has the wrong architecture: {clip(message)}", 0.95)
            return
        if _MOUNT_FAILED.search(message):
            yield _unmountable(case, message)
            return
        if NO_COMMAND.search(message) or case.terminated.get("reason") in _START_FAILED:
            yield report(case, "crash.bad_command", f"its command cannot be run: {clip(message)}", 0.92)
            return
    signs = read_signs(case.lines, case.exit_code)
    named = corroborated(case.graph, case.view, case.workload, case.lines)
    if named is not None:
        # Where the log seems to say something vague, the container's own variables say more; else they come last.
        signs = [named, *signs] if not signs or signs[0].key in _VAGUE else [*signs, named]
    for sign in signs:
        if (judged := _JUDGES[sign.key](case, sign)) is not None:
            yield judged
            return
    if case.exit_code == 0:
        what = "it ends without an error although it should keep running"
        yield report(case, "crash.clean_exit", what, 0.8, verb="ends")
    elif case.exit_code in {134, 136, 139}:
        yield report(case, "crash.app_exception", f"it dies of a signal of its own (exit code {case.exit_code})", 0.7)
    elif case.exit_code in _START_CODES:
        yield report(case, "crash.bad_command", f"its command cannot be run (exit code {case.exit_code})", 0.75)
    elif case.exit_code == _KILLED and case.view.restarts >= _REPEATEDLY:
        what = "it is killed again and again (exit code 137), neither for its memory limit nor by a probe"
        decide = "Find what sends SIGKILL: a supervisor in the container, an operator, or the node's own memory killer."
        yield report(case, "crash.app_exception", what, 0.6, decide=decide)
    elif case.view.init:
        yield report(case, "crash.app_exception", f"it fails with exit code {case.exit_code}", 0.6)
    else:
        why = "its log holds no error" if case.lines else "its log could not be read"
        reason = f"Container {case.view.name} ends with exit code {case.exit_code}, and {why}.{_new_words(case)}"
        yield Abstention(entity=case.view.entity, reason=reason)


def _new_words(case: CrashCase) -> str:
    """Return what the log says and a sibling's that runs well does not, else what it began to say near its end."""
    if not case.lines:
        return ""
    reading = read_log(case.lines)
    siblings = (case.graph.log(pod, case.view.name, previous=False) for pod in case.graph.pods_of_key(case.view.owner))
    well = next((lines for lines in siblings if lines and lines != case.lines), None)
    found = find_novel(reading, read_log(well)) if well else find_late(reading, after=len(case.lines) // 2)
    return f" New in it is: {quote(found[0].sample or found[0].text)}" if found else ""


def _unmountable(case: CrashCase, message: str) -> Judged:
    """Judge a file that cannot be mounted: often a subPath that is no key of its ConfigMap, so that it is a folder."""
    told = f"a volume cannot be mounted into it: {clip(message)}"
    evidence: tuple[Citation, ...] = ()
    if match := _MOUNTED_AT.search(message):
        place = remedies.locate(case.graph, case.view, match["path"].rstrip("/"))
        told, evidence = f"{match['path']} cannot be mounted: {place.explanation}", place.evidence
    decide = "Correct the mount's subPath or add the key that it names."
    return report(case, "create.error", told, 0.93, evidence=evidence, decide=decide)


def _missing_env(case: CrashCase, sign: Sign) -> Judged | None:
    if variables.has_env(case.graph, case.view, sign.name):
        return None
    kind = "environment variable" if sign.name.isupper() else "setting"
    what = f"it needs the {kind} {sign.name}, which the container does not have"
    near = variables.misspelt(case.graph, case.view, sign.name)
    if near is not None:
        what += f"; {near.name} is set instead"
    restore = near.correction if near is not None else None
    restore = restore or variables.restore_env(case.graph, case.workload, case.view, sign.name)
    decide = f"Nothing in the cluster says which value {sign.name} should have: somebody has to supply it."
    return report(
        case, "crash.missing_env", what, 0.95, sign=sign, actions=[restore], decide=decide,
        evidence=near.evidence if near is not None else (),
        is_good=lambda template: variables.sets_env(template, case.view.name, sign.name),
    )  # fmt: skip


def _missing_file(case: CrashCase, sign: Sign) -> Judged | None:
    place = remedies.locate(case.graph, case.view, sign.name)
    what = f"it cannot find {sign.name}: {place.explanation}"
    fill = remedies.fill_key(case.graph, case.view, place)
    return report(
        case, "crash.missing_config_file", what, place.confidence, sign=sign, actions=[fill], evidence=place.evidence,
        decide=f"Somebody has to provide {sign.name}: no earlier revision and no other ConfigMap holds it.",
        is_good=lambda template: remedies.provides(case.graph, case.view, template, sign.name),
    )  # fmt: skip


def _plain(key: str, what: str, decide: str, *, rollback: bool = True) -> Callable[[CrashCase, Sign], Judged | None]:
    def judge(case: CrashCase, sign: Sign) -> Judged | None:
        told = f"{what}: {quote(sign.text)}"
        return report(case, key, told, sign.confidence, sign=sign, decide=decide, rollback=rollback)

    return judge


def _permission(case: CrashCase, sign: Sign) -> Judged | None:
    """Judge a denied permission only near the end of the log: one that the program survives is chatter."""
    if sign.number < len(case.lines) - 40:
        return None
    place = remedies.mounted_at(case.view, sign.text)
    if place is not None:
        told = f"it may not use the volume mounted at {place[0]}: {quote(sign.text)}"
        decide = "Compare fsGroup and runAsUser with the owner of the volume's files, and see whether it is read-only."
        return report(case, "volume.permission", told, 0.88, sign=sign, decide=decide, evidence=place[1])
    decide = "Compare runAsUser, fsGroup and readOnlyRootFilesystem with what the image expects."
    evidence = remedies.security_of(case.view)
    what = f"it lacks a permission: {quote(sign.text)}"
    return report(case, "crash.permission", what, 0.85, sign=sign, decide=decide, evidence=evidence)


def _database(case: CrashCase, sign: Sign) -> Judged | None:
    """Blame the database that the line or the settings name; without one, the program that says so."""
    found = database_behind(case.graph, case.workload, sign.text)
    told = f"the database refuses it: {quote(sign.text)}"
    decide = "Mend the database first: the programs that use it recover by themselves."
    judged = report(case, sign.key, told, 0.88, sign=sign, decide=decide, rollback=False)
    if found is None or isinstance(judged, Abstention):
        return judged
    return judged.model_copy(update={"entity": entity(found), "explains": (case.view.entity,)})


def _full_disk(case: CrashCase, sign: Sign) -> Judged | None:
    claim = remedies.claim_of(case.view.pod, case.view.spec, sign.text)
    decide = "Free space or enlarge the volume."
    told = f"its disk is full: {quote(sign.text)}"
    judged = report(case, "pvc.full", told, 0.9, sign=sign, decide=decide, rollback=False)
    if claim is None or isinstance(judged, Abstention):
        return judged
    more = grow(case.graph, claim)
    changes = {"entity": claim, "explains": (case.view.entity,), "actions": (more,) if more is not None else ()}
    return judged.model_copy(update={**changes, "person_decides": "" if more is not None else decide})


def _port(case: CrashCase, sign: Sign) -> Judged | None:
    told, evidence = f"its port is taken: {quote(sign.text)}", remedies.sharing_port(case.view, sign.text)
    if evidence:
        told += f"; container {evidence[0].value} of the same pod uses it too"
    decide = "Give one of the containers that share the port another one."
    return report(case, "crash.port_in_use", told, 0.92, sign=sign, decide=decide, evidence=evidence)


def _dependency(case: CrashCase, sign: Sign) -> Judged | None:
    what = f"it cannot reach {sign.name or 'something it depends on'}: {quote(sign.text)}"
    evidence: tuple[Citation, ...] = ()
    if (workload := case.workload) is not None and (found := condition_of(workload, "Available")):
        evidence = cite_present(workload, f"/status/conditions/{found[0]}/reason")
    decide = f"Mend {sign.name or 'the dependency'} first; this workload recovers by itself."
    return report(
        case, "crash.dependency_refused", what, 0.8, sign=sign, decide=decide, evidence=evidence, rollback=False
    )


_JUDGES: dict[str, Callable[[CrashCase, Sign], Judged | None]] = {
    "crash.arch": _plain(
        "crash.arch", "its image has the wrong architecture", "Use an image for the node's processor."
    ),
    "crash.port_in_use": _port,
    "crash.missing_env": _missing_env,
    "crash.bad_credentials": _plain(
        "crash.bad_credentials",
        "its credentials are refused",
        "Somebody who may read the Secret has to correct the credentials, then restart the pods.",
        rollback=False,
    ),
    "crash.missing_config_file": _missing_file,
    "pvc.full": _full_disk,
    "rbac.forbidden": _plain(
        "rbac.forbidden",
        "its ServiceAccount lacks a permission",
        "Grant the permission, or correct the ServiceAccount.",
    ),
    "cert.expired": _plain(
        "cert.expired", "a certificate is not valid", "Renew the certificate, then restart the pods.", rollback=False
    ),
    "db.connections_exhausted": _database,
    "db.read_only": _database,
    "crash.bad_command": _plain("crash.bad_command", "its command cannot be run", "Correct command or image."),
    "crash.permission": _permission,
    "crash.dependency_refused": _dependency,
    "crash.app_exception": _plain("crash.app_exception", "it fails", "Correct what its last lines name."),
}
