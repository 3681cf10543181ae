"""docs/reading.md is the table of what is read how, made from the tests."""

from tests.docs import reading_table


def test_the_page_is_what_its_generator_writes() -> None:
    current = reading_table.PAGE.read_text(encoding="utf-8")
    assert current == reading_table.page(), "run: python -m tests.docs.reading_table"
