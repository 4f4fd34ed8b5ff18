"""views.*: modals and App Home."""

from typing import Any

from sandbox.slack.errors import SlackError
from sandbox.slack.state import JSON
from sandbox.slack.web_api.method import Call, Method, Methods


async def open_view(call: Call) -> JSON:
    trigger = call.core.triggers.redeem(call.app, _trigger_id(call))
    return {"view": call.core.views.open(call.app, trigger.user_id, _view(call))}


async def push_view(call: Call) -> JSON:
    trigger = call.core.triggers.redeem(call.app, _trigger_id(call))
    return {"view": call.core.views.push(call.app, trigger.user_id, _view(call))}


async def update_view(call: Call) -> JSON:
    views, arguments = call.core.views, call.arguments
    view_id = views.find(
        call.app,
        view_id=arguments.text("view_id") or None,
        external_id=arguments.text("external_id") or None,
    )
    return {"view": views.update(call.app, view_id, _view(call), arguments.text("hash") or None)}


async def publish_view(call: Call) -> JSON:
    (user_id,) = call.arguments.required("user_id")
    if user_id not in call.core.state.users:
        raise SlackError("invalid_arguments", messages=["[ERROR] user not found [json-pointer:/user_id]"])
    if not call.app.definition.has_home:
        raise SlackError("not_enabled")
    hash_ = call.arguments.text("hash") or None
    return {"view": call.core.views.publish(call.app, user_id, _view(call), hash_)}


def _view(call: Call) -> Any:
    view = call.arguments.parsed("view")
    if view is None or view == "":
        raise SlackError("invalid_arguments", messages=["[ERROR] missing required field: view"])
    return view


def _trigger_id(call: Call) -> str:
    return call.arguments.text("interactivity_pointer") or call.arguments.required("trigger_id")[0]


METHODS: Methods = {
    "views.open": Method(open_view),
    "views.push": Method(push_view),
    "views.update": Method(update_view),
    "views.publish": Method(publish_view),
}
