"""Defines the public message of the topic `audit`: who did what, when, to what, from where. Fields are only added."""

from datetime import datetime
from typing import Any, Final, Literal, get_args

import msgspec

AUDIT: Final = "audit"

ActorKind = Literal["person", "token", "process"]
"""`person`: signed in to the console. `token`: a program with an API token. `process`: a command of an operator."""
Outcome = Literal["done", "unknown"]
"""`unknown`: the console was stopped, or an answer did not come, while the act ran. It may have happened."""
Act = Literal[
    "signed_in",
    "sign_in_failed",
    "signed_out",
    "session_ended",
    "password_changed",
    "second_factor_set_up",
    "second_factor_removed",
    "second_factor_reset",
    "account_added",
    "account_invited",
    "password_link_mailed",
    "account_disabled",
    "account_unbound",
    "token_made",
    "token_revoked",
    "vendor_key_made",
    "vendor_key_revoked",
    "vendor_mapping_changed",
    "leads_uploaded",
    "published",
    "removed",
    "exported",
    "lead_opened",
    "lead_assigned",
    "lead_reassigned",
    "lead_unassigned",
    "lead_redistributed",
    "lead_reopened",
    "lead_corrected",
    "lead_merged",
    "lead_split",
    "consent_recorded",
    "erased",
    "dead_letter_replayed",
    "dead_letter_skipped",
    "do_not_contact_added",
    "do_not_contact_removed",
    "audit_exported",
    "state_exported",
    "state_imported",
]
ACTS: Final[tuple[str, ...]] = get_args(Act)

MAX_DIFFERENCES: Final = 200
"""The most differences of one record. Further ones are counted in the last entry."""
MAX_BYTES: Final = 256 * 1024
"""The most bytes of the differences of one record."""
LONGEST_VALUE: Final = 4_000
"""The most bytes of one old or new value, as JSON. A longer value is cut and becomes a text."""


class AuditDifference(msgspec.Struct, frozen=True):
    """One value that the act changed or used. `path`: its name. `old`, `new`: null where there is no value.

    `rule`: the new rule, if the path is a part of a rule of which only parts changed.
    """

    path: str
    old: Any = None
    new: Any = None
    rule: dict[str, Any] | msgspec.UnsetType = msgspec.UNSET


class AuditRecord(msgspec.Struct, frozen=True, kw_only=True):
    """`audit`: one act. `audit_id`: a repeat has the same id. `at`: when the act began.

    `org`: empty for a failed sign-in with an address that no account has. `actor`: the rep's id, or the user of the
    operating system for a command; empty if nobody is known. `token_id`: the token, where the actor is one. `object`:
    kind and id, such as `queue/aged`, `lead/…`, `token/…`. `difference`: what changed, or what was used: filter and
    count of an export. `from_host`: the address of the client, or the name of the machine for a command.
    """

    audit_id: str
    at: datetime
    org: str
    actor: str
    actor_kind: ActorKind
    act: Act
    object: str
    difference: tuple[AuditDifference, ...] = ()
    from_host: str | None = None
    token_id: str | None = None
    outcome: Outcome = "done"


def bounded_differences(differences: tuple[AuditDifference, ...]) -> tuple[AuditDifference, ...]:
    """Return differences within the bounds of a record. The last entry says how many more there are."""
    bounded: list[AuditDifference] = []
    size = 0
    for difference in differences[:MAX_DIFFERENCES]:
        rule = difference.rule if _short(difference.rule) is difference.rule else msgspec.UNSET
        short = AuditDifference(
            difference.path[:LONGEST_VALUE], _short(difference.old), _short(difference.new), rule
        )
        size += len(msgspec.json.encode(short))
        if size > MAX_BYTES:
            break
        bounded.append(short)
    if dropped := len(differences) - len(bounded):
        bounded.append(AuditDifference("…", None, f"{dropped} more differences"))
    return tuple(bounded)


def _short(value: Any) -> Any:
    written = b"" if value is msgspec.UNSET else msgspec.json.encode(value)
    return value if len(written) <= LONGEST_VALUE else written[:LONGEST_VALUE].decode(errors="replace") + "…"
