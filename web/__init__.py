"""Serves the web console. It reads the board and the CRM database, and writes to `lead-actions` and `directory`."""
