"""Adds the phone's extension, and what finds the leads and inquiries of a phone or mail address."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
HANDLES = ("phone", "email")


def upgrade() -> None:
    op.add_column("lead", sa.Column("phone_extension", sa.Text(), nullable=True))
    _fill("lead", "phone_extension")
    for name in HANDLES:
        op.add_column("inquiry", sa.Column(name, sa.Text(), nullable=True))
        _fill("inquiry", name)
        op.create_index(f"ix_lead_org_{name}", "lead", ["org", name])
        op.create_index(f"ix_inquiry_org_{name}", "inquiry", ["org", name])


def _fill(table: str, name: str) -> None:
    """Take a column's values from `facts`, which has had them from the beginning."""
    is_postgres = op.get_bind().dialect.name == "postgresql"
    value = f"facts ->> '{name}'" if is_postgres else f"json_extract(facts, '$.{name}')"
    op.execute(f"UPDATE {table} SET {name} = {value} WHERE {value} IS NOT NULL")  # noqa: S608  # only names of columns


def downgrade() -> None:
    for name in reversed(HANDLES):
        op.drop_index(f"ix_inquiry_org_{name}", "inquiry")
        op.drop_index(f"ix_lead_org_{name}", "lead")
    with op.batch_alter_table("inquiry") as inquiry:
        for name in reversed(HANDLES):
            inquiry.drop_column(name)
    with op.batch_alter_table("lead") as lead:
        lead.drop_column("phone_extension")
