"""Opens the telephone system that the settings name: its adapter, and how words become sounds there."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from couriers.telephone.ari import Ari
from couriers.telephone.call_events import Announcement
from couriers.telephone.live_call import Sounds
from couriers.telephone.provider import OnEvent, TelephoneProvider
from couriers.telephone.settings import TelephoneSettings
from couriers.telephone.speech import Speech
from couriers.telephone.spoken_texts import text_around_name
from couriers.telephone.twilio import Twilio
from couriers.telephone.twilio_webhooks import Webhooks
from couriers.telephone.twiml import PLAY


@asynccontextmanager
async def open_system(
    telephone: TelephoneSettings, state_dir: Path, on_event: OnEvent
) -> AsyncIterator[tuple[TelephoneProvider, Sounds]]:
    """Yield the adapter, not running yet, and its sounds. Raises ConfigError for a setting that is missing or wrong."""
    telephone.check()
    if telephone.provider == "asterisk":
        speech = Speech(telephone.sounds or state_dir / "sounds", telephone.espeak, telephone.voice)
        await speech.prepare()
        yield Ari(telephone, on_event), speech.sounds
        return
    twilio = Twilio(telephone, on_event)
    webhooks = Webhooks(telephone, twilio)
    await webhooks.start()
    try:
        yield twilio, twilio_sounds(telephone.recordings_url)
    finally:
        await webhooks.stop()


def twilio_sounds(recordings_url: str | None) -> Sounds:
    """Return the sounds of Twilio, which speaks texts by itself. An org's recording is an address."""

    async def sounds(announcement: Announcement, name: str, recordings: dict[str, str]) -> tuple[str, ...]:
        before, after = text_around_name(announcement)
        return tuple(
            f"{PLAY}{recordings_url}/{recordings[key]}.mp3" if recordings_url and key in recordings else text
            for key, text in (
                (str(announcement), before),
                *((("", name), (f"{announcement}_after", after)) if after else ()),
            )
        )

    return sounds
