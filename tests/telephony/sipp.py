"""SIP telephones by SIPp, each a process that takes one call and behaves like one kind of person."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from runtime.asterisk import command, programs_root
from runtime.process import free_port

if TYPE_CHECKING:
    from pathlib import Path

_PCAP_HEADER: Final = 24
_RECORD_HEADER: Final = 16
_UDP_END: Final = 14 + 20 + 8
"""Ethernet, IP and UDP headers of a packet."""
KEY_ONE_RECORDING: Final = "usr/share/sip-tester/dtmf_2833_1.pcap"
_ANSWER: Final = """SIP/2.0 200 OK
[last_Via:]
[last_From:]
[last_To:];tag=[pid]SIPpTag01[call_number]
[last_Call-ID:]
[last_CSeq:]
Contact: <sip:[local_ip]:[local_port];transport=[transport]>
Content-Type: application/sdp
Content-Length: [len]

v=0
o=user1 53655765 2353687637 IN IP[local_ip_type] [local_ip]
s=-
c=IN IP[media_ip_type] [media_ip]
t=0 0
m=audio [media_port] RTP/AVP 0 101
a=rtpmap:0 PCMU/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-15
"""


def _reply(code: int, reason: str) -> str:
    return (
        f"<send><![CDATA[\nSIP/2.0 {code} {reason}\n[last_Via:]\n[last_From:]\n"
        "[last_To:];tag=[pid]SIPpTag01[call_number]\n[last_Call-ID:]\n[last_CSeq:]\n"
        "Contact: <sip:[local_ip]:[local_port]>\nContent-Length: 0\n\n]]></send>\n"
    )


_OK: Final = (
    "<send><![CDATA[\nSIP/2.0 200 OK\n[last_Via:]\n[last_From:]\n[last_To:]\n[last_Call-ID:]\n[last_CSeq:]\n"
    "Content-Length: 0\n\n]]></send>\n"
)
_HANG_UP: Final = (
    '<send retrans="500"><![CDATA[\nBYE [next_url] SIP/2.0\nVia: SIP/2.0/[transport] [local_ip]:[local_port]'
    ";branch=[branch]\n"
    "From: <sip:[local_ip]:[local_port]>;tag=[pid]SIPpTag01[call_number]\nTo[$peer]\n[last_Call-ID:]\nCSeq: 1 BYE\n"
    'Max-Forwards: 70\nContent-Length: 0\n\n]]></send>\n<recv response="200"/>\n'
)


def _pause(milliseconds: int) -> str:
    return f'<pause milliseconds="{milliseconds}"/>\n'


def _press(number: int = 0) -> str:
    """Press 1. Each press of a call needs another number, because the same RTP packets would count as a repeat."""
    return f'<nop><action><exec play_pcap_audio="one-{number}.pcap"/></action></nop>\n'


def write_presses(folder: Path, most: int = 40) -> None:
    """Write SIPp's recording of the key 1 for each press of a call, with sequence numbers and timestamps that grow."""
    recording = (programs_root() / KEY_ONE_RECORDING).read_bytes()
    for number in range(most):
        changed, at = bytearray(recording), _PCAP_HEADER
        while at < len(recording):
            length = int.from_bytes(recording[at + 8 : at + 12], "little")
            rtp = at + _RECORD_HEADER + _UDP_END
            for place, size, more in ((rtp + 2, 2, 100 * number), (rtp + 4, 4, 16_000 * number)):
                value = int.from_bytes(recording[place : place + size], "big") + more
                changed[place : place + size] = (value % 256**size).to_bytes(size, "big")
            at += _RECORD_HEADER + length
        (folder / f"one-{number}.pcap").write_bytes(changed)


def _invited(ring_ms: int) -> str:
    return (
        '<recv request="INVITE" rrs="true"><action><ereg regexp=".*" search_in="hdr" header="From" assign_to="peer"/>'
        "</action></recv>\n" + _reply(180, "Ringing") + (_pause(ring_ms) if ring_ms else "")
    )


def _answers(ring_ms: int) -> str:
    return (
        _invited(ring_ms) + f'<send retrans="500"><![CDATA[\n{_ANSWER}\n]]></send>\n<recv request="ACK"/>\n'
    )


def presses(times: int, *, ring_ms: int = 300) -> str:
    """Answer, and press 1 every second until it is hung up."""
    wait = '<recv request="BYE" optional="true" next="1" timeout="{0}" ontimeout="{1}"/>\n'
    steps = [_answers(ring_ms), _pause(700)]
    for number in range(times):
        label = number + 10
        steps += [
            f'<label id="{label}"/>\n',
            _press(number),
            wait.format(1200, label + 1).replace(' optional="true"', ""),
        ]
    steps += [f'<label id="{times + 10}"/>\n', '<recv request="BYE"/>\n', '<label id="1"/>\n', _OK]
    return "".join(steps)


def presses_once_and_hangs_up(after_ms: int) -> str:
    """Answer, press 1, and hang up later, unless it is hung up before."""
    return "".join(
        (
            _answers(300),
            _pause(700),
            _press(),
            f'<recv request="BYE" next="1" timeout="{after_ms}" ontimeout="2"/>\n',
            '<label id="2"/>\n',
            _HANG_UP.replace('<recv response="200"/>', '<recv response="200" next="3"/>'),
            '<label id="1"/>\n',
            _OK,
            '<label id="3"/>\n',
        )
    )


def listens(*, ring_ms: int = 0) -> str:
    """Answer and press nothing, as an answering machine does, until it is hung up."""
    return _answers(ring_ms) + '<recv request="BYE"/>\n' + _OK


def is_busy() -> str:
    """Refuse the call because the line is busy."""
    return '<recv request="INVITE"/>\n' + _reply(486, "Busy Here") + '<recv request="ACK"/>\n'


def is_away() -> str:
    """Ring until the caller gives up."""
    return (
        _invited(0)
        + '<recv request="CANCEL"/>\n'
        + _OK
        + _reply(487, "Request Terminated")
        + '<recv request="ACK"/>\n'
    )


def talks(milliseconds: int) -> str:
    """Answer, talk for some time, and hang up: the lead."""
    return _answers(500) + _pause(milliseconds) + _HANG_UP


@dataclass
class Telephone:
    """A telephone that takes one call. `trace`: every SIP message, with its time."""

    name: str
    folder: Path
    scenario: str
    port: int = 0

    def __post_init__(self) -> None:
        self.port = self.port or free_port()
        if not (self.folder / "one-0.pcap").exists():
            write_presses(self.folder)
        self.trace = self.folder / f"{self.name}.sip"
        file = self.folder / f"{self.name}.xml"
        uses = '<Reference variables="peer"/>\n' if "peer" in self.scenario else ""
        head = '<?xml version="1.0" encoding="ISO-8859-1"?>\n<scenario name="phone">\n'
        file.write_text(f"{head}{self.scenario}{uses}</scenario>\n")
        self.process = subprocess.Popen(
            [
                *command("usr/bin/sipp"),
                *("-sf", str(file), "-i", "127.0.0.1", "-p", str(self.port), "-mi", "127.0.0.1"),
                *(
                    "-mp",
                    str(free_port()),
                    "-m",
                    "1",
                    "-nostdin",
                    "-trace_msg",
                    "-message_file",
                    str(self.trace),
                ),
                *("-trace_err", "-error_file", str(self.folder / f"{self.name}.errors")),
                *self.target(),
            ],
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=(self.folder / f"{self.name}.log").open("w"),
        )

    def target(self) -> list[str]:
        """Return whom it calls: nobody."""
        return []

    @property
    def uri(self) -> str:
        """Its SIP address."""
        return f"sip:{self.name}@127.0.0.1:{self.port}"

    @property
    def ended(self) -> bool:
        """Whether its call is over."""
        return self.process.poll() is not None

    def stop(self) -> None:
        """End the process."""
        if not self.ended:
            self.process.kill()
        self.process.wait()

    def messages(self) -> list[tuple[float, str]]:
        """Return its SIP messages as (seconds since the epoch, `sent` or `received` with the first line)."""
        messages: list[tuple[float, str]] = []
        if not self.trace.exists():
            return messages
        at, way = 0.0, ""
        for line in self.trace.read_text(errors="replace").splitlines():
            if line.startswith("-----") and line.endswith("Z"):
                at = datetime.fromisoformat(line.split()[-1]).timestamp()
            elif line.startswith(("UDP message ", "TCP message ")):
                way = line.split()[2]
            elif way and line.strip() and not line.startswith("----"):
                messages.append((at, f"{way} {line.strip()}"))
                way = ""
        return messages


_INVITE: Final = """\
<send retrans="500"><![CDATA[
INVITE sip:{called}@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:{caller}@[local_ip]:[local_port]>;tag=[pid]SIPpTag00[call_number]
To: <sip:{called}@[remote_ip]:[remote_port]>
Call-ID: [call_id]
CSeq: 1 INVITE
Contact: <sip:{caller}@[local_ip]:[local_port]>
Max-Forwards: 70
Content-Type: application/sdp
Content-Length: [len]

v=0
o=user1 53655765 2353687637 IN IP[local_ip_type] [local_ip]
s=-
c=IN IP[media_ip_type] [media_ip]
t=0 0
m=audio [media_port] RTP/AVP 0 101
a=rtpmap:0 PCMU/8000
a=rtpmap:101 telephone-event/8000

]]></send>
<recv response="100" optional="true"/>
<recv response="180" optional="true"/>
<recv response="183" optional="true"/>
<recv response="200" rtd="true"/>
<send><![CDATA[
ACK sip:{called}@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:{caller}@[local_ip]:[local_port]>;tag=[pid]SIPpTag00[call_number]
[last_To:]
Call-ID: [call_id]
CSeq: 1 ACK
Max-Forwards: 70
Content-Length: 0

]]></send>
<recv request="BYE"/>
"""


class Caller(Telephone):
    """A telephone that calls a number of Asterisk, and stays until it is hung up."""

    def __init__(self, name: str, folder: Path, to: int, called: str, caller: str) -> None:
        self.to = f"127.0.0.1:{to}"
        super().__init__(name, folder, _INVITE.replace("{called}", called).replace("{caller}", caller) + _OK)

    def target(self) -> list[str]:
        """Return the address to call."""
        return [self.to]
