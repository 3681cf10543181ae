"""The web console: it reads the board and the CRM database, and acts only by `lead-actions` and `directory`."""
