"""Edits reps, groups, campaigns and settings: checked by the engine, previewed, then published."""
