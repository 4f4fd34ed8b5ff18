"""The subcommands of /oncall, one a file: each module here defines `COMMAND`."""

import importlib
import pkgutil
from dataclasses import replace

from handlers.slack.command import Call, Subcommand

ORDER = ("investigate", "incidents", "status", "approve", "reject", "help")


def load() -> dict[str, Subcommand]:
    """Return every subcommand of this folder by name, the ones people need first."""
    found: dict[str, Subcommand] = {}
    for module in pkgutil.iter_modules(__path__):
        command: Subcommand = importlib.import_module(f"{__name__}.{module.name}").COMMAND
        found[command.name] = command
    rank = {name: number for number, name in enumerate(ORDER)}
    return dict(sorted(found.items(), key=lambda item: (rank.get(item[0], len(rank)), item[0])))


async def run(call: Call) -> None:
    """Run the subcommand that the call's text names; explain what there is when it names none."""
    name, _, rest = call.text.strip().partition(" ")
    command = call.commands.get(name.lower() or "help")
    if command is None:
        await call.reply.say(call.explain(name))
    else:
        await command.run(replace(call, text=rest.strip()))
