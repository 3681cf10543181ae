"""Defines the tables that a CRM may read (docs/contracts, CRM database). Each is a pure function of `lead-journal`.

Instants are aware and in UTC on both databases. `version` is the lead's version that the row describes; it only
grows.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Double, Index, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from sink.column_types import Json, UtcDateTime


class Base(DeclarativeBase):
    """The metadata that migrations and tables must agree on. A test compares them."""

    type_annotation_map = {  # noqa: RUF012  # SQLAlchemy declares it this way
        str: Text(),
        int: BigInteger(),
        float: Double(),
        datetime: UtcDateTime(),
        dict[str, Any]: Json,
        list[dict[str, Any]]: Json,
        list[str]: Json,
    }


class LeadTable(Base):
    """One row per lead: the facts as the vendor sent them, normalised, and the lead's current state.

    `facts` holds all facts, with `attributes`. The columns beside it repeat its contents, to filter and sort by.
    `loan_amount` is in whole currency units. `created_at` is the vendor's time, or the time of arrival where the
    vendor gave none. `failure_reason` says why the lead is an exception; `failed` says why its last search for a rep
    failed. `asked` holds what rules read beside the columns (`sink.sql.comparison_keys`). It is NULL only in a row of
    an older schema, until the journal has been read again.

    `in_queue_since`, `owner_last_contacted_at` and `owner_left` say how old the lead is for its owner (M4): since when
    it is in its owner's queue or nobody has it, when the owner contacted it last, and whether the owner has left.

    `locked_by` and `locked_until` say who has the lead open, and until when (D1). A lock whose end has passed is no
    lock, even if the row still has it (D2). `offer_rep_ids` and the columns beside it hold the open offer (R3, S1),
    NULL without one. `offer_until` is NULL where the offer has no deadline of its own.
    """

    __tablename__ = "lead"
    __table_args__ = (
        Index("ix_lead_org_phase_created", "org", "phase", "created_at"),
        Index("ix_lead_org_created", "org", "created_at"),
        Index("ix_lead_org_arrived", "org", "arrived_at"),
        Index("ix_lead_owner", "owner"),
        Index("ix_lead_org", "org"),
        Index("ix_lead_org_owner_created", "org", "owner", "created_at"),
        Index("ix_lead_org_phone", "org", "phone"),
        Index("ix_lead_org_email", "org", "email"),
    )

    lead_id: Mapped[str] = mapped_column(primary_key=True)
    org: Mapped[str]
    vendor: Mapped[str]
    campaign: Mapped[str | None]
    external_id: Mapped[str | None]
    first_name: Mapped[str | None]
    last_name: Mapped[str | None]
    email: Mapped[str | None]
    phone: Mapped[str | None]
    phone_extension: Mapped[str | None]
    state: Mapped[str | None]
    zip: Mapped[str | None]
    loan_purpose: Mapped[str | None]
    loan_amount: Mapped[float | None]
    credit_score: Mapped[int | None]
    property_type: Mapped[str | None]
    silenced: Mapped[bool]
    consent: Mapped[bool | None]
    time_zone: Mapped[str | None]
    assigned_to: Mapped[str | None]
    facts: Mapped[dict[str, Any]]
    phase: Mapped[str]
    owner: Mapped[str | None]
    how: Mapped[str | None]
    via: Mapped[str | None]
    assigned_at: Mapped[datetime | None]
    claimed_through: Mapped[str | None]
    in_queue_since: Mapped[datetime | None]
    last_contacted_at: Mapped[datetime | None]
    owner_last_contacted_at: Mapped[datetime | None]
    owner_left: Mapped[bool | None]
    last_outcome: Mapped[str | None]
    callback_at: Mapped[datetime | None]
    deferred_at: Mapped[datetime | None]
    failed: Mapped[str | None]
    failure_reason: Mapped[str | None]
    asked: Mapped[dict[str, Any] | None]
    locked_by: Mapped[str | None]
    locked_until: Mapped[datetime | None]
    offer_rep_ids: Mapped[list[str] | None]
    offer_epoch: Mapped[int | None]
    offer_until: Mapped[datetime | None]
    offer_method: Mapped[str | None]
    inquiries: Mapped[int]
    notes: Mapped[int]
    arrived_at: Mapped[datetime]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    version: Mapped[int]


class AssignmentTable(Base):
    """Who owns a lead now. `rep_id` is NULL if it was owned and is not any more. A lead never owned has no row."""

    __tablename__ = "assignment"
    __table_args__ = (
        Index("ix_assignment_rep", "rep_id", "assigned_at"),
        Index("ix_assignment_org_assigned", "org", "assigned_at"),
    )

    lead_id: Mapped[str] = mapped_column(primary_key=True)
    org: Mapped[str]
    rep_id: Mapped[str | None]
    previous_rep_id: Mapped[str | None]
    how: Mapped[str]
    via: Mapped[str | None]
    why: Mapped[str]
    cause: Mapped[str]
    assigned_at: Mapped[datetime]
    version: Mapped[int]


class AssignmentHistoryTable(Base):
    """Every owner that a lead ever had: one row per version in which the owner changed. Rows are never updated."""

    __tablename__ = "assignment_history"
    __table_args__ = (
        Index("ix_assignment_history_rep", "rep_id", "assigned_at"),
        Index("ix_assignment_history_previous", "previous_rep_id", "assigned_at"),
        Index("ix_assignment_history_org_assigned", "org", "assigned_at"),
    )

    lead_id: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    org: Mapped[str]
    rep_id: Mapped[str | None]
    previous_rep_id: Mapped[str | None]
    how: Mapped[str]
    via: Mapped[str | None]
    why: Mapped[str]
    cause: Mapped[str]
    assigned_at: Mapped[datetime]


class LeadExceptionTable(Base):
    """The exceptions desk (E1, E2). The status is `open`, `ignored` (E4) or `resolved`.

    `reason`, `explanation` and `raised_at` keep their values when the exception is ignored or resolved. They are NULL
    only where the record that raised the exception is a dead letter.
    """

    __tablename__ = "lead_exception"
    __table_args__ = (
        Index("ix_lead_exception_org_status_created", "org", "status", "created_at"),
        Index("ix_lead_exception_org", "org"),
    )

    lead_id: Mapped[str] = mapped_column(primary_key=True)
    org: Mapped[str]
    status: Mapped[str]
    reason: Mapped[str | None]
    explanation: Mapped[list[dict[str, Any]] | None]
    prospect_name: Mapped[str]
    campaign: Mapped[str | None]
    description: Mapped[str | None]
    distribution: Mapped[str | None]
    vendor: Mapped[str]
    loan_purpose: Mapped[str | None]
    loan_amount: Mapped[float | None]
    state: Mapped[str | None]
    created_at: Mapped[datetime]
    raised_at: Mapped[datetime | None]
    version: Mapped[int]


class DecisionTable(Base):
    """Every decision about a lead, with its reason (X1). Rows are never updated.

    The primary key is the decision's position in `lead-log` (partition, offset, n-th of that event), so that a repeat
    is recognised. `version` is the lead's at that event, `decided_at` the broker's time. `why` holds the decision's own
    fields without `type`, `result` and `rep_id`, which are columns.
    """

    __tablename__ = "decision"
    __table_args__ = (
        Index("ix_decision_lead", "lead_id", "source_offset"),
        Index("ix_decision_type_decided", "type", "decided_at"),
    )

    source_partition: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    source_offset: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    n: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    lead_id: Mapped[str]
    version: Mapped[int]
    type: Mapped[str]
    result: Mapped[str | None]
    rep_id: Mapped[str | None]
    cause: Mapped[str]
    why: Mapped[dict[str, Any]]
    decided_at: Mapped[datetime]


class ActivityTable(Base):
    """What reps did with leads: calls, mails, texts, notes and plans (M3). Rows are never updated.

    The primary key is the decision's position in `lead-log`, as in `decision`. `contact`: by the org's settings at that
    time it counted as contact. `cause` is the action's id.
    """

    __tablename__ = "activity"
    __table_args__ = (
        Index("ix_activity_lead", "lead_id", "source_offset"),
        Index("ix_activity_org_at", "org", "at"),
    )

    source_partition: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    source_offset: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    n: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    lead_id: Mapped[str]
    org: Mapped[str]
    rep_id: Mapped[str]
    kind: Mapped[str]
    contact: Mapped[bool]
    note: Mapped[str | None]
    version: Mapped[int]
    cause: Mapped[str]
    at: Mapped[datetime]


class InquiryTable(Base):
    """Every other inquiry of a lead's person, with its own facts (K4).

    A row is removed when a manager takes the inquiry out (K5), and emptied by an erasure. `inquiry_id` is the lead
    id that the arrival would have had. `facts` is empty for inquiries of earlier versions. `phone` and `email` repeat
    its contents.
    """

    __tablename__ = "inquiry"
    __table_args__ = (
        Index("ix_inquiry_lead", "lead_id", "at"),
        Index("ix_inquiry_org_phone", "org", "phone"),
        Index("ix_inquiry_org_email", "org", "email"),
    )

    inquiry_id: Mapped[str] = mapped_column(primary_key=True)
    lead_id: Mapped[str]
    org: Mapped[str]
    facts: Mapped[dict[str, Any]]
    vendor: Mapped[str]
    campaign: Mapped[str | None]
    phone: Mapped[str | None]
    email: Mapped[str | None]
    at: Mapped[datetime]


class LeadAliasTable(Base):
    """The lead to which the arrival of another id was added, or into which the lead was merged (R6, K4, K5).

    A row is removed when the id is a lead of its own again.
    """

    __tablename__ = "lead_alias"
    __table_args__ = (Index("ix_lead_alias_lead", "lead_id"),)

    alias_id: Mapped[str] = mapped_column(primary_key=True)
    lead_id: Mapped[str]


class DeliveryTable(Base):
    """The fates of requests for mail, push and calls (N1), from the topic `deliveries`. Rows are never updated.

    A request may have several fates, such as sent and then bounced. `at`: when the first record with this fate was
    written.
    """

    __tablename__ = "delivery"
    __table_args__ = (Index("ix_delivery_lead", "lead_id", "at"),)

    notification_id: Mapped[str] = mapped_column(primary_key=True)
    status: Mapped[str] = mapped_column(primary_key=True)
    channel: Mapped[str]
    provider: Mapped[str]
    detail: Mapped[str]
    lead_id: Mapped[str]
    rep_id: Mapped[str]
    org: Mapped[str]
    at: Mapped[datetime]


class CallTable(Base):
    """What happened to each leg of each call (N4), from the topic `calls`. Rows are never updated.

    `call_id`: the call of one request, or of a lead that called in. `leg`: rep, lead or inbound. `seconds`: how long
    the leg was connected, when it ended. `system`: the courier's name of its telephone system.
    """

    __tablename__ = "call"
    __table_args__ = (Index("ix_call_lead", "lead_id", "at"),)

    call_id: Mapped[str] = mapped_column(primary_key=True)
    leg: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(primary_key=True)
    event: Mapped[str] = mapped_column(primary_key=True)
    notification_id: Mapped[str]
    lead_id: Mapped[str]
    rep_id: Mapped[str]
    digit: Mapped[str | None]
    seconds: Mapped[float | None]
    org: Mapped[str]
    reason: Mapped[str | None]
    system: Mapped[str | None]


class VendorCountTable(Base):
    """How often something happened to what a vendor sent in one hour (V6). Rows only grow.

    `kind`: accepted, resend, inquiry, reused_id, assigned, claimed, refused or remark; `detail`: the reason or the
    remark, empty for other kinds. `begins_at`: the beginning of the hour. Accepted, reused_id, assigned and claimed
    belong to the hour in which the lead arrived, the others to the hour in which they were decided.
    """

    __tablename__ = "vendor_count"
    __table_args__ = (Index("ix_vendor_count_org_begins", "org", "begins_at"),)

    org: Mapped[str] = mapped_column(primary_key=True)
    vendor: Mapped[str] = mapped_column(primary_key=True)
    begins_at: Mapped[datetime] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    detail: Mapped[str] = mapped_column(primary_key=True)
    count: Mapped[int]


class VendorHourTable(Base):
    """An hour of a vendor that has counts. `version`: their sum; `published`: the version that `vendor-reports` has."""

    __tablename__ = "vendor_hour"

    org: Mapped[str] = mapped_column(primary_key=True)
    vendor: Mapped[str] = mapped_column(primary_key=True)
    begins_at: Mapped[datetime] = mapped_column(primary_key=True)
    version: Mapped[int]
    published: Mapped[int]


class RefusedArrivalTable(Base):
    """The messages of vendors that were refused and are counted, so that none is counted twice.

    `source`: topic, partition and offset of the message.
    """

    __tablename__ = "refused_arrival"
    __table_args__ = (Index("ix_refused_arrival_at", "at"),)

    source: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[datetime]


class SinkOffsetTable(Base):
    """The position up to which a topic is applied, written in the same transaction as the rows.

    `next_offset` is the first offset that is not applied yet. `mark` is the highest `LeadRow.off` applied from the
    journal, -1 for none and for `deliveries` and
    `calls`. A record at or below it is a repeat, written by a zombie or during an
    overlapping rebalance.
    """

    __tablename__ = "sink_offset"

    topic: Mapped[str] = mapped_column(primary_key=True)
    partition: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    next_offset: Mapped[int]
    mark: Mapped[int]
