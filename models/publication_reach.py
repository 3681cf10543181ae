"""Defines how reps are reached: what a rep wants, and how an org's mails look (N2, N8)."""

from typing import Annotated, Final, Literal

from pydantic import Field, StringConstraints

from models.publication_fields import MAX_ENTRIES, Description, Id, Ids, Published, Week

_HEADER_TEXT: Final = r"^[^\x00-\x1f\x7f]*$"
_MAIL_ADDRESS: Final = r'^[^\s@<>,;:"\x00-\x1f]+@[^\s@<>,;:"]+$'
_URL: Final = r'^https?://[^\s"<>]+$'
_SIP_URI: Final = r"^sips?:[A-Za-z0-9+_.!~*'()-]+@[A-Za-z0-9.:_-]+$"
_SOUND: Final = r"^[A-Za-z0-9_/-]+$"
_NUMBER: Final = r"^\+?[0-9]{2,20}$"
_CHAT_NAME: Final = r"^[a-z0-9][a-z0-9-]{0,63}$"
REASONS: Final = {
    _HEADER_TEXT: "must be one line of text",
    _MAIL_ADDRESS: "must be a mail address",
    _URL: "must be an address that begins with http:// or https://",
    _SIP_URI: "must be a SIP URI like sip:ann@pbx.example",
    _SOUND: "must be the name of a sound: letters, digits, _, / and -",
    _NUMBER: "must be a phone number: digits, and a + in front",
    _CHAT_NAME: "must be a name of a-z, 0-9 and -",
}
"""Pattern -> what a text must be that does not match it."""

Way = Literal["email", "push", "call"]
"""A way to reach a rep (N8)."""
Ways = Annotated[list[Way], Field(max_length=3)]


class NotifyObject(Published):
    """How a rep wants to hear of each kind of news (N8). An empty list: not at all; null: in every way there is.

    `offers`: leads that are offered, also by ringing. `assignments`: leads that the rep got or lost. `inquiries`:
    another inquiry of the rep's lead. `callbacks`: a promised call is due. `digests`: new exceptions, for managers, by
    mail only. `quiet_times`: when the rep is not disturbed, in the rep's time zone; what is still useful afterwards
    comes then.
    """

    offers: Ways | None = None
    assignments: Ways | None = None
    inquiries: Ways | None = None
    callbacks: Ways | None = None
    digests: Ways | None = None
    quiet_times: Week = []


HeaderText = Annotated[str, StringConstraints(max_length=200, pattern=_HEADER_TEXT)]
"""One line of text, as it may stand in a mail's header."""
MailAddress = Annotated[str, StringConstraints(max_length=254, pattern=_MAIL_ADDRESS)]
Url = Annotated[str, StringConstraints(max_length=2_000, pattern=_URL)]


class MailWords(Published):
    """An org's own words in a mail. What is not given stays as it is."""

    subject: HeaderText | None = None
    opening: Description | None = None


class MailObject(Published):
    """An org's mails to its reps (N2, N8).

    `sender`, `sender_name`: who they are from; the courier's own sender if not given. `lender`: the name at the top.
    `logo_url`: the picture at the top. `support`: the address for questions. `console_url`: where the links lead.
    `names_in_subjects`: whether subjects have the lead's name; subjects are shown on locked screens. `words`: template
    -> own words.
    """

    sender: MailAddress | None = None
    sender_name: HeaderText = ""
    lender: HeaderText = ""
    logo_url: Url | None = None
    support: MailAddress | None = None
    console_url: Url | None = None
    names_in_subjects: bool = False
    words: Annotated[dict[str, MailWords], Field(max_length=50)] = {}


SipUri = Annotated[str, StringConstraints(max_length=200, pattern=_SIP_URI)]
Sound = Annotated[str, StringConstraints(max_length=200, pattern=_SOUND)]
Number = Annotated[str, StringConstraints(pattern=_NUMBER)]


class TelephoneObject(Published):
    """An org's telephone (N4, N5).

    `caller_id`: the number that reps and leads see. `recordings`: the org's own recordings instead of spoken words, as
    the telephone system's sound names: `offer`, `offer_after`, `won`, `won_after`, `gone`, `call`, `call_after`,
    `caller`, `caller_after`, `caller_gone`, `no_answer`, `busy`, `quiet_hours`, `forbidden`, `unavailable`. `_after` is
    what follows the lead's name. `nobody` is for a caller whom nobody takes. `inbound`: the number that leads call ->
    campaign. `click_to_call`: whether the console's call buttons ring the rep's telephone; null: the deployment's
    setting.
    """

    caller_id: Number | None = None
    recordings: Annotated[dict[str, Sound], Field(max_length=50)] = {}
    inbound: Annotated[dict[Number, Id], Field(max_length=MAX_ENTRIES)] = {}
    click_to_call: bool | None = None


SecretName = Annotated[str, StringConstraints(pattern=_CHAT_NAME)]


class ChatService(Published):
    """A chat that gets news of reps, such as a channel of Slack or Teams, or a topic of ntfy (N3).

    `secret`: the name of its address. The address itself is known to the chat courier only. `reps`: whose news it gets,
    null: everybody's. `templates`: which news, null: all that also comes as push message.
    """

    secret: SecretName
    reps: Ids | None = None
    templates: Annotated[list[str], Field(max_length=50)] | None = None


class ChatObject(Published):
    """An org's chats (N3, N8)."""

    services: Annotated[list[ChatService], Field(max_length=100)] = []
