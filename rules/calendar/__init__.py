"""Opening hours, pauses and quiet hours in their own time zones."""
