"""No rule of the lead machine is without a test that carries its number."""

import re
from pathlib import Path

RULES = {"Q2", "Q4", "Q6", "Q7", "Q8", "Q10", "Q11", "Q12", "D1", "D2", "D3", "D4", "D5", "D6"} | {
    "E1",
    "E3",
    "E4",
    "R5",
    "X1",
    "X3",
    "X4",
    "X7",
}


def test_x1_every_rule_of_the_machine_is_named_by_a_test() -> None:
    sources = [path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_*.py")]
    names = " ".join(
        name for source in sources for name in re.findall(r"^def test_(\w+)", source, re.MULTILINE)
    )
    named = {rule.upper() for rule in re.findall(r"(?:^|[ _])([qdrsex]\d+)(?=_)", names)}
    assert RULES - named == set()
