"""Runs a real Asterisk on this machine, for telephone tests and demonstrations. It listens on 127.0.0.1 only.

Its program is one of those that `make telephony` unpacks into `build/telephony`. A production Asterisk is set up by its
own administrator; docs/telephone.md says what it needs.
"""

from __future__ import annotations

import json
import os
import secrets
import shlex
import urllib.error
import urllib.request
from base64 import b64encode
from pathlib import Path
from typing import ClassVar, Final

from models.errors import ConfigError
from runtime.server import LocalServer
from streams.file_permissions import private_folder, write_private

PROGRAMS: Final = Path("build/telephony")
"""Where the programs are, unless `FIRSTCLAIM_TELEPHONY_PROGRAMS` names another folder."""
APP: Final = "firstclaim"
_LOADER: Final = "lib64/ld-linux-x86-64.so.2"
_LIBRARIES: Final = ("usr/lib/x86_64-linux-gnu", "usr/lib/x86_64-linux-gnu/pulseaudio")
_RTP_PORTS: Final = (10_000, 14_999)
_ANSWER_SECONDS: Final = 2.0
_TRUNK: Final = """\
[transport-udp]
type=transport
protocol=udp
bind=127.0.0.1:{sip}

[trunk]
type=endpoint
context=inbound
disallow=all
allow=ulaw
direct_media=no
dtmf_mode=rfc4733

[trunk-identify]
type=identify
endpoint=trunk
match=127.0.0.1
"""
_DIALPLAN: Final = f"""\
[inbound]
exten => _[+0-9].,1,Stasis({APP},inbound,${{EXTEN}})
 same => n,Hangup()
"""


def programs_root() -> Path:
    """Return the folder with the unpacked programs. Raises ConfigError if they are not there."""
    folder = Path(os.environ.get("FIRSTCLAIM_TELEPHONY_PROGRAMS", PROGRAMS)).absolute()
    if not (folder / "ready").is_file():
        raise ConfigError(
            "FIRSTCLAIM_TELEPHONY_PROGRAMS", f"{folder} has no Asterisk; `make telephony` fetches it"
        )
    return folder / "root"


def command(program: str) -> list[str]:
    """Return the command line of an unpacked program, such as `usr/bin/sipp`, with its own libraries."""
    root = programs_root()
    libraries = ":".join(str(root / library) for library in _LIBRARIES)
    return [str(root / _LOADER), "--library-path", libraries, str(root / program)]


def espeak_command() -> str:
    """Return the command line of the unpacked espeak-ng, as the telephone courier's setting takes it."""
    data = programs_root() / "usr/lib/x86_64-linux-gnu"
    return shlex.join([*command("usr/bin/espeak-ng"), f"--path={data}"])


class AsteriskServer(LocalServer):
    """An Asterisk with ARI and one SIP endpoint, `trunk`, which may call any SIP address and take calls.

    A call to a number of digits enters the Stasis application `firstclaim` with the arguments `inbound` and the number.
    """

    name = "asterisk"
    port_names: ClassVar[tuple[str, ...]] = ("http", "sip")
    user: ClassVar[str] = "firstclaim"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.password = secrets.token_urlsafe(16)

    @property
    def address(self) -> str:
        """The base URL of ARI."""
        return f"http://127.0.0.1:{self.ports['http']}/ari"

    @property
    def program(self) -> Path:
        """The loader that starts it with its own libraries."""
        return Path(command("usr/sbin/asterisk")[0])

    def arguments(self) -> list[str]:
        """Return the loader's arguments."""
        config = self.folder / "etc" / "asterisk.conf"
        return [*command("usr/sbin/asterisk")[1:], "-f", "-q", "-n", "-C", str(config)]

    def prepare(self) -> None:
        """Write its configuration."""
        root = programs_root()
        folders = {
            name: self.folder / name for name in ("etc", "var", "db", "keys", "agi", "spool", "run", "log")
        }
        for folder in folders.values():
            private_folder(folder)
        directories = {
            "astetcdir": folders["etc"],
            "astmoddir": root / "usr/lib/x86_64-linux-gnu/asterisk/modules",
            "astvarlibdir": folders["var"],
            "astdbdir": folders["db"],
            "astkeydir": folders["keys"],
            "astdatadir": root / "usr/share/asterisk",
            "astagidir": folders["agi"],
            "astspooldir": folders["spool"],
            "astrundir": folders["run"],
            "astlogdir": folders["log"],
        }
        lines = "\n".join(f"{name} = {folder}" for name, folder in directories.items())
        first, last = _RTP_PORTS
        files = {
            "asterisk.conf": f"[directories]\n{lines}\n",
            "modules.conf": "[modules]\nautoload=yes\n",
            "logger.conf": "[logfiles]\nmessages => notice,warning,error\n",
            "http.conf": f"[general]\nenabled=yes\nbindaddr=127.0.0.1\nbindport={self.ports['http']}\n",
            "ari.conf": f"[general]\nenabled=yes\n[{self.user}]\ntype=user\npassword={self.password}\n",
            "pjsip.conf": _TRUNK.format(sip=self.ports["sip"]),
            "rtp.conf": f"[general]\nrtpstart={first}\nrtpend={last}\n",
            "extensions.conf": _DIALPLAN,
        }
        for file, content in files.items():
            write_private(folders["etc"] / file, content)

    def answers(self) -> bool:
        """Tell whether ARI answers and Asterisk is booted."""
        request = urllib.request.Request(f"{self.address}/asterisk/ping", headers=self.authorization())  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=_ANSWER_SECONDS) as answer:  # noqa: S310
                return bool(json.load(answer).get("ping") == "pong")
        except urllib.error.HTTPError:
            return False

    def authorization(self) -> dict[str, str]:
        """Return the header with user and password."""
        pair = b64encode(f"{self.user}:{self.password}".encode()).decode()
        return {"Authorization": f"Basic {pair}"}
