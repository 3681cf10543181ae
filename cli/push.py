"""Defines the command for push messages: the key that signs them."""

from pathlib import Path
from typing import Annotated

import typer

from models.errors import ConfigError


def push_key(
    file: Annotated[
        Path | None,
        typer.Option(
            "--file", help="The file for the private key. Default: push-key.pem in the state folder."
        ),
    ] = None,
) -> None:
    """Create the key that signs push messages (VAPID), and print its public part.

    The push courier needs the file, as FIRSTCLAIM_PUSH_PRIVATE_KEY_FILE. The console needs it as well, or only the
    public part as FIRSTCLAIM_PUSH_PUBLIC_KEY. An existing file is never replaced, because with another key every
    browser has to be turned on again.

    Example: firstclaim push-key --file push-key.pem
    """
    from couriers.push.settings import make_key, public_key_of
    from streams.file_permissions import private_folder
    from streams.settings import Settings

    if file is None:
        file = Settings.read().state_dir / "push-key.pem"
        private_folder(file.parent)
    try:
        key = make_key(file)
    except FileExistsError as error:
        raise ConfigError("--file", f"{file} exists; a new key would end every subscription") from error
    except OSError as error:
        raise ConfigError("--file", f"{file} cannot be written: {error}") from error
    typer.echo(f"FIRSTCLAIM_PUSH_PRIVATE_KEY_FILE={file.absolute()}")
    typer.echo(f"FIRSTCLAIM_PUSH_PUBLIC_KEY={public_key_of(key)}")


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.command("push-key")(push_key)
