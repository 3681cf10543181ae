"""Writes docs/reading.md from the cases that the tests try; `python -m tests.docs.reading_table`."""

import codecs
import json
from collections.abc import Mapping
from typing import Any, Final

from tests.application.importing import file_cases
from tests.application.importing.file_case import FileCase
from tests.docs.repository import DOCS
from tests.rules.inbound.reading_case import ReadingCase
from tests.rules.inbound.reading_cases import SECTIONS

PAGE: Final = DOCS / "reading.md"
_HEAD: Final = """# What is read how

This page is written by `python -m tests.docs.reading_table` from `tests/rules/inbound/reading_cases.py`. Each line
is a test: `tests/rules/inbound/test_reading.py::test_v2_what_vendors_send_is_read_or_remarked` sends it as the
bytes of a message on `lead-arrivals`. The files at the end are from `tests/application/importing/file_cases.py`;
`tests/application/importing/test_file_cases.py::test_v1_every_row_of_a_file_is_a_lead_or_a_refusal` reads each as
`firstclaim send` does. Names, numbers and addresses are made up.

A field that cannot be read is lost with a remark, and the lead is not ([V2](rules.md#v2)). Remarks are in the
lead's attributes: `invalid` has the value as it was sent, `assumed` says from what a fact was read, and `remarks`
says what is doubtful. The other names of fields are in `models/field_names.py::ALIASES`.

The first column names the kind of input: A1 to A17 are vendors' files and messages, B1 to B8 are people, C1 to C5
are places and times. In the second column, `vendor` and an id are left out.
"""


def page() -> str:
    """Return the text of docs/reading.md."""
    parts = [_HEAD]
    for title, cases in SECTIONS.items():
        lines = [_line(case) for case in cases]
        parts.append(
            "\n".join([f"\n## {title}\n", "| case | sent | read | remark |", "|---|---|---|---|", *lines])
        )
    for title, files in file_cases.SECTIONS.items():
        lines = [_file_line(case) for case in files]
        heads = "| case | file | content | leads | refused lines |"
        parts.append("\n".join([f"\n## {title}\n", heads, "|---|---|---|---|---|", *lines]))
    return "\n".join(parts) + "\n"


def _file_line(case: FileCase) -> str:
    leads = "<br>".join(_code(_shown(facts)) for facts in case.leads)
    refused = ", ".join(map(str, case.refused))
    return f"| {case.case} | {case.shape} | {_code(_content(case.shown or case.content))} | {leads} | {refused} |"


def _content(content: str | bytes) -> str:
    """Return a file's text on one line. The case's shape names the encoding."""
    text = content if isinstance(content, str) else _decode(content)
    for character, shown in (("\n", "\\n"), ("\r", "\\r"), ("\t", "\\t")):
        text = text.replace(character, shown)
    return text


def _decode(content: bytes) -> str:
    if content[:2] == codecs.BOM_UTF16_LE:
        return content.decode("utf-16")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252")


def _line(case: ReadingCase) -> str:
    sent = case.sent if isinstance(case.sent, str) else _shown(case.sent)
    remarks = [f"`invalid` {_code(_shown(case.invalid))}"] if case.invalid else []
    remarks += [f"`assumed` {', '.join(case.assumed)}"] if case.assumed else []
    remarks += [f"`remarks` {', '.join(case.remarks)}"] if case.remarks else []
    remarks += [f"kept {_code(_shown(case.kept))}"] if case.kept else []
    return f"| {case.case} | {_code(sent)} | {_code(_shown(case.facts))} | {'; '.join(remarks)} |"


def _shown(value: Mapping[str, Any]) -> str:
    text = json.dumps(dict(value), ensure_ascii=False)
    return "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in text)[1:-1]


def _code(text: str) -> str:
    shown = text.replace("|", "\\|")
    return f"`` {shown} ``" if "`" in shown else f"`{shown}`"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
