"""Opening hours, pauses and quiet hours, each in its own time zone."""
