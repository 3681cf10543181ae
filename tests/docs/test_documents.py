"""Whatever code, tests and documents cite is in the repository: rules, documents, sections, paths, decisions."""

import re
from itertools import pairwise
from pathlib import Path
from typing import Final

import pytest

from tests.docs import citations, rule_tests
from tests.docs.repository import DOCS, ROOT, documents, files, name, read

PAGE: Final = rule_tests.PAGE
RULES: Final = rule_tests.sections(read(PAGE))
CASES: Final = rule_tests.sections(read(DOCS / "cases.md"))
"""Input from the field, by an id such as P1 or D16."""
CASE: Final = re.compile(r"(?<![A-Za-z0-9_])(P[1-9]\d?)(?![A-Za-z0-9_])")
OURS: Final = Path(__file__).parent
"""These tests cite what is not there, to see it found."""
HISTORY: Final = ROOT / "CHANGELOG.md"
"""It names files as they were."""
LAST: Final = {"Q": 12, "D": 6, "R": 9, "S": 6, "E": 5, "X": 7, "M": 9, "K": 7, "V": 6, "N": 8}
DECISIONS: Final = sorted((DOCS / "decisions").glob("[0-9]*.md"))


def test_rules_are_all_there_each_once_with_its_status() -> None:
    listed = re.findall(r"^### ([A-Z]\d+)$", read(PAGE), re.MULTILINE)
    assert listed == [f"{letter}{n}" for letter, last in LAST.items() for n in range(1, last + 1)]
    assert [rule for rule, text in RULES.items() if not rule_tests.status(text)] == []
    assert {rule.lower() for rule in RULES} <= citations.anchors(PAGE)


def cited_ids(path: Path) -> set[str]:
    text = read(path)
    cited = {*rule_tests.RULE.findall(text), *CASE.findall(text)}
    return cited | (rule_tests.named_by(text) if path.suffix == ".py" else set())


def test_every_cited_rule_or_case_exists() -> None:
    known_ids = RULES.keys() | CASES.keys()
    missing_ids = {
        name(path): missing
        for path in files()
        if OURS not in path.parents and (missing := cited_ids(path) - known_ids)
    }
    assert missing_ids == {}


def test_no_id_is_both_a_rule_and_a_case_and_each_case_names_its_tests() -> None:
    assert RULES.keys() & CASES.keys() == set()
    assert [*CASES] == [
        *(f"P{n}" for n in range(1, 14)),
        "D7",
        "D8",
        "D9",
        "D10",
        "D11",
        "D12",
        "D13",
        "D14",
        "D15",
        "D16",
        "D17",
        "D18",
        "A2",
        "B1",
        "B2",
    ]
    assert [case for case, text in CASES.items() if not re.search(r"`tests/\S+::test_\w+`", text)] == []


def test_a_rule_that_holds_has_a_test_and_a_planned_one_has_none() -> None:
    by_rule = rule_tests.tests()
    untested = [
        rule for rule, text in RULES.items() if rule_tests.status(text) != "Planned" and rule not in by_rule
    ]
    ahead = [rule for rule, text in RULES.items() if rule_tests.status(text) == "Planned" and rule in by_rule]
    assert untested == [], "no test names these rules"
    assert ahead == [], (
        "tests name these rules, and docs/rules.md says they are planned: change their status there"
    )


def test_the_tests_of_each_rule_are_listed() -> None:
    current = rule_tests.page_with_tests(read(PAGE), rule_tests.tests())
    assert read(PAGE) == current, "run: python -m tests.docs.rule_tests"


def test_every_cited_document_and_section_exists() -> None:
    missing_documents = {
        name(path): missing
        for path in files()
        if OURS not in path.parents
        and path != HISTORY
        and (missing := [*citations.missing_documents(read(path), path)])
    }
    assert missing_documents == {}


@pytest.mark.parametrize("page", documents(), ids=name)
def test_every_link_path_and_name_in_a_document_exists(page: Path) -> None:
    paths = [] if page == HISTORY else [*citations.missing_paths(page)]
    assert [*citations.missing_links(page), *paths] == []


def test_every_make_target_in_a_document_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", read(ROOT / "Makefile"), re.MULTILINE))
    named_targets = {
        word
        for page in documents()
        for word in re.findall(r"(?:^|`)make ([a-z-]+)", read(page), re.MULTILINE)
    }
    assert named_targets - targets == set()


def test_every_decision_is_in_the_index_in_order_under_its_own_title() -> None:
    rows = re.findall(
        r"^\| (\d{4}-\d\d-\d\d) \| \[(\d{4})\]\(([^)]+)\) (.+?) \|",
        read(DOCS / "decisions" / "README.md"),
        re.MULTILINE,
    )
    assert [(number, file) for _, number, file, _ in rows] == [
        (path.name[:4], path.name) for path in DECISIONS
    ]
    assert all(before <= after for (before, *_), (after, *_) in pairwise(rows))
    titles = {path.name: re.sub(r"^# \d{4}(?: ·)? ", "", read(path).split("\n")[0]) for path in DECISIONS}
    assert {file: title for _, _, file, title in rows} == titles


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("(docs/faust.md 9, 13)", []),
        ("(docs/faust.md 9, 99)", ["docs/faust.md 99: there is no such fact"]),
        ("(docs/design.md, the journal; docs/faust.md 17)", []),
        ("(docs/design.md, the weather)", ["docs/design.md, the weather: the document has no such section"]),
        ("(docs/contracts, `rep`, `group`; R9)", []),
        ("(docs/contracts, `pigeons`)", ["docs/contracts, pigeons: the document has no such section"]),
        ("(docs/decisions/0019)", []),
        ("(docs/decisions/9919)", ["docs/decisions/9919: there is no such document"]),
        ("(ELSEWHERE.md, page one)", ["ELSEWHERE.md: there is no such document"]),
    ],
)
def test_a_citation_of_what_is_not_there_is_found(text: str, expected: list[str]) -> None:
    assert [*citations.missing_documents(text, PAGE)] == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("`models/lead.py::LeadRow` `models/lead.py::Lead.deadline` `models.lead.Phase`", 0),
        ("`models/lead.py::LeadColumn`", 1),
        ("`models/leads.py`", 1),
        ("`rules/pigeons/`", 1),
        ("`models.lead.Fase`", 1),
        ("[here](rules.md#q8) [there](rules.md#q99) [nowhere](rule.md)", 2),
    ],
)
def test_a_path_link_or_name_that_is_not_there_is_found(text: str, expected: int, tmp_path: Path) -> None:
    (tmp_path / "rules.md").write_text("### Q8\n", encoding="utf-8")
    page = tmp_path / "page.md"
    page.write_text(text, encoding="utf-8")
    assert len([*citations.missing_links(page), *citations.missing_paths(page)]) == expected


def test_a_test_names_a_rule_by_its_name_or_its_docstring() -> None:
    source = 'def test_q7_x1_one() -> None:\n    """Also Q7, and Q12."""\n\n\ndef test_two() -> None: ...\n'
    assert rule_tests.named_by(source) == {"Q7", "X1", "Q12"}


def test_what_is_not_listed_of_a_rule_is_written_once() -> None:
    page = "## Q\n\n### Q1\nText.\n\n**Holds.**\n\nTests: `a`,\n`b`\n\n### Q2\nMore.\n\n**Planned.**\n"
    once = rule_tests.page_with_tests(page, {"Q1": ["tests/test_c.py"]})
    assert "Tests: `tests/test_c.py`\n\n### Q2" in once
    assert "`a`" not in once
    assert rule_tests.page_with_tests(once, {"Q1": ["tests/test_c.py"]}) == once
