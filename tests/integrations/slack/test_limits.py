"""Whatever the domain holds, what we send keeps Slack's limits and smuggles nothing in."""

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.domain.action import Proposal
from bot.domain.analysis import Analysis
from bot.domain.entity import ObjectRef
from bot.domain.evidence import Evidence, Progress
from bot.domain.incident import Incident
from bot.domain.metrics import Figures
from integrations.slack.blocks import text as t
from integrations.slack.blocks.analysis import analysis
from integrations.slack.blocks.commands import help_text, incident_list, status
from integrations.slack.blocks.errors import error, error_view
from integrations.slack.blocks.home import home
from integrations.slack.blocks.modals import confirm_modal, evidence_modal, proposal_modal, reject_modal
from integrations.slack.blocks.progress import progress
from integrations.slack.blocks.proposal import proposal
from integrations.slack.blocks.question import question
from integrations.slack.blocks.resolve import resolve
from integrations.slack.blocks.root import root
from sandbox.slack.validation.blocks import check_blocks
from tests.integrations.slack import limits
from tests.integrations.slack import strategies as s

quick = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))


def accepted(rendered: dict[str, Any]) -> None:
    surface = rendered.get("type", "message")
    if surface == "message":
        limits.check_message(rendered)
    else:
        limits.check_view(rendered)
    assert check_blocks(rendered["blocks"], surface) == []


@quick
@given(s.INCIDENT)
def test_root(incident: Incident) -> None:
    accepted(root(incident))


@quick
@given(s.INCIDENT, s.PROGRESS)
def test_progress(incident: Incident, state: Progress) -> None:
    accepted(progress(incident, state))


@quick
@given(s.INCIDENT, s.ANALYSIS, st.integers(0, 5), s.PROGRESS)
def test_analysis(incident: Incident, report: Analysis, proposals: int, state: Progress) -> None:
    accepted(analysis(incident, report, proposals, state))


@quick
@given(s.INCIDENT, s.PROPOSAL, s.TEXT)
def test_proposal(incident: Incident, offer: Proposal, step: str) -> None:
    accepted(proposal(incident, offer, step))
    accepted(resolve(incident, offer))
    accepted(proposal_modal(offer))
    accepted(reject_modal(offer))
    accepted(confirm_modal(offer))


@quick
@given(s.INCIDENT, st.lists(s.TARGET, max_size=20), s.TEXT)
def test_question(incident: Incident, candidates: list[ObjectRef], reason: str) -> None:
    accepted(question(incident, candidates, reason))


@quick
@given(s.INCIDENT, st.lists(s.EVIDENCE, max_size=12))
def test_evidence_modal(incident: Incident, evidence: list[Evidence]) -> None:
    accepted(evidence_modal(incident, evidence))


@quick
@given(st.lists(s.INCIDENT, max_size=4), st.lists(s.PROPOSAL, max_size=3, unique_by=lambda p: p.id), s.FIGURES)
def test_home(incidents: list[Incident], pending: list[Proposal], figures: Figures) -> None:
    accepted(home(incidents, pending, figures, days=7, thread_link=lambda _: "https://acme.slack.com/archives/C1/p1"))
    limits.check_view(home(incidents, pending, figures, days=7, thread_link=lambda _: None, chart=bool(figures.by_day)))
    accepted(incident_list(incidents, lambda _: None))


@quick
@given(s.TEXT, s.TEXT, s.TEXT)
def test_errors_and_status(sentence: str, next_step: str, word: str) -> None:
    accepted(error(sentence, next_step, "E-0A1B2C"))
    accepted(error_view(sentence, next_step))
    accepted(help_text("/oncall", [(word, sentence)] * 9, next_step))
    accepted(status([SimpleNamespace(name=word, ok=word < sentence, detail=next_step, required=True)] * 9))


@given(st.text(), st.integers(40, 400))
def test_inline_is_one_safe_line_within_the_limit(text: str, limit: int) -> None:
    line = t.inline(text, limit)
    assert 1 <= len(line) <= limit
    assert not set(line) & set("<>\n`")
    assert all(line[i:].startswith(("&amp;", "&lt;", "&gt;")) for i, c in enumerate(line) if c == "&")


@given(st.text(), st.integers(40, 400))
def test_truncate_says_exactly_how_much_is_missing(text: str, limit: int) -> None:
    short = t.truncate(text, limit)
    assert len(short) <= limit
    if short != text:
        kept, _, note = short.rpartition("… (+")
        assert text.startswith(kept)
        assert int(note.removesuffix(" characters)")) == len(text) - len(kept)


@given(st.text(alphabet="ab\n", max_size=300), st.integers(5, 50))
def test_pieces_lose_nothing_but_line_ends(text: str, size: int) -> None:
    cut = t.pieces(text, size)
    assert all(1 <= len(piece) <= size for piece in cut)
    if text.strip("\n"):
        assert "".join(cut).replace("\n", "") == text.replace("\n", "")


@pytest.mark.parametrize(
    ("milliseconds", "words"),
    [
        (0, "0 ms"),
        (40, "40 ms"),
        (1240, "1.2 s"),
        (59_990, "1 min"),
        (125_000, "2 min 5 s"),
        (11_400_000, "3 h 10 min"),
        (187_200_000, "2 d 4 h"),
    ],
)
def test_durations_in_words(milliseconds: float, words: str) -> None:
    assert t.duration(milliseconds) == words
