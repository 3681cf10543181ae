"""Makes every peer's answer to a claim. It has what a rep's screen needs, encoded by the standard json module."""

import json
from typing import Any


def answer_to_claim(event: dict[str, Any], owner: str) -> bytes:
    """Return the answer to a claim when `owner` has the lead: the fields of `lead-decisions` that a peer knows."""
    won = owner == event["rep_id"]
    return json.dumps(
        {
            "action_id": event["cause"],
            "lead_id": event["lead_id"],
            "rep_id": event["rep_id"],
            "type": event["action"],
            "result": "won" if won else "lost",
            "reason": None if won else "already_claimed",
            "owner": owner,
        }
    ).encode()


def state(owner: str) -> bytes:
    """Return a lead's row in a peer's changelog."""
    return json.dumps({"owner": owner}).encode()
