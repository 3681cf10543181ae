"""An org's directory as a file: reads it whole or not at all, compares it with the published one, and writes it."""
