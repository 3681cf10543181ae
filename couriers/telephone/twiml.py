"""Writes the TwiML documents that tell Twilio what a leg hears, and checks the signatures of its requests."""

import base64
import hashlib
import hmac
from collections.abc import Iterable
from typing import Final
from xml.sax.saxutils import escape, quoteattr

IDLE_SECONDS: Final = 10
"""How long a leg waits in silence before it asks again what to do, so that a leg that nobody knows ends soon."""
PLAY: Final = "play:"
"""How a sound begins that is the address of a recording. Every other sound is text."""
HANG_UP: Final = "<Response><Hangup/></Response>"
EMPTY: Final = "<Response/>"
CONTENT_TYPE: Final = "text/xml"


def twiml_of_sounds(sounds: Iterable[str], voice: str, digits: str, ended: str) -> str:
    """Return a document that plays sounds. A digit is sent to `digits`; after the last sound, `ended` is asked."""
    verbs = "".join(
        f"<Play>{escape(sound.removeprefix(PLAY))}</Play>"
        if sound.startswith(PLAY)
        else f"<Say voice={quoteattr(voice)}>{escape(sound)}</Say>"
        for sound in sounds
    )
    return f"<Response>{_gather(digits, verbs, 1)}<Redirect>{escape(ended)}</Redirect></Response>"


def idle(digits: str, again: str) -> str:
    """Return a document that waits for a digit, and then asks `again`."""
    return f"<Response>{_gather(digits, '', IDLE_SECONDS)}<Redirect>{escape(again)}</Redirect></Response>"


def ringing(tone: str | None, again: str) -> str:
    """Return a document that lets a leg wait for the other one. `tone`: the address of a ring tone, if there is one."""
    verb = f'<Play loop="0">{escape(tone)}</Play>' if tone else f'<Pause length="{IDLE_SECONDS}"/>'
    return f"<Response>{verb}<Redirect>{escape(again)}</Redirect></Response>"


def twiml_that_waits(seconds: float, again: str) -> str:
    """Return a document that lets a caller hear the network's ringing: a first <Pause> does not answer the call."""
    return f'<Response><Pause length="{round(seconds)}"/><Redirect>{escape(again)}</Redirect></Response>'


def conference(name: str) -> str:
    """Return a document that connects a leg with the other one of the same name. Both end with the first that goes."""
    room = f'<Conference beep="false" startConferenceOnEnter="true" endConferenceOnExit="true">{escape(name)}'
    return f"<Response><Dial>{room}</Conference></Dial></Response>"


def _gather(digits: str, verbs: str, seconds: int) -> str:
    action = f'input="dtmf" numDigits="1" timeout="{seconds}" action={quoteattr(digits)}'
    return f"<Gather {action}>{verbs}</Gather>"


def signature(token: str, url: str, parameters: Iterable[tuple[str, str]]) -> str:
    """Return what Twilio signs a request with: HMAC-SHA1 of the URL and the sorted parameters, in Base64.

    `url`: as Twilio called it, with its query. `parameters`: of the form.
    """
    text = url + "".join(name + value for name, value in sorted(parameters))
    digest = hmac.new(token.encode(), text.encode(), hashlib.sha1).digest()
    return base64.b64encode(digest).decode()
