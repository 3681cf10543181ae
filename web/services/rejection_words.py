"""Writes for a rep why the rep did not get a lead (X1, Q3)."""

from typing import Final

from models.offers import RejectionReason

WHY_NOT: Final = {
    RejectionReason.UNKNOWN: "you were not in the directory",
    RejectionReason.INACTIVE: "you were not active",
    RejectionReason.LICENCE: "your licences do not cover its state",
    RejectionReason.GROUP_FILTER: "the lead does not meet the rule of the group",
    RejectionReason.OWN_FILTER: "the lead does not meet your own rule",
    RejectionReason.TRIED: "it was offered to you before",
    RejectionReason.ABSENT: "you were absent or had paused",
    RejectionReason.HOURS: "it came outside your working hours",
    RejectionReason.OPEN_CAP: "you had as many open leads as you may have",
    RejectionReason.DAILY_CAP: "you had as many leads that day as you may have",
    RejectionReason.RINGING: "another lead was ringing at your phone",
    RejectionReason.PAUSED: "transfers were paused",
    RejectionReason.GROUP: "the group gives leads to no rep",
}
"""Why a rep was passed over, without facts of the lead, for a rep who may not see it (Q3)."""
