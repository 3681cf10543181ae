"""Alembic's folder of the console's own database."""
