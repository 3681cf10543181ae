"""Says which refusals a manager may override with a reason, and splits such a refusal into its parts (M6)."""

from typing import Final, Literal, NamedTuple

OverrideField = Literal["override_licence", "override_cap"]
"""The field of an action with which a manager overrides a refusal."""

_FIELDS: Final[tuple[OverrideField, ...]] = ("override_licence", "override_cap")


class OverridableRefusal(NamedTuple):
    """A refusal in parts. `override`: the field with which a manager may override it; None if nobody may."""

    problem: str
    override: OverrideField | None


def overridable(problem: str, override: OverrideField) -> str:
    """Return the whole sentence of a refusal that a manager may override."""
    return problem + _hint(override)


def refusal_parts(why: str) -> OverridableRefusal:
    """Take apart what `overridable` has written. Any other reason is the problem as it is."""
    for override in _FIELDS:
        if why.endswith(_hint(override)):
            return OverridableRefusal(why.removesuffix(_hint(override)), override)
    return OverridableRefusal(why, None)


def _hint(override: OverrideField) -> str:
    return f"; a manager may override that with a reason ({override})"
