"""Alembic's folder for the console's own database."""
