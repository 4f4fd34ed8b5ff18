"""Block Kit in a terminal."""

from bot.commands.blocks_text import message_lines


def test_people_are_called_by_their_names() -> None:
    told = {"type": "context", "elements": [{"type": "mrkdwn", "text": "approved by <@U01A> and <@U02B>"}]}
    [line] = message_lines({"blocks": [told]}, {"U01A": 'Maya "M" Chen'})
    assert line.plain == 'approved by @Maya "M" Chen and @U02B'


def test_a_message_without_blocks_is_its_text() -> None:
    [line] = message_lines({"text": "*two* &lt;pods&gt;"}, {})
    assert line.plain == "two <pods>"
