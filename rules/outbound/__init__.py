"""Messages that follow from journal records: public topics, org messages, notifications."""
