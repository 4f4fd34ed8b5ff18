"""files.*: the three steps of an upload, and what became of it."""

from typing import Any

from sandbox.slack.errors import SlackError
from sandbox.slack.state import JSON, Channel
from sandbox.slack.web_api.chat import may_post
from sandbox.slack.web_api.method import Call, Method, Methods


async def upload_address(call: Call) -> JSON:
    filename, length = call.arguments.required("filename", "length")
    if not length.isdigit() or int(length) == 0:
        raise SlackError("invalid_arguments", messages=["[ERROR] length must be a positive number of bytes"])
    files = call.core.files
    file = files.promise(
        filename,
        int(length),
        call.app.bot_user_id,
        snippet_type=call.arguments.text("snippet_type"),
        alt_text=call.arguments.text("alt_txt"),
    )
    return {"upload_url": call.core.base_url + files.issue_ticket(file), "file_id": file["id"]}


async def complete_upload(call: Call) -> JSON:
    wanted = call.arguments.parsed("files")
    if not isinstance(wanted, list) or not wanted:
        raise SlackError("invalid_arguments", messages=["[ERROR] missing required field: files"])
    files = [_finished(call, entry) for entry in wanted]
    channels = []
    for channel_id in call.arguments.names("channel_id") or call.arguments.names("channels"):
        channel = call.core.state.channels.get(channel_id)
        if channel is None:
            raise SlackError("invalid_channel")
        may_post(call, channel)
        channels.append(channel)
    for channel in channels:
        _share(call, channel, files)
    return {"files": files}


async def show(call: Call) -> JSON:
    (file_id,) = call.arguments.required("file")
    if (file := call.core.files.find(file_id)) is None:
        raise SlackError("file_not_found")
    content = call.core.files.preview(file)
    return {"file": file, "content": content, "comments": [], "response_metadata": {"next_cursor": ""}}


def _finished(call: Call, entry: Any) -> JSON:
    file = call.core.files.find(str(entry.get("id"))) if isinstance(entry, dict) else None
    if file is None:
        raise SlackError("file_not_found")
    file["title"] = entry.get("title") or file["name"]
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


METHODS: Methods = {
    "files.getUploadURLExternal": Method(upload_address, ("files:write",)),
    "files.completeUploadExternal": Method(complete_upload, ("files:write",)),
    "files.info": Method(show, ("files:read",)),
}
