"""A subcommand of /oncall: what it is called, and what it is given to run."""

import difflib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from bot.domain.actor import Actor
from bot.domain.alert import MessageRef
from handlers.slack.replies import Reply
from handlers.slack.screens import JSON
from handlers.slack.wiring import Wiring


@dataclass(frozen=True, slots=True)
class Call:
    """One use of a subcommand: `text` follows its name, `message` is what it was written in, if anything.

    `commands` holds all subcommands there are, for the one that explains them.
    """

    wiring: Wiring
    reply: Reply
    text: str
    commands: "Mapping[str, Subcommand]"
    channel: str | None = None
    message: MessageRef | None = None
    prefix: str = "/oncall"

    async def person(self) -> Actor:
        """Return who asks, as the server knows them."""
        return await self.wiring.services.people.person(self.reply.user_id)

    def explain(self, unknown: str = "") -> JSON:
        """Return the help, with the nearest name where `unknown` was probably meant to be one."""
        intro = ""
        if unknown:
            near = difflib.get_close_matches(unknown.lower(), self.commands, n=1, cutoff=0.5)
            intro = f"I do not know “{unknown[:80]}”." + (f" Did you mean “{self.prefix} {near[0]}”?" if near else "")
        pairs = [(command.usage, command.help) for command in self.commands.values()]
        return self.wiring.screens.help_text(self.prefix, pairs, intro)


@dataclass(frozen=True, slots=True)
class Subcommand:
    """`usage` starts with the name. A subcommand that `decides` is not understood in ordinary messages."""

    name: str
    usage: str
    help: str
    run: Callable[[Call], Awaitable[None]]
    decides: bool = False
