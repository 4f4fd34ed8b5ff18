"""One line in the thread."""

from integrations.slack.blocks import elements as e


def notice(text: str) -> e.JSON:
    """Return a one-line message; `text` is mrkdwn in which the caller has escaped what is not ours."""
    return e.message(text, [e.section(text or "-")])
