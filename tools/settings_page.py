"""Writes every setting with its values, default and meaning to a page: `python -m tools.settings_page`.

The page is docs/settings.md. A test compares it.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from types import NoneType
from typing import Final, Literal, get_args, get_origin

from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings

from couriers.chat.settings import ChatSettings
from couriers.mail.settings import MailSettings
from couriers.push.settings import PushSettings
from couriers.telephone.settings import TelephoneSettings
from streams.settings import Settings
from tools.settings_words import CORE, COURIERS, WEB
from web.settings import WebSettings

PAGE: Final = Path(__file__).parent.parent / "docs" / "settings.md"
BOUNDS: Final = {"ge": "from", "gt": "more than", "le": "to", "lt": "less than"}

_PAGE: Final = """# Settings

`python -m tools.settings_page` writes this page from the code. A setting is an environment variable, read once when a
process starts. An empty variable counts as none. A setting that is wrong or incomplete ends the process with
[exit code 78](runbook/exit-78.md) and a sentence that names the variable; nothing is completed by guessing.
[Run it for real](../README.md#run-it-for-real) says in which order to set them.

A secret is never printed, not in a log and not in an error.

## Every process

@CORE@

`KAFKA_SECURITY_PROTOCOL` must be named as soon as one of the settings of its kind is there: `KAFKA_SASL_…` needs
`SASL_SSL` or `SASL_PLAINTEXT`, and `KAFKA_SSL_…` needs `SSL` or `SASL_SSL`. With `SASL_…`, mechanism, user name and
password must all be set. Valkey and Postgres have their security in their addresses:
`rediss://…?ssl_ca_certs=FILE`, `postgresql://…?sslmode=verify-full&sslrootcert=FILE`.

## The console

It also reads the settings of mails (`FIRSTCLAIM_SMTP_…`) and push messages (`FIRSTCLAIM_PUSH_…`) below.

@WEB@

## Couriers

[Couriers](couriers.md) and [telephone](telephone.md) say what these mean. The ones of a channel are for its courier.

@COURIERS@

## Read elsewhere

| variable | what |
|---|---|
| `FIRSTCLAIM_LOG_FORMAT` | the form of log lines, `json` or `text`: [logs](operating.md#logs) |
| `FIRSTCLAIM_LOG_EVENTS` | `1`: a line for each record that was handled |
| `FIRSTCLAIM_COMPILED_CORE` | `auto`, `off` or `required`: the [compiled core](operating.md#the-compiled-core) |
| `OTEL_…` | where spans are sent: [traces](operating.md#traces) |
| `FIRSTCLAIM_PASSWORD` | the password that `firstclaim account add` would ask for |
| `FIRSTCLAIM_CHAT_URL_ORG__NAME` | the address of an org's chat: [couriers](couriers.md) |
"""


def page() -> str:
    """Return the page. Raises KeyError for a setting without a meaning."""
    couriers = (MailSettings, PushSettings, TelephoneSettings, ChatSettings)
    return (
        _PAGE.replace("@CORE@", "\n".join(_table(Settings, CORE)))
        .replace("@WEB@", "\n".join(_table(WebSettings, WEB)))
        .replace("@COURIERS@", "\n\n".join("\n".join(_short(kind)) for kind in couriers))
    )


def variables(kind: type[BaseSettings]) -> Iterator[tuple[str, FieldInfo]]:
    """Yield each setting of a class with its environment variable."""
    prefix = str(kind.model_config.get("env_prefix", ""))
    for name, field in kind.model_fields.items():
        yield str(field.validation_alias or f"{prefix}{name}").upper(), field


def _table(kind: type[BaseSettings], meanings: dict[str, str]) -> Iterator[str]:
    yield "| variable | values | default | meaning |"
    yield "|---|---|---|---|"
    for variable, field in variables(kind):
        yield f"| `{variable}` | {values_of(field)} | {default_of(field)} | {meanings[variable]} |"


def _short(kind: type[BaseSettings]) -> Iterator[str]:
    yield f"### {COURIERS[kind.__name__]}\n"
    yield "| variable | values | default |"
    yield "|---|---|---|"
    own_prefix = str(kind.model_config.get("env_prefix", ""))
    for variable, field in variables(kind):
        if variable.startswith(own_prefix) or "UNSUBSCRIBE" in variable:
            yield f"| `{variable}` | {values_of(field)} | {default_of(field)} |"


def values_of(field: FieldInfo) -> str:
    """Return which values a setting takes."""
    kinds = [kind for kind in (get_args(field.annotation) or (field.annotation,)) if kind is not NoneType]
    if get_origin(field.annotation) is Literal:
        return ", ".join(f"`{kind}`" for kind in kinds)
    if get_origin(kinds[0]) is Literal:
        return ", ".join(f"`{kind}`" for kind in get_args(kinds[0]))
    bounds = {
        word: getattr(constraint, bound)
        for constraint in field.metadata
        for bound, word in BOUNDS.items()
        if getattr(constraint, bound, None) is not None
    }
    bounds_text = " ".join(f"{word} {bound:,g}" for word, bound in bounds.items())
    names = {int: "whole number", float: "number", bool: "`true`, `false`", Path: "file or folder"}
    name = names.get(kinds[0], "secret" if kinds[0] is SecretStr else "text")
    return f"{name} {bounds_text}".strip()


def default_of(field: FieldInfo) -> str:
    """Return a setting's default as a value of the environment."""
    if field.default_factory is not None:
        return (
            "in the state folder" if "cache" not in repr(field.default_factory) else "`~/.cache/firstclaim`"
        )
    if field.default in (None, ""):
        return ""
    text = str(field.default).lower() if isinstance(field.default, bool) else str(field.default)
    return f"`{re.sub(r'[.]0$', '', text)}`"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
