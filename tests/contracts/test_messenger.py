"""What every messenger keeps to: the fake of the core's tests, and Slack over the sandbox."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from bot.domain.alert import MessageRef
from bot.domain.incident import Incident
from bot.errors import VendorError
from bot.ports.messenger import Messenger
from bot.settings import SlackSettings
from integrations.slack.client import make_client, make_session
from integrations.slack.messenger import SlackMessenger
from sandbox.slack.workspace import SlackWorkspace
from tests.fakes import MAYA, FakeMessenger
from tests.integrations.slack import samples


@dataclass
class Case:
    messenger: Messenger
    person: str

    async def incident(self) -> Incident:
        root = await self.messenger.open_thread(samples.incident(thread=None), "incidents", "INC-1:root")
        return samples.incident(thread=root, channel=root.channel, thread_is_ours=True)


@pytest.fixture(params=["fake", "slack"])
async def case(request: pytest.FixtureRequest) -> AsyncIterator[Case]:
    if request.param == "fake":
        yield Case(FakeMessenger(), MAYA.id)
        return
    workspace = SlackWorkspace()
    await workspace.start()
    app = workspace.app("oncall")
    settings = SlackSettings.model_validate(
        {"SLACK_BOT_TOKEN": app.bot_token, "SLACK_APP_TOKEN": app.app_token, "SLACK_API_URL": workspace.api_url}
    )
    session = make_session()
    yield Case(SlackMessenger(make_client(settings, session), settings), workspace.act_as("maya").id)
    await session.close()
    await workspace.stop()


async def test_what_was_posted_is_found_by_its_key_and_nothing_else(case: Case) -> None:
    incident = await case.incident()
    posted = {
        "INC-1:root": incident.thread,
        "INC-1:1:progress": await case.messenger.post_progress(incident, samples.progress(), "INC-1:1:progress"),
        "P-1:card": await case.messenger.post_proposal(incident, samples.proposal(), "P-1:card"),
        "P-1:resolve": await case.messenger.offer_resolve(incident, samples.succeeded(), "P-1:resolve"),
        "INC-1:1:failed": await case.messenger.post_notice(incident, "It stopped.", "INC-1:1:failed"),
    }
    assert len({ref.ts for ref in posted.values() if ref is not None}) == len(posted)
    for key, ref in posted.items():
        found = await case.messenger.find_posted(incident, key)
        assert found is not None
        assert ref is not None
        assert (found.channel, found.ts) == (ref.channel, ref.ts), key
    assert await case.messenger.find_posted(incident, "INC-1:2:progress") is None


async def test_a_message_goes_through_all_its_states(case: Case) -> None:
    incident = await case.incident()
    place = await case.messenger.post_progress(incident, samples.progress(), "k")
    await case.messenger.update_progress(incident, place, samples.progress())
    await case.messenger.show_analysis(incident, place, samples.analysis(), 1, samples.progress())
    card = await case.messenger.post_proposal(incident, samples.proposal(), "card")
    await case.messenger.update_proposal(incident, samples.succeeded(message=card))
    assert isinstance(incident.thread, MessageRef)
    await case.messenger.update_root(incident, incident.thread)


async def test_a_person_is_who_they_are_or_nobody(case: Case) -> None:
    person = await case.messenger.person(case.person)
    assert person.id == case.person
    assert person.name
    with pytest.raises(VendorError):
        await case.messenger.person("U0NOBODY0")
