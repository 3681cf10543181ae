"""Reps, groups, campaigns and settings as an admin edits them: checked by the engine, shown first, then published."""
