"""Turns files of leads into arrival messages, row by row in constant memory, or into refusals that name the row."""
