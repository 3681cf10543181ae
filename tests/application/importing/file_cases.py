"""Files of leads as vendors send them, and the leads that are read of them: the table behind docs/reading.md.

Each case is the bytes of a file. Every row of it is a lead or a refusal with the row's line.
"""

from typing import Any, Final, NamedTuple

from tests.application.importing.workbooks import table_workbook

Leads = tuple[dict[str, Any], ...]

_ANN: Final[dict[str, Any]] = {"first_name": "Ann", "last_name": "Doe", "phone": "+14014194247"}
_BOB: Final[dict[str, Any]] = {"first_name": "Bob", "last_name": "Roe", "phone": "+12125551234"}
_BOTH: Final = (_ANN, _BOB)
_ROWS: Final = "id,first_name,last_name,phone\n1,Ann,Doe,401-419-4247\n2,Bob,Roe,212-555-1234\n"
_RAGGED: Final = (
    "id,first_name,last_name,phone\n1,Ann,Doe,401-419-4247,,\n2,Bob,Roe\n3,Cy,Poe,401-419-4248,x\n"
)
_META: Final = (
    "id\tcreated_time\tad_id\tfull_name\tphone_number\n"
    "l:15088\t2026-11-19T09:12:00-05:00\tag:120\tAnn Doe\tp:+14014194247\n"
)
_PROSPECT: Final = (
    "<prospect><id>{0}</id><customer><contact>{1}<phone>{2}</phone></contact></customer></prospect>"
)
_ANN_ADF: Final = _PROSPECT.format(1, '<name part="full">Doe, Ann</name>', "401-419-4247")
_BOB_ADF: Final = _PROSPECT.format(2, '<name part="full">Bob Roe</name>', "212-555-1234")


class FileCase(NamedTuple):
    """One file. `shape`: what is special about it. `leads`: the facts that are read, one lead each.

    `refused`: the lines that are refused. `shown`: the content as the page shows it, where the bytes are no text.
    """

    case: str
    shape: str
    name: str
    content: str | bytes
    leads: Leads
    refused: tuple[int, ...] = ()
    shown: str = ""

    @property
    def value(self) -> bytes:
        """The file's bytes."""
        return self.content.encode() if isinstance(self.content, str) else self.content


_ANN_JSON: Final = '{"id":1,"name":"Ann Doe","phone":"401-419-4247"}'
_BOB_JSON: Final = '{"id":2,"name":"Bob Roe","phone":"212-555-1234"}'
_WIDE: Final = ("utf-16-le", "utf-16-be", "utf-32-le")
_ZOE: Final = "id,first_name,last_name\n1,Zo\u0119,Wa\u0142\u0119sa\n"


TABLES: Final = [
    *(
        FileCase(
            "A4",
            f"{codec.upper()} without its mark",
            "a.csv",
            _ZOE.encode(codec),
            ({"first_name": "Zo\u0119", "last_name": "Wa\u0142\u0119sa"},),
            (),
            _ZOE,
        )
        for codec in _WIDE
    ),
    FileCase(
        "A17",
        "names of columns with qualifiers",
        "a.csv",
        'Lead ID*,"Name (Last, First)",Phone (Work),Phone Number - Mobile,Email (Agent),Loan Amount ($)\n'
        '1,"Doe, Ann",212-555-9999,401-419-4247,bob@agency.org,"310,000"\n',
        ({**_ANN, "email": None, "loan_amount": 310_000},),
    ),
    FileCase("A17", "columns in the contract's names", "a.csv", _ROWS, _BOTH),
    FileCase(
        "A17",
        "columns in a vendor's names",
        "a.csv",
        'Lead ID,Full Name,Mobile Phone\n1,Ann Doe,(401) 419-4247\n2,"Roe, Bob",212.555.1234\n',
        _BOTH,
    ),
    FileCase("A17", "other delimiters: tab, semicolon, bar", "a.txt", _ROWS.replace(",", "|"), _BOTH),
    FileCase("A17", "a tab-separated file", "a.tsv", _ROWS.replace(",", "\t"), _BOTH),
    FileCase("A12", "`sep=;` before the header", "a.csv", "sep=;\n" + _ROWS.replace(",", ";"), _BOTH),
    FileCase(
        "A12", "a title and an empty line before the header", "a.csv", "Leads of May\n\n" + _ROWS, _BOTH
    ),
    FileCase("A12", "an empty first line", "a.csv", "\n" + _ROWS, _BOTH),
    FileCase(
        "A12",
        "trailing commas, a short row, a row with a cell too many",
        "a.csv",
        _RAGGED,
        (_ANN, {"first_name": "Bob", "last_name": "Roe", "phone": None}),
        (4,),
    ),
    FileCase(
        "A12",
        "one header twice: the first value that can be read",
        "a.csv",
        "id,last_name,phone,phone\n1,Doe,none,401-419-4247\n",
        ({"last_name": "Doe", "phone": "+14014194247"},),
    ),
    FileCase(
        "A12",
        "pandas' `.0`",
        "a.csv",
        "id,last_name,phone,fico\n7.0,Doe,4014194247.0,712.0\n",
        ({"external_id": "7", "last_name": "Doe", "phone": "+14014194247", "credit_score": 712},),
    ),
    FileCase(
        "A1",
        "quoted commas, quotes and line breaks",
        "a.csv",
        'id,first_name,last_name,phone,note\n1,Ann,Doe,401-419-4247,"says ""hi"",\nthen goes"\n'
        "2,Bob,Roe,212-555-1234,\n",
        _BOTH,
    ),
    FileCase(
        "A1",
        "a quote that is never closed costs its own row",
        "a.csv",
        'id,first_name,last_name,phone,note\n1,Cy,Poe,401-419-4248,"never closed\n'
        "2,Ann,Doe,401-419-4247,x\n3,Bob,Roe,212-555-1234,y\n",
        _BOTH,
        (2,),
    ),
    FileCase("A4", "UTF-16 with its mark", "a.csv", _ROWS.encode("utf-16"), _BOTH),
    FileCase("A17", "UTF-8 with its mark", "a.csv", _ROWS.encode("utf-8-sig"), _BOTH),
    FileCase(
        "A17",
        "cp1252",
        "a.csv",
        "id,first_name,last_name\n1,María,Muñoz\n".encode("cp1252"),
        ({"first_name": "María", "last_name": "Muñoz"},),
    ),
    FileCase("A17", "lines that end with CR alone", "a.csv", _ROWS.replace("\n", "\r"), _BOTH),
    FileCase("A17", "lines that end with CR LF", "a.csv", _ROWS.replace("\n", "\r\n"), _BOTH),
    FileCase("A12", "empty rows of commas", "a.csv", _ROWS + ",,,\n,,,\n", _BOTH, (4, 5)),
    FileCase("A12", "the header repeated between the rows", "a.csv", _ROWS + _ROWS, (*_BOTH, *_BOTH), (4,)),
    FileCase(
        "A15",
        '`="02903"` keeps a spreadsheet from changing a cell',
        "a.csv",
        'id,last_name,zip,state\n1,Doe,="02903",RI\n',
        ({"last_name": "Doe", "zip": "02903", "state": "RI"},),
    ),
    FileCase(
        "A2",
        "`Lead ID` beside a row number `ID`",
        "a.csv",
        "ID,Lead ID,Last Name\n1,B-7,Doe\n2,B-8,Roe\n",
        ({"external_id": "B-7", "last_name": "Doe"}, {"external_id": "B-8", "last_name": "Roe"}),
    ),
    FileCase(
        "A4",
        "a social network's export: UTF-16, tabs, prefixes",
        "a.csv",
        _META.encode("utf-16"),
        ({**_ANN, "external_id": "15088"},),
    ),
]

_TOTALS: Final = (
    _ROWS + 'Total,,,\nGrand total: 2,,,\n,Total leads,2,\nSum,,,"$620,000"\n' + "3,Tot,Total,401-419-4249\n"
)
TABLES.append(
    FileCase(
        "A12",
        "rows with a total are refused, people called Total are not",
        "a.csv",
        _TOTALS,
        (*_BOTH, {"first_name": "Tot", "last_name": "Total"}),
        (4, 5, 6, 7),
    )
)

_SHEET: Final = (
    ("Leads of May",),
    ("ID", "Full Name", "Mobile", "Loan Amount"),
    (1.0, "Doe, Ann", 4014194247.0, 310000.0),
    (2.0, "Bob Roe", "212-555-1234", 250000.5),
    (3.0, "Cy Poe", "2.12555E+09", "n/a"),
    ("Total", "", "", 560000.5),
)
WORKBOOKS: Final = [
    FileCase(
        "A13",
        "a title, numbers as a spreadsheet holds them, a rounded phone, a total",
        "a.xlsx",
        table_workbook(*_SHEET),
        (
            {**_ANN, "external_id": "1", "loan_amount": 310000},
            {**_BOB, "loan_amount": 250000.5},
            {"last_name": "Poe", "phone": None},
        ),
        (6,),
        "\n".join(",".join(map(str, line)) for line in _SHEET),
    ),
]

DOCUMENTS: Final = [
    FileCase(
        "A16",
        "JSON lines",
        "a.jsonl",
        '{"id":1,"name":"Ann Doe","phone":"401-419-4247"}\n{"id":2,"name":"Bob Roe","mobile":"212-555-1234"}\n',
        _BOTH,
    ),
    FileCase(
        "A16",
        "a list of leads",
        "a.json",
        '[{"id":1,"name":"Ann Doe","phone":"401-419-4247"},{"id":2,"name":"Bob Roe","phone":2125551234}]',
        _BOTH,
    ),
    FileCase(
        "A16",
        "a list inside",
        "a.json",
        '{"root":{"row":[{"id":1,"name":"Ann Doe","phone":"401-419-4247"}]}}',
        (_ANN,),
    ),
    FileCase(
        "A16",
        "a form's list of answers",
        "a.json",
        '{"data":[{"id":"l:9","field_data":[{"name":"full_name","values":["Ann Doe"]},'
        '{"name":"phone_number","values":["p:+14014194247"]}]}]}',
        ({**_ANN, "external_id": "9"},),
    ),
    FileCase(
        "A16",
        "an element that is no object",
        "a.json",
        '[{"id":1,"name":"Ann Doe"}, 7]',
        ({"external_id": "1", "last_name": "Doe"},),
        (2,),
    ),
    FileCase(
        "A16",
        "a second list",
        "a.json",
        '{"new":[{"id":1,"name":"Ann Doe","phone":"401-419-4247"}],"old":[{"id":2,"name":"Bob Roe"}],'
        '"columns":[{"width":7}]}',
        (_ANN,),
        (2,),
    ),
    FileCase(
        "A4",
        "UTF-16 with its mark",
        "a.json",
        '[{"id":1,"name":"Ann Doe","phone":"401-419-4247"}]'.encode("utf-16"),
        (_ANN,),
    ),
    FileCase(
        "A17",
        "cp1252",
        "a.json",
        '[{"id":1,"first_name":"María","last_name":"Muñoz"}]'.encode("cp1252"),
        ({"first_name": "María", "last_name": "Muñoz"},),
    ),
    *(
        FileCase("A16", shape, "a.json", content, leads)
        for shape, content, leads in (
            ("one object where a list is usual", f'{{"root":{{"row":{_ANN_JSON}}}}}', (_ANN,)),
            ("lists of one list", f"[[{_ANN_JSON},{_BOB_JSON}]]", _BOTH),
            ("a list of lists of one", f'{{"rows":[[{_ANN_JSON}],[{_BOB_JSON}]]}}', _BOTH),
            ("a wrapper of any name", f'{{"zzz":{{"lead":{_ANN_JSON}}}}}', (_ANN,)),
            ("each lead in a wrapper", f'[{{"lead":{_ANN_JSON}}},{{"lead":{_BOB_JSON}}}]', _BOTH),
            ("leads by their keys", f'{{"leads":{{"101":{_ANN_JSON},"102":{_BOB_JSON}}}}}', _BOTH),
            (
                "a lead with a list of its own",
                f'{{"lead":{_ANN_JSON[:-1]},"notes":[{{"text":"x"}},{{"text":"y"}}]}}}}',
                (_ANN,),
            ),
        )
    ),
    *(
        FileCase(
            "A4",
            f"{codec.upper()} without its mark",
            "a.json",
            f"[{_ANN_JSON}]".encode(codec),
            (_ANN,),
            (),
            "[…]",
        )
        for codec in _WIDE
    ),
    *(
        FileCase(
            "A4",
            f"JSON lines in {codec.upper()}",
            "a.jsonl",
            f"{_ANN_JSON}\n{_BOB_JSON}\n".encode(codec),
            _BOTH,
            (),
            "…",
        )
        for codec in ("utf-16", *_WIDE)
    ),
]

ADF: Final = [
    FileCase("A10", "full names", "a.xml", f"<adf>{_ANN_ADF}{_BOB_ADF}</adf>", _BOTH),
    FileCase(
        "A7",
        "a namespace",
        "a.xml",
        f'<a:adf xmlns:a="urn:x">{_ANN_ADF}</a:adf>',
        (_ANN,),
    ),
    FileCase("A6", "a second document", "a.xml", f"<adf>{_ANN_ADF}</adf><adf>{_BOB_ADF}</adf>", _BOTH),
    FileCase(
        "A6",
        "a bare `&`, `&nbsp;` and a byte of cp1252",
        "a.xml",
        f"<adf>{_ANN_ADF}".encode()
        + _PROSPECT.format(2, "<name>A &amp; B&nbsp;& C\u00e9</name>", "212-555-1234").encode("cp1252")
        + b"</adf>",
        (_ANN, {"phone": "+12125551234"}),
    ),
    FileCase(
        "A6",
        "a broken prospect costs itself alone",
        "a.xml",
        f"<adf>{_ANN_ADF}\n<prospect><id>9</id><customer></prospect>\n{_BOB_ADF}</adf>",
        _BOTH,
        (2,),
    ),
    FileCase(
        "A11",
        "the preferred phone, `<region>`",
        "a.xml",
        "<adf><prospect><id>1</id><customer><contact><name part='full'>Ann Doe</name><phone>555</phone>"
        "<phone preferredcontact='1'>401-419-4247</phone><address><region>RI</region></address></contact>"
        "</customer></prospect></adf>",
        ({**_ANN, "state": "RI"},),
    ),
    *(
        FileCase("A10", shape, "a.xml", f"<adf>{_PROSPECT.format(1, names, '401-419-4247')}</adf>", (_ANN,))
        for shape, names in (
            ("given name and surname", '<name part="given">Ann</name><name part="surname">Doe</name>'),
            ("family name", '<name part="First Name">Ann</name><name part="family">Doe</name>'),
            ("an empty name before the name", '<name part="last"/><name part="full">Ann Doe</name>'),
            ("elements inside the name", "<name><first>Ann</first><last>Doe</last></name>"),
            ("elements instead of the name", "<firstname>Ann</firstname><LastName>Doe</LastName>"),
            ("a part that nobody knows", '<name part="x">Ann Doe</name><name part="middle">Q</name>'),
        )
    ),
    FileCase(
        "A11",
        "no <contact>",
        "a.xml",
        "<adf><prospect><id>1</id><customer><name>Ann Doe</name><phone>401-419-4247</phone>"
        "<address><state>RI</state><zip>02903</zip></address></customer></prospect></adf>",
        ({**_ANN, "state": "RI", "zip": "02903"},),
    ),
    *(
        FileCase(
            "A6",
            shape,
            "a.xml",
            f"<adf>{_PROSPECT.format(1, names, '401-419-4247')}{_BOB_ADF}</adf>",
            (read, _BOB),
        )
        for shape, names, read in (
            (
                "an entity that nobody defined",
                "<name>Ann Doe &foo;</name>",
                {**_ANN, "last_name": "&foo;", "first_name": "Ann Doe"},
            ),
            ("references to no character", "<name>A&#0;nn &#xFFFF;Doe&#1;</name>", _ANN),
            (
                "HTML's entities",
                "<name>Jos&eacute;&nbsp;D&#237;az</name>",
                {"first_name": "José", "last_name": "Díaz"},
            ),
            (
                "a reference in cp1252",
                "<name>Ann O&#146;Neil</name>",
                {"first_name": "Ann", "last_name": "O\u2019Neil"},
            ),
            ("half a surrogate pair", "<name>Ann Doe &#xD83D;</name>", _ANN),
        )
    ),
    FileCase(
        "A6",
        "UTF-8 that says it is UTF-16",
        "a.xml",
        f'<?xml version="1.0" encoding="utf-16"?><adf>{_ANN_ADF}</adf>',
        (_ANN,),
    ),
    FileCase(
        "A6",
        "entities of a document type are not expanded",
        "a.xml",
        '<!DOCTYPE adf [<!ENTITY a "Evil">]><adf>'
        + _PROSPECT.format(1, "<name>Ann Doe</name><email>&a;</email>", "401-419-4247")
        + "</adf>",
        ({**_ANN, "email": None},),
    ),
    *(
        FileCase(
            "A4",
            f"{codec.upper()} without its mark",
            "a.xml",
            f"<adf>{_ANN_ADF}</adf>".encode(codec),
            (_ANN,),
            (),
            "<adf>…",
        )
        for codec in _WIDE
    ),
]

SECTIONS: Final = {"Tables (CSV)": TABLES, "Workbooks (XLSX)": WORKBOOKS, "JSON files": DOCUMENTS, "ADF": ADF}
"""Title -> cases, as docs/reading.md lists them."""
CASES: Final = [case for cases in SECTIONS.values() for case in cases]
