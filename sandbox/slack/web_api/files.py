"""files.*: the three steps of an upload, and what became of it."""

import mimetypes
import secrets
from typing import Any

from sandbox.slack import ids
from sandbox.slack.errors import SlackError
from sandbox.slack.state import JSON, Channel
from sandbox.slack.web_api.chat import may_post
from sandbox.slack.web_api.method import Call, Method, Methods

PREVIEW_CHARACTERS = 2_000
_TEXT_SUFFIXES = frozenset({"diff", "ini", "log", "md", "patch", "toml", "txt", "yaml", "yml"})


async def upload_address(call: Call) -> JSON:
    filename, length = call.arguments.required("filename", "length")
    if not length.isdigit() or int(length) == 0:
        raise SlackError("invalid_arguments", messages=["[ERROR] length must be a positive number of bytes"])
    kind = _kind(filename)
    file_id = ids.new_id("F")
    base = call.core.base_url
    call.core.state.files[file_id] = {
        "id": file_id,
        "created": int(float(call.core.state.timestamps.next())),
        "name": filename,
        "title": filename,
        "mimetype": kind,
        "filetype": call.arguments.text("snippet_type") or filename.rpartition(".")[2].lower() or "binary",
        "pretty_type": "Plain Text" if kind.startswith("text/") else kind,
        "user": call.app.bot_user_id,
        "user_team": call.core.state.team_id,
        "size": int(length),
        "mode": "snippet" if call.arguments.text("snippet_type") else "hosted",
        "is_external": False,
        "is_public": False,
        "public_url_shared": False,
        "alt_txt": call.arguments.text("alt_txt"),
        "url_private": f"{base}/files-pri/{call.core.state.team_id}-{file_id}/{filename}",
        "url_private_download": f"{base}/files-pri/{call.core.state.team_id}-{file_id}/download/{filename}",
        "permalink": f"{base}/client/files/{file_id}",
        "channels": [],
        "groups": [],
        "ims": [],
    }
    ticket = secrets.token_urlsafe(24)
    call.core.state.upload_tickets[ticket] = file_id
    return {"upload_url": f"{base}/upload/v1/{ticket}", "file_id": file_id}


async def complete_upload(call: Call) -> JSON:
    wanted = call.arguments.parsed("files")
    if not isinstance(wanted, list) or not wanted:
        raise SlackError("invalid_arguments", messages=["[ERROR] missing required field: files"])
    files = [_finished(call, entry) for entry in wanted]
    channels = call.arguments.names("channel_id") or call.arguments.names("channels")
    for channel_id in channels:
        channel = call.core.state.channels.get(channel_id)
        if channel is None:
            raise SlackError("invalid_channel")
        may_post(call, channel)
        _share(call, channel, files)
    return {"files": files}


async def show(call: Call) -> JSON:
    (file_id,) = call.arguments.required("file")
    file = call.core.state.files.get(file_id)
    if file is None or file_id not in call.core.state.file_contents:
        raise SlackError("file_not_found")
    content = call.core.state.file_contents[file_id]
    return {"file": file, "content": _preview(file, content), "comments": [], **_no_more()}


def _kind(filename: str) -> str:
    """Return the media type. What operators upload is mostly text that no registry of media types knows."""
    if filename.rpartition(".")[2].lower() in _TEXT_SUFFIXES:
        return "text/plain"
    return mimetypes.guess_type(filename)[0] or "application/octet-stream"


def _finished(call: Call, entry: Any) -> JSON:
    file_id = entry.get("id") if isinstance(entry, dict) else None
    file = call.core.state.files.get(str(file_id))
    if file is None or str(file_id) not in call.core.state.file_contents:
        raise SlackError("file_not_found")
    file["title"] = entry.get("title") or file["name"]
    if preview := _preview(file, call.core.state.file_contents[file["id"]]):
        file["preview"] = preview
    return file


def _share(call: Call, channel: Channel, files: list[JSON]) -> None:
    place = {"channel": "channels", "group": "groups"}.get(channel.kind, "ims")
    for file in files:
        file[place].append(channel.id)
        file["is_public"] = file["is_public"] or channel.kind == "channel"
    message = call.core.messages.post(
        channel,
        call.core.messages.as_app(call.app),
        call.arguments.text("initial_comment"),
        thread_ts=call.arguments.text("thread_ts") or None,
        files=files,
        upload=True,
    )
    for file in files:
        shares = file.setdefault("shares", {}).setdefault("public" if channel.kind == "channel" else "private", {})
        share = {"ts": message["ts"], "channel_name": channel.name, "team_id": call.core.state.team_id}
        if "thread_ts" in message:
            share["thread_ts"] = message["thread_ts"]
        shares.setdefault(channel.id, []).append(share)


def _preview(file: JSON, content: bytes) -> str:
    kind = file["mimetype"]
    if not (kind.startswith("text/") or kind == "application/json" or file["mode"] == "snippet"):
        return ""
    return content[: PREVIEW_CHARACTERS * 4].decode("utf-8", "replace")[:PREVIEW_CHARACTERS]


def _no_more() -> JSON:
    return {"response_metadata": {"next_cursor": ""}}


METHODS: Methods = {
    "files.getUploadURLExternal": Method(upload_address, ("files:write",)),
    "files.completeUploadExternal": Method(complete_upload, ("files:write",)),
    "files.info": Method(show, ("files:read",)),
}
