"""Remembers of which leads the pages were told that they are being claimed.

While the engine is away, claims are sent again and again. Each would hide its row for two seconds from everybody.
"""

import time
from collections import OrderedDict
from typing import Final

AGAIN_SECONDS: Final = 30.0
"""So long after the pages were told of a claim, further claims of the lead are not told, unless one has an answer."""
MAX_LEADS: Final = 10_000
"""The most leads that are remembered. The oldest are forgotten first: their rows may be hidden once more."""

ListedLead = tuple[str, str, str]
"""An org, a queue, and a lead of it."""


class _LeadClaims:
    """Of one lead: when the pages were told, and how many of its claims have not ended."""

    def __init__(self) -> None:
        self.at = time.monotonic()
        self.claims = 1


class ClaimsTold:
    """The leads of one console whose claims were told. Each claim that begins also ends."""

    def __init__(self) -> None:
        self._leads: OrderedDict[ListedLead, _LeadClaims] = OrderedDict()

    def begin(self, lead: ListedLead) -> bool:
        """Note a claim; return whether the pages are to be told of it."""
        lead_claims = self._leads.get(lead)
        if lead_claims is not None and time.monotonic() - lead_claims.at < AGAIN_SECONDS:
            lead_claims.claims += 1
            return False
        self._leads.pop(lead, None)
        self._leads[lead] = _LeadClaims()
        if len(self._leads) > MAX_LEADS:
            self._leads.popitem(last=False)
        return True

    def end(self, lead: ListedLead, *, is_answered: bool, took_lead: bool) -> bool:
        """Note the end of a claim; return whether the pages are to be told that nobody is claiming the lead now."""
        lead_claims = self._leads.get(lead)
        if lead_claims is None:
            return not took_lead
        lead_claims.claims -= 1
        is_last = lead_claims.claims <= 0
        if took_lead or (is_last and is_answered):
            del self._leads[lead]
        return is_last and not took_lead
