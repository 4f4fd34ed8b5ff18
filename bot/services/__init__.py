"""The use cases, one a file, and the one object through which handlers reach them."""

from dataclasses import dataclass

from bot.services.analytics import AnalyticsService
from bot.services.approvals import ApprovalService
from bot.services.incidents import IncidentService
from bot.services.intake import IntakeService
from bot.services.investigation import InvestigationService
from bot.services.people import PeopleService
from bot.services.status import StatusService

__all__ = ["Services"]


@dataclass(frozen=True, slots=True)
class Services:
    """What handlers may call."""

    intake: IntakeService
    investigation: InvestigationService
    approvals: ApprovalService
    incidents: IncidentService
    analytics: AnalyticsService
    status: StatusService
    people: PeopleService
