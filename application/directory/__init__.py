"""Reads an org's directory from a file, whole or not at all, compares it with the published one, and writes it."""
