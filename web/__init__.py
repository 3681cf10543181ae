"""The web console. It reads the board and the CRM database, and writes only to `lead-actions` and `directory`."""
