"""An org's directory as a file: read whole or not at all, compared with what is published, and written back."""
