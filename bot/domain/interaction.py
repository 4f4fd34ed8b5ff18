"""The ids that Slack sends back to us: shared by what renders them and what handles them."""

from enum import StrEnum


class ActionId(StrEnum):
    """`action_id` of every interactive element we send. The element's value is an id of ours and nothing else."""

    APPROVE = "proposal_approve"  # value: proposal id; for a destructive action it opens a modal
    REJECT = "proposal_reject"  # value: proposal id; opens a modal that asks for the reason
    PROPOSAL_DETAILS = "proposal_details"  # value: proposal id; opens a modal
    UNDO = "proposal_undo"  # value: proposal id; proposes the undo, which is approved like any other
    EVIDENCE_DETAILS = "evidence_details"  # value: incident id; opens a modal
    EVIDENCE_FILE = "evidence_file"  # value: incident id; attaches the evidence to the thread as a file
    CHOOSE_TARGET = "choose_target"  # a select; option value: incident id|Kind/namespace/name
    INVESTIGATE_AGAIN = "investigate_again"  # value: incident id
    ACKNOWLEDGE = "incident_acknowledge"  # value: incident id
    RESOLVE = "incident_resolve"  # value: incident id
    OPEN_LINK = "open_link"  # a link button: nothing to do but to acknowledge the click
    HOME_REFRESH = "home_refresh"
    HOME_PERIOD = "home_period"  # a select; option value: number of days


class CallbackId(StrEnum):
    """`callback_id` of every view and shortcut."""

    REJECT_REASON = "reject_reason"  # private_metadata: proposal id
    CONFIRM_APPROVAL = "confirm_approval"  # private_metadata: proposal id; asks for the target's name
    PROPOSAL_DETAILS = "proposal_details_view"
    EVIDENCE_DETAILS = "evidence_details_view"
    INVESTIGATE_MESSAGE = "investigate_message"  # message shortcut
    INVESTIGATE = "investigate"  # global shortcut; opens a modal that asks what
    HOME = "home"


REASON_BLOCK = "reason"
REASON_INPUT = "reason_text"
CONFIRM_BLOCK = "confirmation"
CONFIRM_INPUT = "confirmation_text"
SUBJECT_BLOCK = "subject"
SUBJECT_INPUT = "subject_text"
