"""Sends mail: the SMTP client, its settings, and the mails as text and HTML (N2)."""
