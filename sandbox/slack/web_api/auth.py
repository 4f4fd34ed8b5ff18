"""auth.*, api.*, apps.* and bots.*: who is calling, and where the websocket is."""

from sandbox.slack.errors import SlackError
from sandbox.slack.state import JSON
from sandbox.slack.web_api.method import Call, Method, Methods


async def auth_test(call: Call) -> JSON:
    app, state = call.app, call.core.state
    return {
        "url": f"https://{state.team['domain']}.slack.com/",
        "team": state.team["name"],
        "user": state.users[app.bot_user_id]["name"],
        "team_id": state.team_id,
        "user_id": app.bot_user_id,
        "bot_id": app.bot_id,
        "is_enterprise_install": False,
    }


async def api_test(call: Call) -> JSON:
    if error := call.arguments.text("error"):
        raise SlackError(error, args=dict(call.arguments.values))
    return {"args": dict(call.arguments.values)}


async def open_connection(call: Call) -> JSON:
    path = call.core.sockets.issue_ticket(call.app)
    return {"url": "ws" + call.core.base_url.removeprefix("http") + path}


async def bot_profile(call: Call) -> JSON:
    bot = call.core.state.bots.get(call.arguments.text("bot", call.app.bot_id))
    if bot is None:
        raise SlackError("bot_not_found")
    return {"bot": {**bot.bot_profile, "user_id": bot.bot_user_id}}


METHODS: Methods = {
    "api.test": Method(api_test, taken_by="any"),
    "auth.test": Method(auth_test),
    "apps.connections.open": Method(open_connection, taken_by="app"),
    "bots.info": Method(bot_profile, ("users:read",)),
}
