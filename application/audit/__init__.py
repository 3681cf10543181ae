"""The audit: who acts, what an act's record says, how commands write one, and how the topic is read."""
