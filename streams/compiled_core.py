"""Lets a process run the compiled core: hot modules as C extensions, made by `make compiled` from these same sources.

The core is optional. A worker and a relay call `use` before they import what may be compiled. Commands, and `verify`
among them, do not, so `verify` decides again in plain Python what compiled code has decided.

The extensions do not lie beside the sources, where Python would prefer them to a changed source without a word. They
lie in `streams/compiled`, with the digest of the source that each was made from. A process uses all of them or none:
one source that differs, and it runs the sources.
"""

import json
import os
import sys
from collections.abc import Mapping, Sequence
from hashlib import sha256
from importlib.abc import MetaPathFinder
from importlib.machinery import EXTENSION_SUFFIXES, ModuleSpec
from importlib.util import spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Final, NamedTuple

from models.errors import ConfigError

ROOT: Final = Path(__file__).parents[1]
"""The folder of our packages: the checkout, or `site-packages`."""
FOLDER: Final = Path(__file__).with_name("compiled")
HEADERS: Final = ROOT / "tools"
"""Where the C headers are that every compiled module contains."""
MANIFEST: Final = "manifest.json"
SUFFIX: Final = EXTENSION_SUFFIXES[0]
"""The end of an extension's name. It names the interpreter's version and the platform."""

VARIABLE: Final = "FIRSTCLAIM_COMPILED_CORE"
AUTO, OFF, REQUIRED = "auto", "off", "required"


class Manifest(NamedTuple):
    """What was compiled. `suffix`: for which interpreter and platform. `sources`: a module -> its source's SHA-256.

    `headers`: a C header's name -> its SHA-256. The headers lie in `tools`.
    """

    suffix: str
    sources: dict[str, str]
    headers: dict[str, str]


class Core(NamedTuple):
    """What a process runs. `modules`: how many are compiled. `reason`: why none is; empty if they are compiled."""

    modules: int
    reason: str = ""

    @property
    def name(self) -> str:
        """What the log and the metrics call it."""
        return "compiled" if self.modules else "interpreted"


_core = Core(0, "this process does not use it")


def running() -> Core:
    """Return what this process runs."""
    return _core


def use(environment: Mapping[str, str] = os.environ, folder: Path = FOLDER, root: Path = ROOT) -> Core:
    """Import the compiled modules from now on, if they fit the sources; return what is used.

    `FIRSTCLAIM_COMPILED_CORE`: `auto`, the default; `off`; or `required`, which raises ConfigError where the core
    cannot be used.
    """
    global _core  # noqa: PLW0603  # a process has one import system, and so one core
    mode = environment.get(VARIABLE, "").lower() or AUTO
    if mode not in {AUTO, OFF, REQUIRED}:
        raise ConfigError(VARIABLE, f"is {mode!r}; it must be {AUTO}, {OFF} or {REQUIRED}")
    if mode == OFF:
        _core = Core(0, f"{VARIABLE} is {OFF}")
        return _core
    sources, reason = usable(folder, root)
    imported = sorted(sources & sys.modules.keys())
    if imported and not any(isinstance(finder, _CoreFinder) for finder in sys.meta_path):
        sources, reason = frozenset(), f"{imported[0]} was imported before"
    if mode == REQUIRED and not sources:
        raise ConfigError(VARIABLE, f"is {REQUIRED}, and the compiled core cannot be used: {reason}")
    if sources and not imported:
        sys.meta_path.insert(0, _CoreFinder({name: extension(folder, name) for name in sources}))
    _core = Core(len(sources), reason)
    return _core


def usable(folder: Path = FOLDER, root: Path = ROOT) -> tuple[frozenset[str], str]:
    """Return the modules of the compiled core; none, and the reason, if it cannot be used with these sources."""
    try:
        manifest = read_manifest(folder)
    except FileNotFoundError:
        return frozenset(), "it is not built"
    except (OSError, ValueError, TypeError, KeyError) as error:
        return frozenset(), f"{folder / MANIFEST} cannot be read: {error!r}"
    if manifest.suffix != SUFFIX:
        return frozenset(), f"it was compiled for {manifest.suffix}, and this Python is {SUFFIX}"
    for name, digest in manifest.sources.items():
        try:
            now = digest_of(source(root, name).read_bytes())
        except OSError as error:
            return frozenset(), f"the source of {name} cannot be read: {error}"
        if now != digest:
            return frozenset(), f"{source(root, name)} changed after it was compiled; compile again"
        if not extension(folder, name).is_file():
            return frozenset(), f"{extension(folder, name)} is missing; compile again"
    for name, digest in manifest.headers.items():
        header = HEADERS / name
        if header.is_file() and digest_of(header.read_bytes()) != digest:
            return frozenset(), f"{header} changed after it was compiled; compile again"
    return frozenset(manifest.sources), "" if manifest.sources else "it has no module"


def read_manifest(folder: Path) -> Manifest:
    """Read what was compiled into a folder."""
    manifest = json.loads((folder / MANIFEST).read_bytes())
    sources, headers = (
        {str(name): str(digest) for name, digest in manifest[kind].items()} for kind in ("sources", "headers")
    )
    return Manifest(str(manifest["suffix"]), sources, headers)


def source(root: Path, name: str) -> Path:
    """Return the file of a module's source."""
    return root.joinpath(*name.split(".")).with_suffix(".py")


def extension(folder: Path, name: str) -> Path:
    """Return the file of a compiled module."""
    return folder / f"{name}{SUFFIX}"


def digest_of(content: bytes) -> str:
    """Return the digest by which a source is recognised."""
    return sha256(content).hexdigest()


class _CoreFinder(MetaPathFinder):
    """Finds the compiled modules before Python looks for sources."""

    def __init__(self, extensions: Mapping[str, Path]) -> None:
        self._extensions = extensions

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return where a compiled module is; None for every other module."""
        del path, target
        location = self._extensions.get(fullname)
        return None if location is None else spec_from_file_location(fullname, location)
