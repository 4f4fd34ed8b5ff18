"""What a Web API call is refused with."""

from typing import Any


class SlackError(Exception):
    """A refusal in Slack's form: `{"ok": false, "error": code, ...fields}`.

    `messages` become `response_metadata.messages`, which is how Slack says what is wrong with an argument.
    """

    def __init__(self, code: str, *, messages: list[str] | None = None, **fields: Any) -> None:
        super().__init__(code)
        self.code = code
        self.messages = messages or []
        self.fields = fields

    def body(self) -> dict[str, Any]:
        body: dict[str, Any] = {"ok": False, "error": self.code, **self.fields}
        if self.messages:
            body["response_metadata"] = {"messages": self.messages}
            if self.code == "invalid_blocks":
                body["errors"] = self.messages
        return body
