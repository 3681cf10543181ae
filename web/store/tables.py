"""Defines the console's own tables. Passwords, cookies, tokens and recovery codes are stored only as hashes."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Index, Text, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from sink.column_types import Json, UtcDateTime


class Base(DeclarativeBase):
    """The metadata that migrations and tables must agree on. A test compares them."""

    type_annotation_map = {  # noqa: RUF012  # SQLAlchemy expects a plain dict here
        str: Text(),
        int: BigInteger(),
        datetime: UtcDateTime(),
        dict[str, Any]: Json,
        list[str]: Json,
    }


class AccountTable(Base):
    """An account that may sign in: its rep in the org's directory, and the Argon2id hash of the password.

    `role`: counts only while the org is open, so that the first admin can act. `password_hash` NULL: only OIDC signs
    in. `password_until`: the password is an invitation's; it is refused from then on, and must be changed. NULL: it is
    the person's own. `oidc_issuer`, `oidc_subject`: the provider and subject that the account is bound to since its
    first OIDC sign-in. `totp_secret`: the second factor's secret, encrypted (`web/store/sealing.py`). `totp_since`
    NULL: the second factor is not active yet. `totp_step`: the last time step whose code was used. `notices_read_at`:
    until when the person has read what happened to the account; NULL: nothing is to be told.
    """

    __tablename__ = "account"
    __table_args__ = (
        UniqueConstraint("org", "rep_id"),
        Index("ix_account_oidc", "oidc_issuer", "oidc_subject", unique=True),
    )

    email: Mapped[str] = mapped_column(primary_key=True)
    org: Mapped[str]
    rep_id: Mapped[str]
    role: Mapped[str]
    password_hash: Mapped[str | None]
    password_until: Mapped[datetime | None]
    created_at: Mapped[datetime]
    disabled_at: Mapped[datetime | None]
    oidc_issuer: Mapped[str | None]
    oidc_subject: Mapped[str | None]
    totp_secret: Mapped[str | None]
    totp_since: Mapped[datetime | None]
    totp_step: Mapped[int | None]
    notices_read_at: Mapped[datetime | None]


class SessionTable(Base):
    """A signed-in browser. `secret_hash`: SHA-256 of the cookie; `csrf`: the token that write requests must repeat.

    `method`: how the person signed in. `user_agent`, `host`: the browser. `proved_at`: when the person last gave a
    password or code.
    """

    __tablename__ = "session"
    __table_args__ = (Index("ix_session_email", "email"),)

    secret_hash: Mapped[str] = mapped_column(primary_key=True)
    session_id: Mapped[str] = mapped_column(unique=True)
    email: Mapped[str]
    csrf: Mapped[str]
    method: Mapped[str]
    user_agent: Mapped[str] = mapped_column("agent", key="user_agent")
    host: Mapped[str]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime]
    proved_at: Mapped[datetime]


class RecoveryCodeTable(Base):
    """A code that replaces the second factor once. `code_hash`: SHA-256 of 80 random bits."""

    __tablename__ = "recovery_code"

    org: Mapped[str] = mapped_column(primary_key=True)
    rep_id: Mapped[str] = mapped_column(primary_key=True)
    code_hash: Mapped[str] = mapped_column(primary_key=True)


class PasswordLinkTable(Base):
    """A link by which a person sets a password. `secret_hash`: SHA-256 of the secret in the link."""

    __tablename__ = "password_link"
    __table_args__ = (Index("ix_password_link_email", "email"),)

    secret_hash: Mapped[str] = mapped_column(primary_key=True)
    email: Mapped[str]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]


class AttemptTable(Base):
    """A bucket of sign-in attempts. `left`: attempts left; `at`: the time of that count, in seconds since 1970."""

    __tablename__ = "attempt"
    __table_args__ = (Index("ix_attempt_at", "at"),)

    name: Mapped[str] = mapped_column(primary_key=True)
    left: Mapped[float]
    at: Mapped[float]


class TokenTable(Base):
    """A program's access token. `secret_hash`: SHA-256 of the token; `scopes`: the most it may do.

    `used_at`: the last use, written at most once a minute.
    """

    __tablename__ = "api_token"
    __table_args__ = (Index("ix_api_token_org", "org"),)

    token_id: Mapped[str] = mapped_column(primary_key=True)
    secret_hash: Mapped[str] = mapped_column(unique=True)
    org: Mapped[str]
    rep_id: Mapped[str]
    name: Mapped[str]
    scopes: Mapped[list[str]]
    created_by: Mapped[str]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    used_at: Mapped[datetime | None]


class PreferenceTable(Base):
    """A person's display preference, such as columns, view-only or sounds. The page chooses its name."""

    __tablename__ = "preference"

    org: Mapped[str] = mapped_column(primary_key=True)
    rep_id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[dict[str, Any]]
    updated_at: Mapped[datetime]


class QueueDraftTable(Base):
    """A queue draft (Q6). `based_on`: the published version from which it started, NULL for a new queue.

    `revision`: a unique word for each save, which detects a conflicting edit.
    """

    __tablename__ = "queue_draft"

    org: Mapped[str] = mapped_column(primary_key=True)
    queue_id: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[dict[str, Any]]
    based_on: Mapped[int | None]
    revision: Mapped[str]
    updated_by: Mapped[str]
    updated_at: Mapped[datetime]


class QueueHistoryTable(Base):
    """The publications of a queue from the console. `value` NULL: the queue was removed. Rows are never updated.

    `draft`: the draft revision that was published. It identifies a repeated request.
    """

    __tablename__ = "queue_history"

    org: Mapped[str] = mapped_column(primary_key=True)
    queue_id: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    value: Mapped[dict[str, Any] | None]
    draft: Mapped[str | None]
    published_by: Mapped[str]
    published_at: Mapped[datetime]


class CustomViewTable(Base):
    """A person's view of their own leads (Q1). `value`: name, columns, rules and order, in a queue's form.

    `revision`: a unique word for each save, which detects a conflicting edit.
    """

    __tablename__ = "custom_view"

    org: Mapped[str] = mapped_column(primary_key=True)
    rep_id: Mapped[str] = mapped_column(primary_key=True)
    view_id: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[dict[str, Any]]
    revision: Mapped[str]
    updated_at: Mapped[datetime]


class SavedListTable(Base):
    """A saved filter of a list, with its columns and order. `value`: {name, query, columns}.

    `list_name`: the list. `rep_id`: who saved it. `shared`: everybody of the org sees it.
    """

    __tablename__ = "saved_list"
    __table_args__ = (Index("ix_saved_list_list", "org", "list_name"),)

    org: Mapped[str] = mapped_column(primary_key=True)
    saved_id: Mapped[str] = mapped_column(primary_key=True)
    list_name: Mapped[str]
    rep_id: Mapped[str]
    shared: Mapped[bool]
    value: Mapped[dict[str, Any]]
    updated_at: Mapped[datetime]


class AuditOutboxTable(Base):
    """An act whose record Kafka does not have yet. `ready` 0: the act is under way; 1: the record may be sent."""

    __tablename__ = "audit_outbox"
    __table_args__ = (Index("ix_audit_outbox_ready", "ready", "at"),)

    audit_id: Mapped[str] = mapped_column(primary_key=True)
    ready: Mapped[int]
    at: Mapped[datetime]
    record: Mapped[str]


class AuditEntryTable(Base):
    """An entry of the topic `audit`, so that it can be found by person, act and day. `record`: as in the topic."""

    __tablename__ = "audit_entry"
    __table_args__ = (
        Index("ix_audit_entry_at", "org", "at"),
        Index("ix_audit_entry_actor", "org", "actor", "at"),
        Index("ix_audit_entry_act", "org", "act", "at"),
        Index("ix_audit_entry_object", "org", "object", "at"),
    )

    audit_id: Mapped[str] = mapped_column(primary_key=True)
    org: Mapped[str]
    at: Mapped[datetime]
    actor: Mapped[str]
    act: Mapped[str]
    object: Mapped[str]
    record: Mapped[str]


class AuditOffsetTable(Base):
    """How far the index has read a partition of the topic `audit`."""

    __tablename__ = "audit_place"

    partition: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    next_offset: Mapped[int]


class SealTable(Base):
    """A known text, encrypted with the console's key. It shows whether a console has the right key."""

    __tablename__ = "seal"

    name: Mapped[str] = mapped_column(primary_key=True)
    sealed: Mapped[str]


class VendorKeyTable(Base):
    """A key with which a vendor posts leads of one vendor name to one org. `secret_hash`: SHA-256 of the key.

    `signing_secret`: the secret of the bodies' signatures, encrypted (`web/store/sealing.py`); NULL: bodies are not
    signed. `used_at`: the last post. `accepted`, `refused`: how many leads its posts had so far.
    """

    __tablename__ = "vendor_key"
    __table_args__ = (Index("ix_vendor_key_org", "org", "vendor"),)

    key_id: Mapped[str] = mapped_column(primary_key=True)
    secret_hash: Mapped[str] = mapped_column(unique=True)
    org: Mapped[str]
    vendor: Mapped[str]
    name: Mapped[str]
    signing_secret: Mapped[str | None]
    created_by: Mapped[str]
    created_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    used_at: Mapped[datetime | None]
    accepted: Mapped[int]
    refused: Mapped[int]


class VendorMappingTable(Base):
    """How a vendor's posts are read. `value`: a mapping as `application/importing/mapping.py` reads it."""

    __tablename__ = "vendor_mapping"

    org: Mapped[str] = mapped_column(primary_key=True)
    vendor: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[dict[str, Any]]
    updated_by: Mapped[str]
    updated_at: Mapped[datetime]


class VendorFileMappingTable(Base):
    """How a vendor's files are read on the upload page. `value`: as in `vendor_mapping`, which is for posts."""

    __tablename__ = "vendor_file_mapping"

    org: Mapped[str] = mapped_column(primary_key=True)
    vendor: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[dict[str, Any]]
    updated_by: Mapped[str]
    updated_at: Mapped[datetime]


class VendorPostTable(Base):
    """A post with an `Idempotency-Key`, and the answer that a repeat gets. `status` NULL: it has no answer yet."""

    __tablename__ = "vendor_post"
    __table_args__ = (Index("ix_vendor_post_at", "at"),)

    key_id: Mapped[str] = mapped_column(primary_key=True)
    idempotency_key: Mapped[str] = mapped_column(primary_key=True)
    body_hash: Mapped[str]
    at: Mapped[datetime]
    status: Mapped[int | None]
    answer: Mapped[str | None]
