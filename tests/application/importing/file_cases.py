"""Files of leads as vendors send them, and the leads that are read of them: the table behind docs/reading.md.

Each case is the bytes of a file. Every row of it is a lead or a refusal with the row's line.
"""

from typing import Final

from tests.application.importing.adf_cases import ADF
from tests.application.importing.file_case import ANN, BOB, BOTH, WIDE, FileCase
from tests.application.importing.workbooks import table_workbook

_ROWS: Final = "id,first_name,last_name,phone\n1,Ann,Doe,401-419-4247\n2,Bob,Roe,212-555-1234\n"
_RAGGED: Final = (
    "id,first_name,last_name,phone\n1,Ann,Doe,401-419-4247,,\n2,Bob,Roe\n3,Cy,Poe,401-419-4248,x\n"
)
_META: Final = (
    "id\tcreated_time\tad_id\tfull_name\tphone_number\n"
    "l:15088\t2026-11-19T09:12:00-05:00\tag:120\tAnn Doe\tp:+14014194247\n"
)


_ANN_JSON: Final = '{"id":1,"name":"Ann Doe","phone":"401-419-4247"}'
_BOB_JSON: Final = '{"id":2,"name":"Bob Roe","phone":"212-555-1234"}'
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
        for codec in WIDE
    ),
    FileCase(
        "A17",
        "names of columns with qualifiers",
        "a.csv",
        'Lead ID*,"Name (Last, First)",Phone (Work),Phone Number - Mobile,Email (Agent),Loan Amount ($)\n'
        '1,"Doe, Ann",212-555-9999,401-419-4247,bob@agency.org,"310,000"\n',
        ({**ANN, "email": None, "loan_amount": 310_000},),
    ),
    FileCase("A17", "columns in the contract's names", "a.csv", _ROWS, BOTH),
    FileCase(
        "A17",
        "columns in a vendor's names",
        "a.csv",
        'Lead ID,Full Name,Mobile Phone\n1,Ann Doe,(401) 419-4247\n2,"Roe, Bob",212.555.1234\n',
        BOTH,
    ),
    FileCase("A17", "other delimiters: tab, semicolon, bar", "a.txt", _ROWS.replace(",", "|"), BOTH),
    FileCase("A17", "a tab-separated file", "a.tsv", _ROWS.replace(",", "\t"), BOTH),
    FileCase("A12", "`sep=;` before the header", "a.csv", "sep=;\n" + _ROWS.replace(",", ";"), BOTH),
    FileCase("A12", "a title and an empty line before the header", "a.csv", "Leads of May\n\n" + _ROWS, BOTH),
    FileCase("A12", "an empty first line", "a.csv", "\n" + _ROWS, BOTH),
    FileCase(
        "A12",
        "trailing commas, a short row, a row with a cell too many",
        "a.csv",
        _RAGGED,
        (ANN, {"first_name": "Bob", "last_name": "Roe", "phone": None}),
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
        BOTH,
    ),
    FileCase(
        "A1",
        "a quote that is never closed costs its own row",
        "a.csv",
        'id,first_name,last_name,phone,note\n1,Cy,Poe,401-419-4248,"never closed\n'
        "2,Ann,Doe,401-419-4247,x\n3,Bob,Roe,212-555-1234,y\n",
        BOTH,
        (2,),
    ),
    FileCase("A4", "UTF-16 with its mark", "a.csv", _ROWS.encode("utf-16"), BOTH),
    FileCase("A17", "UTF-8 with its mark", "a.csv", _ROWS.encode("utf-8-sig"), BOTH),
    FileCase(
        "A17",
        "cp1252",
        "a.csv",
        "id,first_name,last_name\n1,María,Muñoz\n".encode("cp1252"),
        ({"first_name": "María", "last_name": "Muñoz"},),
    ),
    FileCase("A17", "lines that end with CR alone", "a.csv", _ROWS.replace("\n", "\r"), BOTH),
    FileCase("A17", "lines that end with CR LF", "a.csv", _ROWS.replace("\n", "\r\n"), BOTH),
    FileCase("A12", "empty rows of commas", "a.csv", _ROWS + ",,,\n,,,\n", BOTH, (4, 5)),
    FileCase("A12", "the header repeated between the rows", "a.csv", _ROWS + _ROWS, (*BOTH, *BOTH), (4,)),
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
        ({**ANN, "external_id": "15088"},),
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
        (*BOTH, {"first_name": "Tot", "last_name": "Total"}),
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
            {**ANN, "external_id": "1", "loan_amount": 310000},
            {**BOB, "loan_amount": 250000.5},
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
        BOTH,
    ),
    FileCase(
        "A16",
        "a list of leads",
        "a.json",
        '[{"id":1,"name":"Ann Doe","phone":"401-419-4247"},{"id":2,"name":"Bob Roe","phone":2125551234}]',
        BOTH,
    ),
    FileCase(
        "A16",
        "a list inside",
        "a.json",
        '{"root":{"row":[{"id":1,"name":"Ann Doe","phone":"401-419-4247"}]}}',
        (ANN,),
    ),
    FileCase(
        "A16",
        "a form's list of answers",
        "a.json",
        '{"data":[{"id":"l:9","field_data":[{"name":"full_name","values":["Ann Doe"]},'
        '{"name":"phone_number","values":["p:+14014194247"]}]}]}',
        ({**ANN, "external_id": "9"},),
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
        (ANN,),
        (2,),
    ),
    FileCase(
        "A4",
        "UTF-16 with its mark",
        "a.json",
        '[{"id":1,"name":"Ann Doe","phone":"401-419-4247"}]'.encode("utf-16"),
        (ANN,),
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
            ("one object where a list is usual", f'{{"root":{{"row":{_ANN_JSON}}}}}', (ANN,)),
            ("lists of one list", f"[[{_ANN_JSON},{_BOB_JSON}]]", BOTH),
            ("a list of lists of one", f'{{"rows":[[{_ANN_JSON}],[{_BOB_JSON}]]}}', BOTH),
            ("a wrapper of any name", f'{{"zzz":{{"lead":{_ANN_JSON}}}}}', (ANN,)),
            ("each lead in a wrapper", f'[{{"lead":{_ANN_JSON}}},{{"lead":{_BOB_JSON}}}]', BOTH),
            ("leads by their keys", f'{{"leads":{{"101":{_ANN_JSON},"102":{_BOB_JSON}}}}}', BOTH),
            (
                "a lead with a list of its own",
                f'{{"lead":{_ANN_JSON[:-1]},"notes":[{{"text":"x"}},{{"text":"y"}}]}}}}',
                (ANN,),
            ),
        )
    ),
    *(
        FileCase(
            "A4",
            f"{codec.upper()} without its mark",
            "a.json",
            f"[{_ANN_JSON}]".encode(codec),
            (ANN,),
            (),
            "[…]",
        )
        for codec in WIDE
    ),
    *(
        FileCase(
            "A4",
            f"JSON lines in {codec.upper()}",
            "a.jsonl",
            f"{_ANN_JSON}\n{_BOB_JSON}\n".encode(codec),
            BOTH,
            (),
            "…",
        )
        for codec in ("utf-16", *WIDE)
    ),
]

SECTIONS: Final = {"Tables (CSV)": TABLES, "Workbooks (XLSX)": WORKBOOKS, "JSON files": DOCUMENTS, "ADF": ADF}
"""Title -> cases, as docs/reading.md lists them."""
CASES: Final = [case for cases in SECTIONS.values() for case in cases]
