"""Defines the labels of fields' values: `cash_out` is shown as "Cash-out". web/static/js/format.js has the same."""

from typing import Final

HYPHENATED: Final = {
    "cash_out": "Cash-out",
    "single_family": "Single-family",
    "multi_family": "Multi-family",
    "pre_assigned": "Pre-assigned",
    "no_agents_answered": "No agents answered the call",
    "no_agents_clicked": "No agents clicked the New Lead button",
}
"""Values whose label is not just the value with spaces and a capital letter."""


def value_label(value: str) -> str:
    """Return the label of a value. A state's code stays as it is."""
    text = HYPHENATED.get(value) or value.replace("_", " ")
    return text[:1].upper() + text[1:]
