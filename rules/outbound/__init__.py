"""Derives messages from journal records: public topics, org messages, notifications."""
