"""Erases a person from every place that keeps data, and finds what is left (docs/erasure.md)."""
