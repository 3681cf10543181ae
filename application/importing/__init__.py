"""Turns files of leads into arrival messages, or into refusals that name the row, row by row in constant memory."""
