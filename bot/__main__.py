"""The command line. Commands import what they need when they run, so that `--help` answers at once."""

import importlib
import importlib.metadata
import sys
from typing import Any

import click

_COMMANDS = {
    "run": ("bot.commands.run", "run", "Run the bot against your Slack, PagerDuty, cluster and Claude."),
    "demo": ("bot.commands.demo", "demo", "Run everything on this machine, without any account."),
    "diagnose": ("bot.commands.diagnose", "diagnose", "Judge the current cluster, or files, and print the findings."),
    "snapshot": ("bot.commands.snapshot", "snapshot", "Save what is seen of a cluster, redacted, to a file."),
    "doctor": ("bot.commands.doctor", "doctor", "Check every connection and permission, and say what to do."),
    "simulate": ("bot.commands.simulate", "simulate", "Send realistic alerts to a running bot."),
    "chaos": ("bot.commands.chaos", "chaos", "Break things in a namespace of its own, and clean up again."),
    "audit": ("bot.commands.audit", "audit", "Verify, show and export the audit trail."),
    "migrate": ("bot.commands.migrate", "migrate", "Bring the database's schema up to date."),
}


class _LazyGroup(click.Group):
    """A group that knows its commands' names and help without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in _COMMANDS:
            return None
        module, attribute, _ = _COMMANDS[cmd_name]
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, _, text) in _COMMANDS.items()])


def _show_version(ctx: click.Context, _parameter: click.Parameter, wanted: bool) -> None:
    if not wanted or ctx.resilient_parsing:
        return
    try:
        found = importlib.metadata.version("oncall-agent")
    except importlib.metadata.PackageNotFoundError:
        found = "not installed: running from a checkout"
    click.echo(f"oncall-agent, version {found}")
    ctx.exit()


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version", is_flag=True, expose_value=False, is_eager=True, callback=_show_version, help="Show the version."
)
def cli() -> None:
    """Oncall Agent: an on-call teammate that lives in Slack."""


def main(*arguments: Any) -> None:
    """Run the command line and exit. An error that a person can mend is one sentence, not a traceback."""
    try:
        cli.main(args=list(arguments) or None, standalone_mode=True)
    except Exception as error:
        from bot.errors import OncallError, SettingsError

        if not isinstance(error, OncallError):
            raise
        click.echo(f"{error.message}{' ' + error.next_step if error.next_step else ''}", err=True)
        sys.exit(2 if isinstance(error, SettingsError) else 1)


if __name__ == "__main__":
    main()
