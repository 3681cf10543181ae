"""Chats: the addresses that the operator gives, and the messages that apprise sends to them (N3)."""
