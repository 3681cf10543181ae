"""Writes the CRM database from `lead-journal`. Everybody else only reads the database."""
