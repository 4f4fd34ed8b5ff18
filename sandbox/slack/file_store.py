"""Files: what is promised, uploaded and shown of them."""

import mimetypes
import secrets
from typing import TYPE_CHECKING

from sandbox.slack import ids
from sandbox.slack.state import JSON

if TYPE_CHECKING:
    from sandbox.slack.core import Core

PREVIEW_CHARACTERS = 2_000
_TEXT_SUFFIXES = frozenset({"diff", "ini", "log", "md", "patch", "toml", "txt", "yaml", "yml"})


class FileStore:
    """Slack's file objects and their bytes. An upload happens once, through a ticket, and must keep its length."""

    def __init__(self, core: "Core") -> None:
        self._core = core
        self._tickets: dict[str, str] = {}

    def promise(self, filename: str, length: int, user_id: str, *, snippet_type: str = "", alt_text: str = "") -> JSON:
        """Make the file object of an upload that is about to come."""
        state, base = self._core.state, self._core.base_url
        file_id, kind = ids.new_id("F"), _kind(filename)
        private = f"{base}/files-pri/{state.team_id}-{file_id}"
        file: JSON = {
            "id": file_id,
            "created": int(float(state.timestamps.next())),
            "name": filename,
            "title": filename,
            "mimetype": kind,
            "filetype": snippet_type or filename.rpartition(".")[2].lower() or "binary",
            "pretty_type": "Plain Text" if kind.startswith("text/") else kind,
            "user": user_id,
            "user_team": state.team_id,
            "size": length,
            "mode": "snippet" if snippet_type else "hosted",
            "is_external": False,
            "is_public": False,
            "public_url_shared": False,
            "alt_txt": alt_text,
            "url_private": f"{private}/{filename}",
            "url_private_download": f"{private}/download/{filename}",
            "permalink": f"{base}/client/files/{file_id}",
            "channels": [],
            "groups": [],
            "ims": [],
        }
        state.files[file_id] = file
        return file

    def issue_ticket(self, file: JSON) -> str:
        """Return the path a file's bytes may be posted to, once."""
        ticket = secrets.token_urlsafe(24)
        self._tickets[ticket] = file["id"]
        return f"/upload/v1/{ticket}"

    def redeem(self, ticket: str) -> JSON | None:
        file_id = self._tickets.pop(ticket, None)
        return None if file_id is None else self._core.state.files[file_id]

    def store(self, file: JSON, content: bytes) -> bool:
        """Keep a file's bytes; say whether they are as many as promised."""
        if len(content) != file["size"]:
            return False
        self._core.state.file_contents[file["id"]] = content
        if preview := self.preview(file):
            file["preview"] = preview
        return True

    def find(self, file_id: str) -> JSON | None:
        """Return a file whose bytes have arrived."""
        return self._core.state.files.get(file_id) if file_id in self._core.state.file_contents else None

    def preview(self, file: JSON) -> str:
        kind = file["mimetype"]
        if not (kind.startswith("text/") or kind == "application/json" or file["mode"] == "snippet"):
            return ""
        content = self._core.state.file_contents[file["id"]]
        return content[: PREVIEW_CHARACTERS * 4].decode("utf-8", "replace")[:PREVIEW_CHARACTERS]


def _kind(filename: str) -> str:
    """Return the media type. What operators upload is mostly text that no registry of media types knows."""
    if filename.rpartition(".")[2].lower() in _TEXT_SUFFIXES:
        return "text/plain"
    return mimetypes.guess_type(filename)[0] or "application/octet-stream"
