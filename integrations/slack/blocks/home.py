"""App Home: what is open, what waits for a decision, and how the last days went."""

from collections.abc import Callable, Sequence

from bot.domain.action import Proposal
from bot.domain.incident import Incident
from bot.domain.interaction import ActionId, CallbackId
from bot.domain.metrics import Duration, Figures
from integrations.slack.blocks import elements as e
from integrations.slack.blocks import text as t
from integrations.slack.blocks import wording as w
from integrations.slack.blocks.proposal import approve_button, block_id, waits_for

PERIODS = (7, 14, 30)
MOST_INCIDENTS = 12
MOST_PROPOSALS = 8
MOST_SERVICES = 8
BAR = 16

ThreadLink = Callable[[Incident], str | None]
"""Returns the address of an incident's thread, None when it has none yet."""


def home(
    incidents: Sequence[Incident],
    pending: Sequence[Proposal],
    figures: Figures,
    *,
    days: int,
    thread_link: ThreadLink,
    chart: bool = False,
) -> e.JSON:
    """Return the view. With `chart` the days are a chart block, which Slack may refuse; text bars always work."""
    blocks = [
        e.header("On call"),
        *_open(incidents, thread_link),
        *_pending(pending),
        *_figures(figures, days),
        *(_chart(figures) if chart else _bars(figures)),
        *_services(figures),
        e.context(f"As of {t.moment(figures.until, '{date_short_pretty} at {time_secs}')}"),
    ]
    return {
        "type": "home",
        "callback_id": CallbackId.HOME,
        "private_metadata": str(days),
        "blocks": e.limit_blocks(blocks, e.VIEW_BLOCKS),
    }


def _open(incidents: Sequence[Incident], thread_link: ThreadLink) -> list[e.JSON]:
    if not incidents:
        return [e.section("✅ *No open incident.*")]
    blocks = [e.section(f"🔔 *{t.count(len(incidents), 'open incident')}*")]
    blocks += [e.section(incident_line(incident, thread_link(incident))) for incident in incidents[:MOST_INCIDENTS]]
    if left_out := len(incidents[MOST_INCIDENTS:]):
        blocks.append(e.context(f"… and {left_out} more: `/oncall incidents` lists them."))
    return blocks


def incident_line(incident: Incident, thread: str | None = None) -> str:
    """Return one incident as two lines of mrkdwn: what and how bad, then state, age and links."""
    title = t.link(thread, incident.title, 300)
    details = [w.STATUS[incident.status], w.TRIAGE[incident.triage]]
    if incident.service:
        details.append(t.inline(incident.service, 100))
    details.append(f"since {t.moment(incident.opened_at)}")
    if incident.url and t.is_web(incident.url):
        details.append(t.link(incident.url, "PagerDuty"))
    return f"{w.SEVERITY[incident.severity]}: *{title}* {t.code(incident.id)}\n{' · '.join(details)}"


def _pending(pending: Sequence[Proposal]) -> list[e.JSON]:
    if not pending:
        return [e.divider(), e.section("*Nothing waits for a decision.*")]
    blocks = [e.divider(), e.section(f"🛠️ *{t.count(len(pending), 'proposal')} waiting for a decision*")]
    for offer in pending[:MOST_PROPOSALS]:
        waits = f"until {t.moment(offer.expires_at)}" if not offer.approvals else waits_for(offer)
        facts = f"Risk: {w.RISK[offer.preview.risk]} · {waits} · {t.code(offer.incident_id)}"
        blocks.append(e.section(f"*{t.inline(w.title(offer), 400)}* {t.code(offer.id)}\n{facts}"))
        details = e.button("Details", ActionId.PROPOSAL_DETAILS, offer.id, label=f"Details of proposal {offer.id}")
        # Several rows of equal weight: a primary button in each would point nowhere.
        buttons = [approve_button(offer, primary=False), e.button("Reject", ActionId.REJECT, offer.id), details]
        blocks.append(e.actions(buttons, f"home:{block_id(offer)}"))
    if left_out := len(pending[MOST_PROPOSALS:]):
        blocks.append(e.context(f"… and {left_out} more in the incidents' threads."))
    return blocks


def _figures(figures: Figures, days: int) -> list[e.JSON]:
    options = [e.option(f"Last {period} days", str(period)) for period in PERIODS]
    chosen = next((o for o in options if o["value"] == str(days)), options[0])
    decided = figures.proposals
    return [
        e.divider(),
        e.section(f"📊 *The last {days} days*"),
        e.actions(
            [
                e.static_select("Period", ActionId.HOME_PERIOD, options, chosen),
                e.button("Refresh", ActionId.HOME_REFRESH, str(days), label="Refresh this page"),
            ],
            "home:period",
        ),
        e.fields(
            [
                ("Incidents", f"{figures.incidents:,} ({figures.open_now:,} open now)"),
                ("Proposals", f"{decided.proposed:,} made, {decided.succeeded:,} worked, {decided.failed:,} failed"),
                ("Time to acknowledge (MTTA)", _mean(figures.mtta)),
                ("Time to resolve (MTTR)", _mean(figures.mttr)),
            ]
        ),
    ]


def _mean(value: Duration) -> str:
    if value.mean is None:
        return "nothing to count yet"
    middle = f", median {t.duration(value.median * 1000)}" if value.median is not None else ""
    return f"{t.duration(value.mean * 1000)}{middle}"


def _chart(figures: Figures) -> list[e.JSON]:
    labels = [f"{day.day:%d %b}" for day in figures.by_day[-31:]]
    days = figures.by_day[-31:]
    series = [
        {"name": name, "data": [{"label": x, "value": y} for x, y in zip(labels, values, strict=True)]}
        for name, values in (("Opened", [d.incidents for d in days]), ("Resolved", [d.resolved for d in days]))
    ]
    axis = {"categories": labels, "x_label": "Day (UTC)", "y_label": "Incidents"}
    chart = {"type": "bar", "series": series, "axis_config": axis}
    return [{"type": "data_visualization", "title": "Incidents a day", "chart": chart}]


def _bars(figures: Figures) -> list[e.JSON]:
    days = figures.by_day[-31:]
    most = max((day.incidents for day in days), default=0)
    rows = []
    for day in days:
        filled = round(BAR * day.incidents / most) if most else 0
        bar = "█" * (max(1, filled) if day.incidents else 0)
        rows.append(f"{day.day:%a %d %b}  {bar:<{BAR}}  {day.incidents:>3} opened, {day.resolved:>3} resolved")
    if not rows:
        return []
    return [e.rich_text(e.paragraph(e.run("Incidents a day (UTC)", bold=True)), e.preformatted("\n".join(rows)))]


def _services(figures: Figures) -> list[e.JSON]:
    if not figures.by_service:
        return []
    lines = [
        f"• *{t.inline(s.service, 100)}*: {t.count(s.incidents, 'incident')} · "
        f"acknowledged after {_brief(s.mtta)} · resolved after {_brief(s.mttr)}"
        for s in figures.by_service[:MOST_SERVICES]
    ]
    if left_out := len(figures.by_service[MOST_SERVICES:]):
        lines.append(f"… and {t.count(left_out, 'more service')}")
    return [e.section("*By service*\n" + "\n".join(lines))]


def _brief(value: Duration) -> str:
    return "-" if value.mean is None else t.duration(value.mean * 1000)
