"""Validation of what comes in: arrivals, actions, publications, do-not-contact records."""
