"""Turns words into sound files that Asterisk plays. An org's own recordings win over speech.

The fixed texts are kept. A lead's name is personal data: its file is removed after `NAME_SECONDS`.
"""

import array
import asyncio
import hashlib
import io
import math
import shlex
import time
import wave
from collections.abc import Mapping
from functools import lru_cache
from operator import mul
from pathlib import Path
from typing import Final

from couriers.telephone.call_events import Announcement
from couriers.telephone.spoken_texts import text_around_name
from models.errors import ConfigError, RetryableError
from streams.file_permissions import private_folder

RATE: Final = 8_000
"""Samples per second of a telephone line."""
NAME_SECONDS: Final = 3_600.0
MAX_NAMES: Final = 5_000
SPEAK_SECONDS: Final = 10.0
_TAPS: Final = 24
_SAMPLE_BYTES: Final = 2
_LARGEST: Final = 32_767


class Speech:
    """Makes sounds in `folder`. `espeak`: the command line of espeak-ng."""

    def __init__(self, folder: Path, espeak: str, voice: str) -> None:
        self._texts, self._names = folder / "texts", folder / "names"
        self._command = [*shlex.split(espeak), "-v", voice, "--stdin", "--stdout"]
        self._voice = voice
        self._busy = asyncio.Lock()
        for directory in (folder, self._texts, self._names):
            private_folder(directory)

    async def sounds(
        self, announcement: Announcement, name: str, recordings: Mapping[str, str]
    ) -> tuple[str, ...]:
        """Return what to play for words, as Asterisk's media URIs. Raises RetryableError if it cannot be spoken.

        `recordings`: an org's own recordings: `offer` for the text before the name, `offer_after` for what follows.
        """
        before, after = text_around_name(announcement)
        uris = [await self._recorded(recordings.get(announcement), before)]
        if after:
            uris += [
                await self._spoken(self._names, name),
                await self._recorded(recordings.get(f"{announcement}_after"), after),
            ]
        return tuple(uris)

    async def prepare(self) -> None:
        """Speak every fixed text, so that no rep waits for it. Raises ConfigError if nothing can be spoken."""
        try:
            for announcement in Announcement:
                for text in filter(None, text_around_name(announcement)):
                    await self._spoken(self._texts, text)
        except RetryableError as error:
            raise ConfigError("FIRSTCLAIM_TELEPHONE_ESPEAK", error.reason) from error

    async def _recorded(self, recording: str | None, text: str) -> str:
        return f"sound:{recording}" if recording else await self._spoken(self._texts, text)

    async def _spoken(self, folder: Path, text: str) -> str:
        digest = hashlib.sha256(f"{self._voice}\n{text}".encode()).hexdigest()[:40]
        file = folder / f"{digest}.wav"
        async with self._busy:
            if not file.exists():
                if folder is self._names:
                    await asyncio.to_thread(self._forget_names)
                spoken = await self._speak(text)
                await asyncio.to_thread(_write, file, spoken)
        return f"sound:{file.with_suffix('')}"

    def _forget_names(self) -> None:
        oldest = time.time() - NAME_SECONDS
        files = sorted(self._names.glob("*.wav"), key=lambda path: path.stat().st_mtime)
        for number, file in enumerate(files):
            if file.stat().st_mtime < oldest or number < len(files) - MAX_NAMES:
                file.unlink(missing_ok=True)

    async def _speak(self, text: str) -> bytes:
        """Return the text as espeak-ng's WAV."""
        try:
            process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
        except OSError as error:
            raise RetryableError("espeak-ng", str(error)) from error
        try:
            async with asyncio.timeout(SPEAK_SECONDS):
                spoken, error_output = await process.communicate(text.encode())
        except TimeoutError as error:
            process.kill()
            raise RetryableError("espeak-ng", f"it did not end within {SPEAK_SECONDS:g} s") from error
        if process.returncode or not spoken:
            raise RetryableError(
                "espeak-ng", error_output.decode(errors="replace").strip()[-300:] or "it said nothing"
            )
        return spoken


def _write(file: Path, spoken: bytes) -> None:
    """Write a WAV of one channel and 16 bits with the rate of a telephone line."""
    # The header of a stream has no length, so the samples are taken as they are.
    with wave.open(io.BytesIO(spoken)) as source:
        rate = source.getframerate()
    samples = array.array("h", spoken[44 : 44 + (len(spoken) - 44) // _SAMPLE_BYTES * _SAMPLE_BYTES])
    part = file.with_suffix(".part")
    with wave.open(str(part), "wb") as target:
        target.setnchannels(1)
        target.setsampwidth(_SAMPLE_BYTES)
        target.setframerate(RATE)
        target.writeframes(resample(samples, rate).tobytes())
    part.rename(file)


def resample(samples: "array.array[int]", rate: int) -> "array.array[int]":
    """Return samples at `RATE`, through a low-pass filter (windowed sinc)."""
    gcd = math.gcd(rate, RATE)
    up, down = RATE // gcd, rate // gcd
    resampled = array.array("h")
    padded = [0] * _TAPS + samples.tolist() + [0] * (_TAPS + 1)
    for number in range(len(samples) * up // down):
        position, phase = divmod(number * down, up)
        window = padded[position + 1 : position + 1 + 2 * _TAPS]
        value = sum(map(mul, _filter(phase, up, down), window))
        resampled.append(max(-_LARGEST, min(_LARGEST, round(value))))
    return resampled


@lru_cache(maxsize=1024)
def _filter(phase: int, up: int, down: int) -> tuple[float, ...]:
    """Return the weights of the samples around an instant `phase / up` after a sample."""
    cut = min(1.0, up / down) * 0.92
    offset = phase / up
    weights = []
    for tap in range(-_TAPS + 1, _TAPS + 1):
        at = tap - offset
        arc = math.pi * at * cut
        sinc = 1.0 if at == 0 else math.sin(arc) / arc
        weights.append(cut * sinc * (0.5 + 0.5 * math.cos(math.pi * at / (_TAPS + 1))))
    return tuple(weights)
