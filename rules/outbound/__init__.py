"""Messages derived from journal records: public topics, org messages, notifications."""
