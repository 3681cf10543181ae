"""Changes sign-in: sessions with browser, second factors, OIDC identities, attempts; addresses in normal form."""

import sqlalchemy as sa
from alembic import op

from web.store.addresses import address_of

revision = "v0004_sign_in"
down_revision = "v0003_custom_views"
branch_labels = None
depends_on = None

_INSTANT = sa.DateTime(timezone=True).with_variant(sa.Text(), "sqlite")
_NEW = ("oidc_issuer", "oidc_subject", "totp_secret", "totp_since", "totp_step")


def upgrade() -> None:
    op.add_column("account", sa.Column("oidc_issuer", sa.Text()))
    op.add_column("account", sa.Column("oidc_subject", sa.Text()))
    op.add_column("account", sa.Column("totp_secret", sa.Text()))
    op.add_column("account", sa.Column("totp_since", _INSTANT))
    op.add_column("account", sa.Column("totp_step", sa.BigInteger()))
    op.create_index("ix_account_oidc", "account", ["oidc_issuer", "oidc_subject"], unique=True)
    # Old sessions do not name their browser, so everybody signs in again.
    op.drop_table("session")
    op.create_table(
        "session",
        sa.Column("secret_hash", sa.Text(), primary_key=True),
        sa.Column("session_id", sa.Text(), nullable=False, unique=True),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("csrf", sa.Text(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("agent", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("created_at", _INSTANT, nullable=False),
        sa.Column("expires_at", _INSTANT, nullable=False),
        sa.Column("used_at", _INSTANT, nullable=False),
        sa.Column("proved_at", _INSTANT, nullable=False),
    )
    op.create_index("ix_session_email", "session", ["email"])
    op.create_table(
        "recovery_code",
        sa.Column("org", sa.Text(), primary_key=True),
        sa.Column("rep_id", sa.Text(), primary_key=True),
        sa.Column("code_hash", sa.Text(), primary_key=True),
    )
    op.create_table(
        "attempt",
        sa.Column("name", sa.Text(), primary_key=True),
        sa.Column("left", sa.Double(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
    )
    op.create_index("ix_attempt_at", "attempt", ["at"])
    connection = op.get_bind()
    account = sa.table("account", sa.column("email"))
    emails = set(connection.scalars(sa.select(account.c.email)))
    for email in sorted(emails):
        normal = address_of(email)
        if normal not in emails:  # if two accounts share an address now, the one in normal form keeps it
            connection.execute(account.update().where(account.c.email == email).values(email=normal))
            emails.add(normal)


def downgrade() -> None:
    op.drop_table("attempt")
    op.drop_table("recovery_code")
    op.drop_table("session")
    op.create_table(
        "session",
        sa.Column("secret_hash", sa.Text(), primary_key=True),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("csrf", sa.Text(), nullable=False),
        sa.Column("created_at", _INSTANT, nullable=False),
        sa.Column("expires_at", _INSTANT, nullable=False),
    )
    op.create_index("ix_session_email", "session", ["email"])
    op.drop_index("ix_account_oidc", "account")
    for name in _NEW:
        op.drop_column("account", name)
