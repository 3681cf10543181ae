"""Migrates the console's own database with Alembic."""
