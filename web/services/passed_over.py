"""Writes for a rep why the rep did not get a lead (X1, Q3)."""

from typing import Final

from models.offers import Why

WHY_NOT: Final = {
    Why.UNKNOWN: "you were not in the directory",
    Why.INACTIVE: "you were not active",
    Why.LICENCE: "your licences do not cover its state",
    Why.GROUP_FILTER: "the lead does not meet the rule of the group",
    Why.OWN_FILTER: "the lead does not meet your own rule",
    Why.TRIED: "it was offered to you before",
    Why.ABSENT: "you were absent or had paused",
    Why.HOURS: "it came outside your working hours",
    Why.OPEN_CAP: "you had as many open leads as you may have",
    Why.DAILY_CAP: "you had as many leads that day as you may have",
    Why.RINGING: "another lead was ringing at your phone",
    Why.PAUSED: "transfers were paused",
    Why.GROUP: "the group gives leads to no rep",
}
"""Why a rep was passed over, without facts of the lead, for a rep who may not see it (Q3)."""
