"""The console's own database: accounts, sessions, tokens, preferences and drafts; nothing of a lead is in it."""
