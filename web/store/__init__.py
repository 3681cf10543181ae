"""Stores the console's own data: accounts, sessions, tokens, preferences and drafts. It has no data of leads."""
