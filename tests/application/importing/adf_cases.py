"""ADF files of leads as vendors send them, and the leads that are read of them."""

from typing import Final

from tests.application.importing.file_case import ANN, BOB, BOTH, WIDE, FileCase

_PROSPECT: Final = (
    "<prospect><id>{0}</id><customer><contact>{1}<phone>{2}</phone></contact></customer></prospect>"
)
_ANN_ADF: Final = _PROSPECT.format(1, '<name part="full">Doe, Ann</name>', "401-419-4247")
_BOB_ADF: Final = _PROSPECT.format(2, '<name part="full">Bob Roe</name>', "212-555-1234")

ADF: Final = [
    FileCase("A10", "full names", "a.xml", f"<adf>{_ANN_ADF}{_BOB_ADF}</adf>", BOTH),
    FileCase(
        "A7",
        "a namespace",
        "a.xml",
        f'<a:adf xmlns:a="urn:x">{_ANN_ADF}</a:adf>',
        (ANN,),
    ),
    FileCase("A6", "a second document", "a.xml", f"<adf>{_ANN_ADF}</adf><adf>{_BOB_ADF}</adf>", BOTH),
    FileCase(
        "A6",
        "a bare `&`, `&nbsp;` and a byte of cp1252",
        "a.xml",
        f"<adf>{_ANN_ADF}".encode()
        + _PROSPECT.format(2, "<name>A &amp; B&nbsp;& C\u00e9</name>", "212-555-1234").encode("cp1252")
        + b"</adf>",
        (ANN, {"phone": "+12125551234"}),
    ),
    FileCase(
        "A6",
        "a broken prospect costs itself alone",
        "a.xml",
        f"<adf>{_ANN_ADF}\n<prospect><id>9</id><customer></prospect>\n{_BOB_ADF}</adf>",
        BOTH,
        (2,),
    ),
    FileCase(
        "A11",
        "the preferred phone, `<region>`",
        "a.xml",
        "<adf><prospect><id>1</id><customer><contact><name part='full'>Ann Doe</name><phone>555</phone>"
        "<phone preferredcontact='1'>401-419-4247</phone><address><region>RI</region></address></contact>"
        "</customer></prospect></adf>",
        ({**ANN, "state": "RI"},),
    ),
    *(
        FileCase("A10", shape, "a.xml", f"<adf>{_PROSPECT.format(1, names, '401-419-4247')}</adf>", (ANN,))
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
        ({**ANN, "state": "RI", "zip": "02903"},),
    ),
    *(
        FileCase(
            "A6",
            shape,
            "a.xml",
            f"<adf>{_PROSPECT.format(1, names, '401-419-4247')}{_BOB_ADF}</adf>",
            (read, BOB),
        )
        for shape, names, read in (
            (
                "an entity that nobody defined",
                "<name>Ann Doe &foo;</name>",
                {**ANN, "last_name": "&foo;", "first_name": "Ann Doe"},
            ),
            ("references to no character", "<name>A&#0;nn &#xFFFF;Doe&#1;</name>", ANN),
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
            ("half a surrogate pair", "<name>Ann Doe &#xD83D;</name>", ANN),
        )
    ),
    FileCase(
        "A6",
        "UTF-8 that says it is UTF-16",
        "a.xml",
        f'<?xml version="1.0" encoding="utf-16"?><adf>{_ANN_ADF}</adf>',
        (ANN,),
    ),
    FileCase(
        "A6",
        "entities of a document type are not expanded",
        "a.xml",
        '<!DOCTYPE adf [<!ENTITY a "Evil">]><adf>'
        + _PROSPECT.format(1, "<name>Ann Doe</name><email>&a;</email>", "401-419-4247")
        + "</adf>",
        ({**ANN, "email": None},),
    ),
    *(
        FileCase(
            "A4",
            f"{codec.upper()} without its mark",
            "a.xml",
            f"<adf>{_ANN_ADF}</adf>".encode(codec),
            (ANN,),
            (),
            "<adf>…",
        )
        for codec in WIDE
    ),
]
