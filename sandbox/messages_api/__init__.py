"""The Messages API as far as a tool-using analyst meets it, with its failures, and a scripted model behind it."""

from sandbox.messages_api.model import Reply, Script
from sandbox.messages_api.scripted import ScriptedModel
from sandbox.messages_api.server import MessagesServer

__all__ = ["MessagesServer", "Reply", "Script", "ScriptedModel"]
