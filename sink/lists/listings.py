"""Defines the lists: the exceptions desk, the leads, and the current owners (E2, E5, S6)."""

from typing import Final

from sqlalchemy import case, func, select

from rules.queues.columns import UNNAMED
from sink.lists.list_columns import Column, ColumnKind, ListDefinition
from sink.tables import AssignmentTable, LeadExceptionTable, LeadTable

_E: Final = LeadExceptionTable
_L: Final = LeadTable
_A: Final = AssignmentTable
_FIRST: Final = func.coalesce(_L.first_name.expression, "")
_LAST: Final = func.coalesce(_L.last_name.expression, "")
_T, _C, _F, _N, _D = ColumnKind.TEXT, ColumnKind.CHOICE, ColumnKind.FLAG, ColumnKind.AMOUNT, ColumnKind.DATE

EXCEPTIONS: Final = ListDefinition(
    row_id=_E.lead_id.expression,
    columns=(
        Column("prospect_name", "Prospect name", _T, _E.prospect_name.expression, nullable=False),
        Column("campaign", "Campaign", _C, _E.campaign.expression, names="campaign"),
        Column("description", "Description", _T, _E.description.expression),
        Column("distribution", "Distribution", _C, _E.distribution.expression),
        Column("vendor", "Lead provider", _C, _E.vendor.expression, nullable=False),
        Column("loan_purpose", "Loan purpose type", _C, _E.loan_purpose.expression),
        Column("loan_amount", "Loan amount", _N, _E.loan_amount.expression, unit="currency"),
        Column("state", "State", _C, _E.state.expression),
        Column("reason", "Failure reason", _C, _E.reason.expression),
        Column("created_at", "Create date", _D, _E.created_at.expression, nullable=False),
    ),
    sort="created_at",
    search=("prospect_name",),
    extra={"status": _E.status.expression, "version": _E.version.expression},
    indexed=frozenset({"created_at"}),
    scan="ix_lead_exception_org",
)
"""The exceptions desk with the columns and the order of E2. The page adds Assign and Ignore."""

IGNORED_LAST: Final = (case((_E.status == "ignored", 1), else_=0),)
"""The band of E4: ignored exceptions, if shown, come last in any order."""

_NAME: Final = (
    select(func.coalesce(func.nullif(func.trim(_FIRST.concat(" ").concat(_LAST)), ""), UNNAMED))
    .where(_L.lead_id == _E.lead_id)
    .correlate(_E)
    .scalar_subquery()
)
"""First and last name, or `unnamed`. The exception's own `prospect_name` falls back to mail or phone (Q3)."""

UNASSIGNED: Final = ListDefinition(
    row_id=_E.lead_id.expression,
    columns=(
        Column("prospect_name", "Prospect name", _T, _NAME, nullable=False),
        Column("distribution", "Distribution", _C, _E.distribution.expression),
        Column("reason", "Failure reason", _C, _E.reason.expression),
        Column("raised_at", "Unassigned since", _D, _E.raised_at.expression),
    ),
    sort="raised_at",
    search=("prospect_name",),
    extra={"status": _E.status.expression, "version": _E.version.expression},
    scan="ix_lead_exception_org",
)
"""What a rep sees of the unassigned leads (E5): the name, and what the distribution did.

It shows none of the prospect's facts. A rep has no right to them before the lead is theirs, and a lead that is on the
desk today may be in a blind queue tomorrow (Q3). So it has no campaign, provider, loan, state or date of the
prospect. It has no explanation either: an explanation says what candidates lacked ("not licensed in RI"), which
reveals the lead's facts.
"""

LEADS: Final = ListDefinition(
    row_id=_L.lead_id.expression,
    columns=(
        Column("first_name", "First name", _T, _L.first_name.expression),
        Column("last_name", "Last name", _T, _L.last_name.expression),
        Column("phone", "Phone", _T, _L.phone.expression),
        Column("email", "Email", _T, _L.email.expression),
        Column("owner", "Assigned to", _C, _L.owner.expression, names="rep"),
        Column("campaign", "Campaign", _C, _L.campaign.expression, names="campaign"),
        Column("group", "Group", _C, _L.campaign.expression, names="group"),
        Column("last_contacted_at", "Contacted on", _D, _L.last_contacted_at.expression),
        Column("created_at", "Creation date", _D, _L.created_at.expression, nullable=False),
        Column("phase", "Stands", _C, _L.phase.expression, nullable=False),
        Column("last_outcome", "Last outcome", _C, _L.last_outcome.expression),
        Column("callback_at", "Call back", _D, _L.callback_at.expression),
        Column("assigned_at", "Assigned on", _D, _L.assigned_at.expression),
        Column("state", "State", _C, _L.state.expression),
        Column("phone_extension", "Phone extension", _T, _L.phone_extension.expression),
        Column("zip", "Zip", _T, _L.zip.expression),
        Column("loan_purpose", "Loan purpose", _C, _L.loan_purpose.expression),
        Column("loan_amount", "Loan amount", _N, _L.loan_amount.expression, unit="currency"),
        Column("credit_score", "Credit score", _N, _L.credit_score.expression),
        Column("property_type", "Property type", _C, _L.property_type.expression),
        Column("vendor", "Lead provider", _C, _L.vendor.expression, nullable=False),
        Column("external_id", "Lead provider's id", _T, _L.external_id.expression),
        Column("silenced", "Silenced", _F, _L.silenced.expression, nullable=False),
        Column("consent", "Consent", _F, _L.consent.expression),
        Column("claimed_through", "Claimed through", _C, _L.claimed_through.expression),
        Column("inquiries", "Inquiries", _N, _L.inquiries.expression, nullable=False),
        Column("notes", "Notes", _N, _L.notes.expression, nullable=False),
        Column("time_zone", "Time zone", _C, _L.time_zone.expression),
    ),
    sort="-created_at",
    search=("first_name", "last_name", "email", "external_id"),
    digits="phone",
    extra={"version": _L.version.expression, "may_call": _L.silenced.expression.is_(False)},
    indexed=frozenset({"created_at", "owner"}),
    scan="ix_lead_org",
)
"""Every lead of an org. The condition `only` limits them to those that a person may see."""

LEAD_COLUMNS: Final = (
    "first_name",
    "last_name",
    "phone",
    "email",
    "owner",
    "campaign",
    "last_contacted_at",
    "created_at",
)
"""The columns of My Leads that are shown until a person chooses their own (S6)."""

ASSIGNMENTS: Final = ListDefinition(
    row_id=_A.lead_id.expression,
    columns=(
        Column("rep_id", "Assigned to", _C, _A.rep_id.expression, names="rep"),
        Column("previous_rep_id", "Before", _C, _A.previous_rep_id.expression, names="rep"),
        Column("how", "How", _C, _A.how.expression, nullable=False),
        Column("via", "Through", _C, _A.via.expression),
        Column("why", "Why", _T, _A.why.expression, nullable=False),
        Column("assigned_at", "Since", _D, _A.assigned_at.expression, nullable=False),
    ),
    sort="-assigned_at",
    extra={"version": _A.version.expression, "cause": _A.cause.expression},
    indexed=frozenset({"rep_id"}),
)
"""Who owns which lead, and since when."""
