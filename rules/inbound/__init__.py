"""Validates inbound messages: arrivals, actions, publications and do-not-contact records."""
