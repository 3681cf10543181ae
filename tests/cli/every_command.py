"""Every command of typer's registry, with arguments that it accepts. A new command is included automatically."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from typer.main import get_command

from cli import app

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LEAD: Final = "0c929b85-3707-5b16-91e8-0d9f3ddc6570"
RUNS_ON: Final = frozenset(
    {
        *("up", "worker", "relay", "sink", "board", "courier", "console", "demo", "bench", "chaos", "storm"),
        "race",
    }
)
"""Commands that run until they are stopped, or that start their own stack. Other tests run them as processes."""
FILES: Final = {
    "leads.csv": "id,last,phone\n1,Jones,4014194247\n",
    "directory.yaml": "settings: {lock_minutes: 30}\n",
    "mapping.yaml": "external_id: id\nreply: leadconduit\n",
    "list.csv": f"lead_id\n{LEAD}\n",
}
SECONDS: Final = "2"
"""How long a command waits for an answer, unless the caller says it."""
ARGUMENTS: Final = {
    "send": ["leads.csv", "--vendor", "v", "--campaign", "c"],
    "assign": ["--from", "list.csv", "--to", "rep-1", "--by", "boss", "--seconds", SECONDS],
    "reassign": [LEAD, "--to", "rep-1", "--by", "boss", "--why", "w", "--seconds", SECONDS],
    "unassign": [LEAD, "--by", "boss", "--why", "w", "--seconds", SECONDS],
    "redistribute": [LEAD, "--by", "boss", "--seconds", SECONDS],
    "merge": [LEAD, "--into", "7c9e6679-7425-40de-944b-e07fc1f90ae7", "--by", "boss", "--seconds", SECONDS],
    "split": [
        LEAD,
        "--inquiry",
        "7c9e6679-7425-40de-944b-e07fc1f90ae7",
        "--by",
        "boss",
        "--seconds",
        SECONDS,
    ],
    "reopen": [LEAD, "--by", "boss", "--why", "w", "--seconds", SECONDS],
    "update": [LEAD, "--set", "state=RI", "--by", "boss", "--seconds", SECONDS],
    "activity": [LEAD, "--kind", "call", "--by", "boss", "--seconds", SECONDS],
    "consent": [LEAD, "--by", "boss", "--why", "w", "--seconds", SECONDS],
    "claim": [LEAD, "--rep", "rep-1", "--seconds", SECONDS],
    "erase": ["--lead", LEAD, "--by", "boss", "--seconds", "1"],  # it takes no shorter time
    "exceptions ignore": [LEAD, "--by", "boss", "--seconds", SECONDS],
    "locks free": [LEAD, "--by", "boss", "--why", "w", "--seconds", SECONDS],
    "exceptions unignore": [LEAD, "--by", "boss", "--seconds", SECONDS],
    "directory apply": ["directory.yaml", "--yes"],
    "dead-letters show": ["0:0"],
    "dead-letters replay": ["--all"],
    "dead-letters pass-over": ["lead-arrivals:0:0", "--why", "w"],
    "dead-letters skip": ["--class", "nothing"],
    "crm rebuild": ["--dry-run"],
    "rules try": ['{"rules": [{"field": "state", "operator": "=", "value": "RI"}]}'],
    "token issue": ["--rep", "rep-1", "--name", "n", "--scope", "queues:read"],
    "vendor try": ["leads.csv"],
    "vendor key issue": ["acme", "--name", "n", "--signing-secret", "new"],
    "vendor mapping set": ["acme", "mapping.yaml"],
    "verify": ["--wait-seconds", "1"],
}
"""Arguments with a meaning. For other commands, each required parameter gets a value of its type."""


def leaves(command: Any = None, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Yield (name, command) for every command. A group that does something itself is also a command."""
    command = get_command(app) if command is None else command
    if not hasattr(command, "commands"):
        yield " ".join(path), command
        return
    if command.invoke_without_command and path:
        yield " ".join(path), command
    for name, sub in command.commands.items():
        yield from leaves(sub, (*path, name))


def arguments(name: str, command: Any, folder: Path, seconds: str = SECONDS) -> list[str]:
    """Return the arguments with which to call a command. `seconds`: how long it waits for an answer."""
    for file, text in FILES.items():
        (folder / file).write_text(text)
    if name in ARGUMENTS:
        values = [str(folder / argument) if argument in FILES else argument for argument in ARGUMENTS[name]]
        if SECONDS in values:
            values[values.index(SECONDS)] = seconds
        return [*name.split(), *values]
    command_line = name.split()
    for parameter in command.params:
        if parameter.required:
            value = _value(parameter, folder)
            command_line += [value] if parameter.param_type_name == "argument" else [parameter.opts[0], value]
    return command_line


def _value(parameter: Any, folder: Path) -> str:
    kind = str(parameter.type_descriptor.annotation)
    if "Path" in kind:
        return str(folder / "leads.csv")
    if "int" in kind or "float" in kind:
        return "1"
    return LEAD if "lead" in parameter.name else "x"
