"""Runs `firstclaim up`: local servers where the settings name none, and each stage as a supervised process."""

import secrets
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from application import process_records
from couriers.push.settings import make_key
from runtime import ChildProcess, LocalStack, Supervisor
from runtime.interrupts import Interrupts
from runtime.jars import progress_bar
from runtime.last_exits import exit_file
from runtime.mailbox import Mailbox
from runtime.process import FolderLock, free_port
from streams.file_permissions import private_folder
from streams.masking import masked_url
from streams.ports import check_port
from streams.settings import Settings
from web.settings import WebSettings

if TYPE_CHECKING:
    from runtime.supervisor import SupervisedPart


@dataclass
class RunningStack:
    """A running stack. `ports`: the port of each process's `/ready`, by process name.

    `mailbox`: ours, if it gets the mails.
    """

    settings: Settings
    local: LocalStack
    supervisor: Supervisor
    ports: dict[str, int]
    children: dict[str, ChildProcess]
    interrupts: Interrupts
    mailbox: Mailbox | None = None

    @property
    def first_account_url(self) -> str:
        """The console's page on which the first account is made, with its key."""
        key = (self.children["console"].environment or {})[_FIRST_ACCOUNT]
        return f"http://127.0.0.1:{self.ports['console']}/first-account?key={key}"

    def wait_for_interrupt(self) -> None:
        """Wait for ^C, SIGTERM, or the end of the terminal."""
        self.interrupts.wait()


COURIERS: Final = {"courier-mail": ["courier", "--channel", "mail"]}
"""The couriers that `up` starts: name -> command."""
PUSH_COURIER: Final = "courier-push"
MAIL_SETTINGS: Final = "FIRSTCLAIM_SMTP_"
"""The prefix of the mail courier's settings. The console sends its mails of accounts with them."""
PUSH_SETTINGS: Final = "FIRSTCLAIM_PUSH_"
"""The prefix of the push courier's settings. The console needs the key with which browsers subscribe."""
PUSH_KEYS: Final = (f"{PUSH_SETTINGS}PRIVATE_KEY", f"{PUSH_SETTINGS}PRIVATE_KEY_FILE")
PUSH_KEY: Final = "push-key.pem"
"""The file with the demo's own key in the state folder."""
TELEPHONE_COURIER: Final = "courier-call"
_FIRST_ACCOUNT: Final = str(WebSettings.model_fields["first_account_key"].validation_alias)
TELEPHONE_SETTINGS: Final = "FIRSTCLAIM_TELEPHONE_"
"""The prefix of the telephone courier's settings."""
TELEPHONE_SYSTEMS: Final = (f"{TELEPHONE_SETTINGS}ARI_URL", f"{TELEPHONE_SETTINGS}WEBHOOK_URL")
"""The settings that name a telephone system: Asterisk, Twilio."""
MAILBOX: Final = "mailbox"
"""The folder of the mailbox in the state folder."""
NOTHING: Final[Mapping[str, str]] = MappingProxyType({})


def child(
    name: str, arguments: list[str], settings: Settings, port: int, more: Mapping[str, str] = NOTHING
) -> ChildProcess:
    """Return one of our processes: `firstclaim ARGUMENTS`. It is ready when its `/ready` returns 200.

    `more`: further environment variables.
    """
    return ChildProcess(
        name=name,
        argv=[sys.executable, "-m", "cli", *arguments, "--port", str(port)],
        log_file=settings.state_dir / "log" / f"{name}.log",
        environment={**_inherited(), **settings.environment(), **more},
        ready_url=f"http://127.0.0.1:{port}/ready",
        exit_file=exit_file(settings.state_dir, name),
    )


def _inherited() -> dict[str, str]:
    import os  # noqa: PLC0415  # for what a process needs from our environment: the places of programs and libraries

    names = (
        "PATH",
        "HOME",
        "LANG",
        "TZ",
        "PYTHONPATH",
        "VIRTUAL_ENV",
        "XDG_CACHE_HOME",
        "SSL_CERT_FILE",
        "TMPDIR",
        *(str(field.validation_alias) for field in WebSettings.model_fields.values()),
    )
    couriers = [
        name for name in os.environ if name.startswith((MAIL_SETTINGS, PUSH_SETTINGS, TELEPHONE_SETTINGS))
    ]
    return {name: os.environ[name] for name in (*names, *couriers) if name in os.environ}


def _inherited_with(prefix: str) -> dict[str, str]:
    return {name: value for name, value in _inherited().items() if name.startswith(prefix)}


def _push(folder: Path, *, with_own_key: bool) -> dict[str, str]:
    """Return the settings of push messages; `with_own_key`: with a key of our own in `folder` if none is given."""
    push_settings = _inherited_with(PUSH_SETTINGS)
    if not with_own_key or any(name in push_settings for name in PUSH_KEYS):
        return push_settings
    file = folder / PUSH_KEY
    if not file.exists():
        make_key(file)
    return {**push_settings, PUSH_KEYS[1]: str(file)}


def _of_console(box: Mailbox | None, *, rings: bool) -> dict[str, str]:
    """Return the console's own settings, unless the environment has them.

    They are the address of our mailbox, whether call buttons ring a telephone, and a new key for the first account.
    """
    console_settings = {_FIRST_ACCOUNT: secrets.token_urlsafe(32)}
    if box is not None:
        console_settings[str(WebSettings.model_fields["mailbox_url"].validation_alias)] = box.url
    if rings:
        console_settings[str(WebSettings.model_fields["telephone"].validation_alias)] = "true"
    inherited = _inherited()
    return console_settings | {name: inherited[name] for name in console_settings if inherited.get(name)}


def _public_url(console_port: int | None) -> dict[str, str]:
    """Return the console's address for links in mails: the given one, or the local console's."""
    variable = WebSettings.model_fields["public_url"].validation_alias
    if console_port is None or str(variable) in _inherited():
        return {}
    return {str(variable): f"http://127.0.0.1:{console_port}"}


@contextmanager
def everything(
    *,
    workers: int,
    state_dir: Path | None,
    say: Callable[[str], None],
    static_members: bool = True,
    console_port: int | None = None,
    secure: bool = False,
    mailbox: bool = False,
) -> Iterator[RunningStack]:
    """Start all parts, yield when all are ready, and stop all in reverse order.

    `secure`: Kafka requires authentication, and each process signs in as itself with only its own ACLs.

    The mail courier is started if the environment names an SMTP server, the push courier if it names a VAPID key, the
    telephone courier if it names a telephone system.
    `mailbox`: without them, mails go to a mailbox of ours in the state folder, and the key is made there.

    `console_port`: the port of the web console, 0 for any free one; None starts no console.

    Workers are static members: a killed worker gets its partitions back without a rebalance of the others. A part with
    progress is waited for, however busy the machine is.

    Raises `StartFailed` with the end of the log of the part that did not become ready, `StateInUse` if another stack
    runs in the folder, `ConfigError` if the console's port is taken.
    """
    folder = (Settings.read().state_dir if state_dir is None else state_dir).absolute()
    with Interrupts() as interrupts, _the_only_one(folder):
        if console_port:
            check_port(console_port, "--console-port")
        with _started(
            folder, secure, workers, say, static_members, console_port, interrupts, mailbox
        ) as running:
            try:
                yield running
            finally:
                interrupts.closing()


@contextmanager
def _the_only_one(folder: Path) -> Iterator[None]:
    """Lock a state folder. Two stacks in it would end each other's workers, even if no server is ours."""
    private_folder(folder)
    lock = FolderLock(folder, "state folder", "end that one, or name another folder with --state-dir")
    lock.acquire()
    try:
        yield
    finally:
        lock.release()


@contextmanager
def _started(
    folder: Path,
    secure: bool,
    workers: int,
    say: Callable[[str], None],
    static_members: bool,
    console_port: int | None,
    interrupts: Interrupts,
    mailbox: bool,
) -> Iterator[RunningStack]:
    began = time.monotonic()
    box: Mailbox | None = None
    with progress_bar("Apache Kafka") as progress:
        stack = LocalStack(folder, progress=progress, say=say, secure=secure)
        settings = stack.start()
    try:
        say(f"Kafka {settings.kafka_bootstrap_servers}, Valkey {masked_url(settings.redis_url)}")
        names = [f"worker-{n}" for n in range(1, workers + 1)]
        ports = {name: free_port() for name in (*names, "relay", "sink", "board")}
        web = ["console"] if console_port is not None else []
        ports |= dict.fromkeys(web, console_port or free_port())
        children: dict[str, ChildProcess] = {}
        for name in names:
            arguments = ["worker", *(["--instance-id", name] if static_members else [])]
            children[name] = child(name, arguments, stack.as_process(settings, "worker"), ports[name])
        for name in ("relay", "sink"):
            arguments = [name, *(["--instance-id", name] if static_members else [])]
            children[name] = child(name, arguments, stack.as_process(settings, name), ports[name])
        mail, push = _inherited_with(MAIL_SETTINGS), _push(folder, with_own_key=mailbox)
        if mailbox and f"{MAIL_SETTINGS}HOST" not in mail:
            box = Mailbox(folder / MAILBOX)
            box.start()
            mail = box.environment()
        if f"{MAIL_SETTINGS}HOST" in mail:
            for name, command in COURIERS.items():
                ports[name] = free_port()
                environment = {**mail, **_public_url(ports.get("console"))}
                arguments = [*command, *(["--instance-id", name] if static_members else [])]
                children[name] = child(
                    name, arguments, stack.as_process(settings, "courier"), ports[name], environment
                )
        if any(name in push for name in PUSH_KEYS):
            ports[PUSH_COURIER] = free_port()
            environment = {**push, **_public_url(ports.get("console"))}
            arguments = ["courier", "--channel", "push"]
            children[PUSH_COURIER] = child(
                PUSH_COURIER,
                arguments,
                stack.as_process(settings, "courier"),
                ports[PUSH_COURIER],
                environment,
            )
        telephone = _inherited_with(TELEPHONE_SETTINGS)
        rings = any(name in telephone for name in TELEPHONE_SYSTEMS)
        if rings:
            ports[TELEPHONE_COURIER] = free_port()
            children[TELEPHONE_COURIER] = child(
                TELEPHONE_COURIER,
                ["courier", "--channel", "call"],
                stack.as_process(settings, "courier"),
                ports[TELEPHONE_COURIER],
                telephone,
            )
        for name in ("board", *web):
            environment = {**mail, **push, **_of_console(box, rings=rings)} if name in web else {}
            children[name] = child(name, [name], stack.as_process(settings, name), ports[name], environment)
        with Supervisor(say=say, records=settings.state_dir / process_records.FOLDER) as supervisor:
            # Parts are stopped in reverse order, so the servers stop last.
            parts: list[SupervisedPart] = [*stack.servers, *children.values()]
            for part in parts:
                supervisor.add(part)
            supervisor.wait_ready(say=say)
            for name in web:
                say(f"console at http://127.0.0.1:{ports[name]}")
            say(f"all ready after {time.monotonic() - began:.1f} s; logs in {settings.state_dir / 'log'}")
            yield RunningStack(settings, stack, supervisor, ports, children, interrupts, box)
    finally:
        if box is not None:
            box.stop()
        stack.stop()
