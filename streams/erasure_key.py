"""Reads the key of the hashes by which erased persons are recognised, and creates it where there is none yet.

The key is a file of 64 hex digits, readable by its owner only. It is `FIRSTCLAIM_ERASURE_KEY`, or `erasure.key` in the
state folder. All workers, the console and the commands of one installation need the same key: a hash of another key
recognises nobody.
"""

import os
import secrets
from pathlib import Path
from typing import Final

from models.erasure import KEY_BYTES, ErasureKey
from models.errors import ConfigError
from streams.file_permissions import private_folder
from streams.settings import Settings

NAME: Final = "erasure.key"
VARIABLE: Final = "FIRSTCLAIM_ERASURE_KEY"


def key_file(settings: Settings) -> Path:
    """Return the key's file, which may not exist yet."""
    return settings.erasure_key or settings.state_dir / NAME


def read_key(settings: Settings) -> ErasureKey | None:
    """Return the key; None if there is no file. Raises `ConfigError` for a file that is no key or cannot be read."""
    path = key_file(settings)
    try:
        text = path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(VARIABLE, f"{path} cannot be read: {error}") from error
    try:
        secret = bytes.fromhex(text)
    except ValueError:
        secret = b""
    if len(secret) != KEY_BYTES:
        raise ConfigError(VARIABLE, f"{path} is not a key: it must hold {2 * KEY_BYTES} hex digits")
    return ErasureKey(secret)


def own_key(settings: Settings) -> ErasureKey:
    """Return the key. In the state folder it is created if there is none; processes that start at once get the same.

    Raises `ConfigError`, also if `FIRSTCLAIM_ERASURE_KEY` names a file that does not exist.
    """
    if (key := read_key(settings)) is not None:
        return key
    if settings.erasure_key is not None:
        reason = f"there is no file {settings.erasure_key}; make one with `openssl rand -hex 32`"
        raise ConfigError(VARIABLE, reason)
    path = key_file(settings)
    private_folder(path.parent)
    new_file = path.with_name(f".{NAME}.{os.getpid()}.{secrets.token_hex(4)}")
    try:
        with os.fdopen(os.open(new_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_hex(KEY_BYTES) + "\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(new_file, path)  # unlike a rename, this never replaces the key of another process
        except FileExistsError:
            pass
        finally:
            new_file.unlink()
    except OSError as error:
        raise ConfigError(VARIABLE, f"{path} cannot be created: {error}") from error
    if (key := read_key(settings)) is None:
        raise ConfigError(VARIABLE, f"{path} was removed while it was created")
    return key
