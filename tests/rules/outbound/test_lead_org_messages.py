"""What an org is told of a lead. Most rows tell it nothing, so `to_org` first asks a table which decisions are told."""

from __future__ import annotations

import ast

from rules.outbound import lead_org_messages
from streams.compiled_core import ROOT, source


def test_the_table_of_told_decisions_has_each_one_that_a_case_turns_into_a_message() -> None:
    """A decision with a case but without an entry would be passed over, and the org would never learn of it."""
    module = ast.parse(source(ROOT, lead_org_messages.__name__).read_text())
    (function,) = (
        node for node in module.body if isinstance(node, ast.FunctionDef) and node.name == "to_org"
    )
    cases = {
        node.cls.id
        for node in ast.walk(function)
        if isinstance(node, ast.MatchClass) and isinstance(node.cls, ast.Name)
    } - {"MergedLead"}  # a part of MergedInto
    sent_one_by_one = {kind.__name__ for kind in lead_org_messages._SENT_ONE_BY_ONE}
    assert cases == sent_one_by_one
    assert sent_one_by_one < {kind.__name__ for kind in lead_org_messages._SENT_TO_ORG}
