"""Files of leads become arrival messages one row at a time, in constant memory, or refusals that name the row."""
