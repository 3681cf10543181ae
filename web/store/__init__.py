"""The console's own database: accounts, sessions, tokens, preferences and drafts. It has no data of leads."""
