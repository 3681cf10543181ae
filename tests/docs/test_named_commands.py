"""Every command, option and variable that a document names is there, also where no test runs it."""

from __future__ import annotations

import re
import shlex
from importlib import import_module
from typing import TYPE_CHECKING, Any

import pytest
from pydantic_settings import BaseSettings
from typer.main import get_command

from cli import app
from tests.docs.repository import DOCS, ROOT, files, read

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PAGES = sorted(
    page
    for page in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *DOCS.rglob("*.md")]
    if "node_modules" not in page.parts
)
_INLINE = re.compile(r"`((?:\.venv/bin/)?firstclaim(?: [^`]*)?)`", re.DOTALL)
_BLOCK = re.compile(r"^ *```(?:sh)?\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
_LINE = re.compile(r"^ *(?:[A-Z_]+=\S+ )*((?:\.venv/bin/)?firstclaim .*)$", re.MULTILINE)
_VARIABLE = re.compile(r"\b(?:FIRSTCLAIM|KAFKA)_[A-Z][A-Z_]*[A-Z]\b")
COMMANDS: Any = get_command(app)
COURIERS = ("mail", "push", "telephone")
OF_AN_ORG = "FIRSTCLAIM_CHAT_URL_"
"""The beginning of the variables that name an org and a chat (`couriers.chat.settings`)."""


def named_commands(text: str) -> Iterator[str]:
    """Yield each command that a page names in a sentence, or shows in a block."""
    for match in _INLINE.finditer(text):
        yield " ".join(match[1].split())
    for block in _BLOCK.finditer(text):
        joined = block[1].replace("\\\n", " ")
        for line in _LINE.finditer(joined):
            yield line[1].split(" #")[0].split(" > ")[0].split(" | ")[0].strip()


def problem_of(text: str) -> str:
    """Return what is wrong with a command; empty if nothing is."""
    try:
        arguments = shlex.split(text.replace("…", "").replace("'", "\\'") if text.count("'") % 2 else text)[
            1:
        ]
    except ValueError as error:
        return f"{text}: {error}"
    command = COMMANDS
    options = {"--help", *(name for param in command.params for name in param.opts)}
    for word in arguments:
        if word.startswith("-") and word != "-":
            if word.split("=")[0] not in options:
                return f"{text}: no option {word}"
        elif hasattr(command, "commands"):
            if word not in command.commands:
                return "" if command.invoke_without_command else f"{text}: no command {word}"
            command = command.commands[word]
            options |= {name for param in command.params for name in (*param.opts, *param.secondary_opts)}
    return ""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_that_a_page_names_exists_with_its_options(page: Path) -> None:
    assert [problem for text in named_commands(read(page)) if (problem := problem_of(text))] == []


def test_a_command_or_option_that_is_not_there_is_found() -> None:
    text = "Run `firstclaim verfy` and `firstclaim status --jsno`.\n\n```sh\nA=b firstclaim locks fre L # all\n```\n"
    assert [problem_of(command) for command in named_commands(text)] == [
        "firstclaim verfy: no command verfy",
        "firstclaim status --jsno: no option --jsno",
        "firstclaim locks fre L: no command fre",
    ]


def test_every_variable_that_a_page_names_is_read_somewhere() -> None:
    code = "\n".join(read(path) for path in files() if path.suffix in {".py", ".yml", ".yaml", ""})
    settings = set(variables(BaseSettings))
    assert {"KAFKA_BOOTSTRAP_SERVERS", "FIRSTCLAIM_SMTP_HOST", "FIRSTCLAIM_TELEPHONE_ARI_URL"} <= settings
    names = {name for page in PAGES for name in _VARIABLE.findall(read(page))}
    names = {name for name in names if not name.startswith(OF_AN_ORG)}
    assert {name for name in names - settings if f'"{name}"' not in code and f"{name}:" not in code} == set()


def variables(settings: type[BaseSettings]) -> Iterator[str]:
    """Yield the environment variables of all classes of settings."""
    for module in ("streams.settings", "web.settings", *(f"couriers.{name}.settings" for name in COURIERS)):
        import_module(module)
    for kind in settings.__subclasses__():
        prefix = str(kind.model_config.get("env_prefix", ""))
        for name, field in kind.model_fields.items():
            yield str(field.validation_alias or f"{prefix}{name}").upper()
        yield from variables(kind)
