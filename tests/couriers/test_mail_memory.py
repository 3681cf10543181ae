"""Sending a mail leaves nothing behind that waits until Python searches all objects."""

from __future__ import annotations

import gc
from email.headerregistry import BaseHeader

from aiosmtplib.email import flatten_message

from couriers.mail.layout import MailContent, lay_out
from models.publication_reach import MailObject


def _sent(subject: str) -> bytes:
    """Lay out a mail and write it as it is sent: twice, because the first attempt was refused."""
    content = MailContent(heading=subject, name="Scott Smith", opening="A lead.", facts=[("Name", "Test")])
    mail, _ = lay_out(
        MailObject(support="help@lender.example"),
        content,
        subject=subject,
        sender="leads@lender.example",
        message_id="<1@lender.example>",
    )
    written = b""
    for _ in range(2):
        del mail["To"]
        mail["To"] = "scott@lender.example"
        written = flatten_message(mail)
    return written


def _header_classes() -> int:
    return sum(isinstance(found, type) and issubclass(found, BaseHeader) for found in gc.get_objects())


def test_n2_mails_share_the_classes_of_their_headers() -> None:
    """Python's own policies make some thirty classes for a mail, of 2 KB each, and each refers to itself."""
    first = _sent("first")
    gc.collect()
    gc.disable()
    try:
        before = _header_classes()
        assert all(_sent(f"mail {number}") for number in range(10))
        assert _header_classes() == before
    finally:
        gc.enable()
    assert b"Subject: first\r\n" in first
