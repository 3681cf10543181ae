"""Reads a request to erase a person: an action `erase` that names the person instead of a lead's own log.

`person`: true, with `of_lead` (the id of a lead or of an arrival that was added to one) or `digest` and `hash` of a
phone or mail address. The command and the console compute the two, so the request itself names nobody. With `preview`
true, the answer names the leads, and none is erased.
"""

from models.erasure import is_digest, is_hash
from models.events import NO_ORG, ActionRequested
from models.org_events import ErasureRequested

_LONGEST: int = 200
"""The maximum length of a lead id."""


def erasure_requested(action: ActionRequested) -> ErasureRequested | None:
    """Return the request for the org's log; None for any other action, which the lead's own log decides."""
    attributes = action.attributes
    if action.action != "erase" or attributes.get("person") is not True:
        return None
    if action.invalid is not None or action.org == NO_ORG:
        return None
    lead_id, digest, hashed = attributes.get("of_lead"), attributes.get("digest"), attributes.get("hash")
    if isinstance(lead_id, str) and 0 < len(lead_id) <= _LONGEST:
        digest = hashed = None
    elif is_digest(digest) and (hashed is None or is_hash(hashed)):
        lead_id = None
    else:
        return None
    return ErasureRequested(
        cause=action.cause,
        org=action.org,
        rep_id=action.rep_id,
        answer_to=action.lead_id,
        lead_id=lead_id,
        digest=digest,
        hashes=() if hashed is None else (hashed,),
        preview=attributes.get("preview") is True,
    )
