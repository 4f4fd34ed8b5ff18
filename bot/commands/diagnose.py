"""`oncall-agent diagnose`: say what is wrong. Exit codes: 0 healthy, 1 findings, 2 could not look."""

import asyncio
import sys
import time
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import click
import structlog

from bot.commands.diagnosis_formats import diagnosis_json, render_json, render_markdown, render_sarif, render_text
from bot.commands.looking import (
    TimeParam,
    check_scope,
    default_namespace,
    find_target,
    parse_target,
    read_cluster,
    read_files,
)
from bot.domain.finding import Diagnosis
from bot.errors import OncallError, new_error_id

__all__ = ["diagnose", "diagnosis_json", "exit_code", "render_text"]

logger = structlog.get_logger(__name__)

HEALTHY, FINDINGS, COULD_NOT_LOOK = 0, 1, 2
_SLEEP = time.sleep


@click.command()
@click.argument("target", required=False, metavar="[KIND/NAME]")
@click.option("-n", "--namespace", help="Namespace to look in; the default is K8S_NAMESPACE, of files all.")
@click.option("-A", "--all-namespaces", is_flag=True, help="Look in all namespaces.")
@click.option(
    "--from",
    "source",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="Read files instead: a directory, zip, tar or file of kubectl, must-gather or `snapshot`; - for stdin.",
)
@click.option("--at", type=TimeParam(), help="Judge files as of this time; the default is the newest time in them.")
@click.option(
    "-o",
    "--output",
    type=click.Choice(["text", "json", "markdown", "sarif"]),
    default="text",
    show_default=True,
    help="How to print what was found.",
)
@click.option("-w", "--watch", is_flag=True, help="Look again and again, and print what changed.")
@click.option(
    "--interval", type=click.FloatRange(min=0.1), default=15.0, show_default=True, help="Seconds between looks."
)
def diagnose(
    target: str | None,
    namespace: str | None,
    all_namespaces: bool,
    source: Path | None,
    at: datetime | None,
    output: str,
    watch: bool,
    interval: float,
) -> None:
    """Diagnose the current cluster or files, one namespace of it, or one object (such as deployment/web).

    Exit codes: 0 healthy, 1 findings, 2 could not look.
    """
    check_scope(namespace, all_namespaces=all_namespaces)
    if at is not None and source is None:
        raise click.UsageError("--at goes with --from: a live cluster is judged as of now.")
    if watch and str(source) == "-":
        raise click.UsageError("--watch cannot read standard input twice.")
    question = _Question(target, namespace, all_namespaces, source, at)
    sys.exit(_watch(question, output, interval) if watch else _once(question, output))


@dataclass(frozen=True, slots=True)
class _Question:
    """What to look at."""

    target: str | None
    namespace: str | None
    all_namespaces: bool
    source: Path | None
    at: datetime | None

    def look(self) -> Diagnosis:
        """Look once. Raise OncallError when that is not possible."""
        from integrations.kubernetes.diagnosis import diagnose as judge

        if self.source is not None:
            snapshot = read_files(self.source, self.namespace, self.at)
            return judge(snapshot, find_target(snapshot, self.target, self.namespace) if self.target else None)
        place = default_namespace(self.namespace, all_namespaces=self.all_namespaces)
        focus = parse_target(self.target, place) if self.target else None
        snapshot = asyncio.run(read_cluster(self.namespace, all_namespaces=self.all_namespaces, target=self.target))
        return judge(snapshot, focus)


def _once(question: _Question, output: str) -> int:
    try:
        diagnosis = question.look()
    except OncallError as error:
        _complain(error)
        return COULD_NOT_LOOK
    except Exception:  # a defect of ours must not exit with the 1 that says "findings"
        error_id = new_error_id()
        logger.exception("diagnose_failed", error_id=error_id)
        click.echo(f"Looking failed unexpectedly ({error_id}), see the log.", err=True)
        return COULD_NOT_LOOK
    click.echo(render(diagnosis, output))
    return exit_code(diagnosis)


def _watch(question: _Question, output: str, interval: float) -> int:
    """Look until interrupted, printing what differs from the last look. Return the last look's exit code."""
    code, shown = COULD_NOT_LOOK, ""
    try:
        while True:
            try:
                diagnosis = question.look()
            except OncallError as error:
                code, said = COULD_NOT_LOOK, error.message
                if said != shown:
                    _complain(error)
            else:
                # Only what was found counts as a change: the time and the figures of the sources always differ.
                code, said = exit_code(diagnosis), _state(diagnosis)
                if said != shown:
                    if output == "text":
                        click.echo(f"-- {diagnosis.taken_at:%Y-%m-%d %H:%M:%S}Z")
                    click.echo(render(diagnosis, output))
            shown = said
            _SLEEP(interval)
    except KeyboardInterrupt:
        return code


def _state(diagnosis: Diagnosis) -> str:
    unread = [(item.name, item.detail) for item in diagnosis.sources if item.status == "error"]
    found = [(item.key, item.entity, item.root, item.severity.value) for item in diagnosis.findings]
    return repr((diagnosis.healthy, found, [item.entity for item in diagnosis.abstentions], unread))


def _complain(error: OncallError) -> None:
    click.echo(f"{error.message} {error.next_step}".strip(), err=True)


def render(diagnosis: Diagnosis, output: str) -> str:
    """Return the diagnosis as `text`, `json`, `markdown` or `sarif`."""
    if output == "json":
        return render_json(diagnosis)
    if output == "markdown":
        return render_markdown(diagnosis)
    if output == "sarif":
        from integrations.kubernetes.diagnosis import KEYS

        return render_sarif(diagnosis, KEYS, _version())
    return render_text(diagnosis)


def _version() -> str:
    try:
        return version("oncall-agent")
    except PackageNotFoundError:  # run from a checkout that is not installed
        return "0+unknown"


def exit_code(diagnosis: Diagnosis) -> int:
    """Return 0, 1 or 2; 2 when nothing was found only because sources could not be read."""
    if diagnosis.healthy:
        return HEALTHY
    return FINDINGS if diagnosis.findings or diagnosis.abstentions else COULD_NOT_LOOK
