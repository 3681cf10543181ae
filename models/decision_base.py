"""Defines the base of all decisions about a lead."""

import msgspec


class DecisionBase(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True, tag_field="type"):
    """Base of the decisions. The JSON tag is the decision's name, so a journal can be read without this code."""
