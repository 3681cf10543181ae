"""No rule of distribution is without a test that carries its number."""

import re
from pathlib import Path

RULES = (
    {f"R{n}" for n in range(1, 10)}
    | {f"S{n}" for n in range(1, 6)}
    | {"E1", "E3", "E4", "D4", "D6", "Q10", "Q11", "X1", "X2", "X3", "X5", "X6", "X7"}
)


def test_x1_every_rule_of_distribution_is_named_by_a_test() -> None:
    sources = (path.read_text(encoding="utf-8") for path in Path(__file__).parents[2].rglob("test_*.py"))
    names = [
        name for source in sources for name in re.findall(r"^(?:async )?def test_(\w+)", source, re.MULTILINE)
    ]
    named = {rule.upper() for name in names for rule in re.findall(r"(?:^|_)([qdrsex]\d+)(?=_)", name)}
    assert RULES - named == set()
