"""Compares the cluster's ACLs with the table, for `firstclaim doctor`."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from application.kafka_access.acl_admin import NoAuthorizer, held_acls
from application.kafka_access.comparison import compare
from models.errors import FirstclaimError
from runtime.checks import Check

if TYPE_CHECKING:
    from application.kafka_access.acls import HeldAcl
    from streams.settings import Settings

NAME: Final = "Kafka ACLs"
MAX_SAID: Final = 40
"""How many differences are listed; of the others only the number is given."""
_SECONDS: Final = 15


def acls(settings: Settings) -> Check:
    """Check whether each principal has exactly the ACLs it needs. Call it where no event loop runs."""
    try:
        existing = asyncio.run(_existing_acls(settings))
    except NoAuthorizer as missing:
        hint = "set authorizer.class.name on the brokers; `firstclaim acls` prints the ACLs"
        return Check(NAME, ok=False, detail=missing.reason, hint=hint)
    except (FirstclaimError, TimeoutError) as error:
        hint = "sign in as a user that has Describe on the cluster (`firstclaim acls --for operator`)"
        return Check(NAME, ok=False, detail=str(error) or "no answer", hint=hint)
    differences = [line for difference in compare(existing) for line in difference.lines()]
    if not differences:
        return Check(NAME, ok=True, detail=f"{len(existing)}, as `firstclaim acls` prints them")
    more_text = f"; and {len(differences) - MAX_SAID} more" if len(differences) > MAX_SAID else ""
    hint = "`firstclaim acls --commands` prints the commands that add the missing ACLs"
    return Check(NAME, ok=False, detail="; ".join(differences[:MAX_SAID]) + more_text, hint=hint)


async def _existing_acls(settings: Settings) -> list[HeldAcl]:
    async with asyncio.timeout(_SECONDS):
        return await held_acls(settings)
