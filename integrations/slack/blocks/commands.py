"""Answers to the slash command."""

from collections.abc import Sequence
from typing import Protocol

from bot.domain.incident import Incident
from integrations.slack.blocks import elements as e
from integrations.slack.blocks import text as t
from integrations.slack.blocks.home import ThreadLink, incident_line

MOST_INCIDENTS = 20
MOST_COMPONENTS = 25


class Component(Protocol):
    """One line of the status; what is not `required` may be out of order without harm."""

    @property
    def name(self) -> str: ...
    @property
    def ok(self) -> bool: ...
    @property
    def detail(self) -> str: ...
    @property
    def required(self) -> bool: ...


def help_text(command: str, subcommands: Sequence[tuple[str, str]], intro: str = "") -> e.JSON:
    """Return the list of subcommands, each a pair of usage and explanation; `intro` comes first."""
    lines = [f"• {t.code(f'{command} {usage}'.strip())}: {t.inline(about, 250)}" for usage, about in subcommands[:20]]
    blocks = [e.section(t.inline(intro, 600))] if intro else []
    blocks.append(e.section("*What I can do*"))
    blocks += [e.section("\n".join(lines[start : start + 6])) for start in range(0, len(lines), 6)]
    blocks.append(e.context("You can also mention me in a channel, or use “Investigate this” on any message."))
    return e.message(t.inline(intro, 600) if intro else f"What {command} can do", blocks)


def status(components: Sequence[Component]) -> e.JSON:
    """Return what works and what does not, broken things first."""
    ordered = sorted(components, key=lambda component: (component.ok, not component.required))
    broken = sum(not c.ok and c.required for c in ordered)
    without = sum(not c.ok and not c.required for c in ordered)
    headline = (
        f"❌ *{t.count(broken, 'component')} out of order.*" if broken else "✅ *Everything that is needed works.*"
    )
    if without:
        headline += f" {t.count(without, 'optional component')} not available."
    lines = [_component_line(component) for component in ordered[:MOST_COMPONENTS]]
    if left_out := len(ordered[MOST_COMPONENTS:]):
        lines.append(f"… and {t.count(left_out, 'more component')}")
    blocks = [e.section(headline)]
    blocks += [e.section("\n".join(lines[start : start + 6])) for start in range(0, len(lines), 6)]
    return e.message(headline.replace("*", ""), blocks)


def _component_line(component: Component) -> str:
    if component.ok:
        icon, word = "✅", "works"
    else:
        icon, word = ("❌", "out of order") if component.required else ("⚪", "not available, optional")
    return f"{icon} *{t.inline(component.name, 80)}* ({word}): {t.inline(component.detail, 280)}"


def incident_list(incidents: Sequence[Incident], thread_link: ThreadLink) -> e.JSON:
    """Return the open incidents."""
    if not incidents:
        return e.message("No open incident.", [e.section("✅ *No open incident.*")])
    headline = t.count(len(incidents), "open incident")
    blocks = [e.section(f"🔔 *{headline}*")]
    blocks += [e.section(incident_line(incident, thread_link(incident))) for incident in incidents[:MOST_INCIDENTS]]
    if left_out := len(incidents[MOST_INCIDENTS:]):
        blocks.append(e.context(f"… and {left_out} more."))
    return e.message(headline, blocks)
