"""What a person sees when something did not work."""

from integrations.slack.blocks import elements as e
from integrations.slack.blocks import text as t


def error(sentence: str, next_step: str = "", error_id: str = "") -> e.JSON:
    """Return a message with one clear sentence, what to do next, and the id that finds the log line."""
    said = t.inline(sentence, 1000)
    blocks = [e.section(f"⚠️ {said}")]
    if next_step:
        blocks.append(e.section(f"*What to do:* {t.inline(next_step, 1000)}"))
    if error_id:
        blocks.append(e.context(f"Error {t.code(error_id)}: quote it when you ask for help; the log has the rest."))
    fallback = " ".join(part for part in (said, t.inline(next_step, 400) if next_step else "", error_id) if part)
    return e.message(fallback, blocks)


def error_view(sentence: str, next_step: str = "", error_id: str = "") -> e.JSON:
    """Return the same as a modal, for clicks that happen outside a channel."""
    return e.modal("That did not work", "error", error(sentence, next_step, error_id)["blocks"])
