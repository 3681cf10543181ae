"""Records acts for the audit: who acts, what an act's record says, how commands write one, how the topic is read."""
