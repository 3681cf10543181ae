"""Fetches Asterisk, SIPp and espeak-ng for `make test-telephony` and unpacks them into a folder.

The programs come from a Debian suite that has them, by the machine's own apt and its configured mirror. Nothing is
installed: the packages with all their libraries are unpacked into one folder, and the programs are started by that
folder's own loader (`runtime/asterisk.py`). Neither root nor a chroot is needed.
"""

import argparse
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

PACKAGES: Final = ("asterisk", "sip-tester", "espeak-ng")
SUITE: Final = "sid"
"""Debian's stable suites have no Asterisk."""
KEYS: Final = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
"""Debian's keys. Without this file apt takes the keys that it trusts."""
INTO: Final = Path("build/telephony")
ADVICE: Final = (
    "The telephone's tests need Asterisk, SIPp and espeak-ng from Debian's suite {suite}. apt-get fetches them, so a"
    " Debian or Ubuntu machine with access to a Debian mirror is needed. Name another mirror with"
    " TELEPHONY_MIRROR=URL, another suite with TELEPHONY_SUITE=NAME, or unpack the packages asterisk, sip-tester and"
    " espeak-ng with their libraries into {folder}/root yourself and create the file {folder}/ready."
)
_FETCH_SECONDS: Final = 900
_UNPACK_SECONDS: Final = 120


class FetchFailedError(Exception):
    """The programs cannot be had. The message says why."""


def main() -> int:
    """Fetch and unpack the programs, unless they are there already. Return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--suite", default=SUITE, help="the Debian suite")
    parser.add_argument("--mirror", help="the Debian mirror; by default the one that apt is configured with")
    parser.add_argument("--into", type=Path, default=INTO, help="the folder")
    arguments = parser.parse_args()
    folder: Path = arguments.into.absolute()
    if (folder / "ready").is_file():
        return 0
    try:
        fetch(folder, arguments.suite, arguments.mirror)
    except FetchFailedError as error:
        print(f"{error}\n{ADVICE.format(suite=arguments.suite, folder=arguments.into)}", file=sys.stderr)  # noqa: T201
        return 1
    return 0


def fetch(folder: Path, suite: str, mirror: str | None) -> None:
    """Fetch the packages with all that they need, and unpack them into `folder/root`. Raises FetchFailedError."""
    for program in ("apt-get", "dpkg-deb"):
        if shutil.which(program) is None:
            raise FetchFailedError(f"{program} is missing")
    signed = f"Signed-By: {KEYS}\n" if KEYS.is_file() else ""
    source = f"Types: deb\nURIs: {mirror or configured_mirror()}\nSuites: {suite}\nComponents: main\n{signed}"
    apt = folder / "apt"
    for name in ("etc", "lists/partial", "cache/archives/partial"):
        (apt / name).mkdir(parents=True, exist_ok=True)
    (apt / "etc" / "suite.sources").write_text(source)
    # The machine's own packages do not count: every library comes from the suite.
    (apt / "status").write_text("")
    options = {
        "Dir::Etc::sourcelist": apt / "etc" / "suite.sources",
        "Dir::Etc::sourceparts": "-",
        "Dir::State": apt,
        "Dir::State::lists": apt / "lists",
        "Dir::State::status": apt / "status",
        "Dir::Cache": apt / "cache",
        "APT::Install-Recommends": "0",
        "APT::Sandbox::User": "",
        "Debug::NoLocking": "1",
    }
    command = [
        "apt-get",
        "-qq",
        *(part for name, value in options.items() for part in ("-o", f"{name}={value}")),
    ]
    _run([*command, "update"])
    _run([*command, "-y", "--download-only", "install", *PACKAGES])
    root = folder / "root"
    # Debian's programs lie in /usr; the old names are links to it.
    for name in ("bin", "sbin", "lib", "lib64"):
        (root / "usr" / name).mkdir(parents=True, exist_ok=True)
        if not (root / name).is_symlink():
            (root / name).symlink_to(f"usr/{name}")
    for package in sorted((apt / "cache" / "archives").glob("*.deb")):
        _run(["dpkg-deb", "--extract", str(package), str(root)], _UNPACK_SECONDS)
    shutil.rmtree(apt)
    (folder / "ready").touch()


def configured_mirror() -> str:
    """Return the URI of the Debian mirror that apt is configured with. Raises FetchFailedError."""
    form = "$(ORIGIN)|$(LABEL)|$(REPO_URI)"
    for line in _run(["apt-get", "indextargets", "--format", form]).splitlines():
        origin, label, uri = line.split("|")
        if origin == label == "Debian":
            return uri
    raise FetchFailedError("apt knows no Debian mirror; run `apt-get update` first, or name one")


def _run(command: list[str], seconds: int = _FETCH_SECONDS) -> str:
    try:
        completed = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired as error:
        raise FetchFailedError(f"{command[0]} did not end within {seconds} s") from error
    if completed.returncode:
        raise FetchFailedError(f"{' '.join(command[:1] + command[-2:])}: {completed.stderr.strip()[-600:]}")
    return completed.stdout


if __name__ == "__main__":
    sys.exit(main())
