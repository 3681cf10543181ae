"""A new user's first hour works: the demo twice, a closed terminal, a kill.

No process keeps running and no file stays open to others.
"""

import os
import pty
import re
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select

from assurance.demo.sign_ins import PASSWORD, SIGN_INS
from runtime.interrupts import SIGNALS
from sink.database_engine import connect
from sink.tables import LeadTable
from streams.settings import Settings
from tests.fixtures.waiting import LONG_PATIENCE_SECONDS
from tests.fixtures.waiting import until as wait_until
from web.settings import WebSettings
from web.store.accounts import Accounts

pytestmark = [
    pytest.mark.slow,
    pytest.mark.kafka,
    pytest.mark.skipif(sys.platform != "linux", reason="who runs in a folder is read from /proc"),
]
REPO = Path(__file__).parents[2]
ENOUGH = 20
"""Leads in the CRM database after which every process of a demo has worked. Further ones only cost processor time."""
PATIENCE = LONG_PATIENCE_SECONDS
"""Seconds for steps that take about twenty on an idle machine, because the tests make the machine busy."""


def environment(**more: str) -> dict[str, str]:
    """Return our environment without the addresses of existing servers, because these tests start their own stacks."""
    server_variables = ("KAFKA_BOOTSTRAP_SERVERS", "REDIS_URL", "DATABASE_URL", "FIRSTCLAIM_STATE_DIR")
    return {name: value for name, value in os.environ.items() if name not in server_variables} | more


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """Yield the folder that all these tests run in, like one new user's folder."""
    with tempfile.TemporaryDirectory(prefix="firstclaim-first-run-") as name:
        yield Path(name) / "state"


def processes_in(folder: Path) -> list[int]:
    """Return the processes that run in a folder, which their environment names."""
    mark = f"FIRSTCLAIM_STATE_DIR={folder}\0".encode()
    pids = []
    for process in Path("/proc").iterdir():
        if process.name.isdecimal():
            try:
                if mark in (process / "environ").read_bytes():
                    pids.append(int(process.name))
            except OSError:
                continue
    return pids


def leads(folder: Path) -> int:
    """Return how many leads the CRM database has."""
    engine = connect(
        Settings.read(state_dir=folder, database_url=f"sqlite:///{folder / 'crm.sqlite'}").database_url
    )
    try:
        with engine.connect() as connection:
            return connection.execute(select(func.count()).select_from(LeadTable)).scalar_one()
    except Exception:  # noqa: BLE001  # there is no table yet
        return 0
    finally:
        engine.dispose()


def may_sign_in(folder: Path) -> list[str]:
    """Return whose password is the demo's now."""
    if not (folder / "console.sqlite").exists():
        return []
    store = connect(WebSettings.read(state_dir=folder).console_database_url)
    try:
        accounts = Accounts(store)
        # A check takes 0.2 s of a core, also of an account that is not there yet.
        present = [sign_in.email for sign_in in SIGN_INS if accounts.find(sign_in.email) is not None]
        return [email for email in present if accounts.check(email, PASSWORD) is not None]
    except Exception:  # noqa: BLE001  # there is no table yet
        return []
    finally:
        store.dispose()


class Terminal:
    """A new terminal that runs one command as its session's leader; `close` closes the window.

    `cores`: the cores that the command and all its processes share; None: all.
    """

    def __init__(self, *arguments: str, umask: int = 0, cores: set[int] | None = None) -> None:
        self.output = b""
        self.pid, self._descriptor = pty.fork()
        if self.pid == 0:
            os.umask(umask)
            os.chdir(REPO)
            os.sched_setaffinity(0, cores or os.sched_getaffinity(0))
            for (
                number
            ) in SIGNALS:  # tests may be run where these are ignored (nohup), a terminal's commands are not
                signal.signal(number, signal.SIG_DFL)
            os.execve(  # noqa: S606  # no shell is the point
                sys.executable, [sys.executable, "-m", "cli", *arguments], environment(TERM="dumb")
            )
        os.set_blocking(self._descriptor, False)

    def read(self) -> bytes:
        """Return all output so far."""
        try:
            while piece := os.read(self._descriptor, 65_536):
                self.output += piece
        except OSError:
            pass  # nothing new, or nobody writes any more
        return self.output

    def close(self) -> None:
        """Hang up."""
        os.close(self._descriptor)

    def ended(self) -> bool:
        """Return whether the command has ended."""
        try:
            return os.waitpid(self.pid, os.WNOHANG)[0] == self.pid
        except ChildProcessError:
            return True

    def kill(self) -> None:
        """Kill it in any case."""
        if not self.ended():
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)


def start_without_terminal(*arguments: str) -> "subprocess.Popen[str]":
    """Start a command without a terminal."""
    return subprocess.Popen(
        [sys.executable, "-m", "cli", *arguments],
        env=environment(PYTHONUNBUFFERED="1"),
        cwd=REPO,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def read_until(process: "subprocess.Popen[str]", sentence: str) -> list[str]:
    """Read a command's output up to a sentence; fail if it ends before."""
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line.rstrip("\n"))
        if re.search(sentence, line):
            return lines
    raise AssertionError(f"it ended before it said {sentence!r}: {lines}")


def open_to_others(folder: Path) -> list[str]:
    """Return the paths to which others have any right."""
    problems = []
    for path in (folder, *folder.rglob("*")):
        try:
            mode = stat.S_IMODE(path.lstat().st_mode)
        except FileNotFoundError:  # Kafka removes files
            continue
        if mode & 0o077 and not path.is_symlink():
            problems.append(f"{path} {mode:o}")
    return problems


def test_a_closed_terminal_ends_the_demo_its_servers_and_its_accounts(folder: Path) -> None:
    """It runs on one core. All its files are private, although the umask would open them.

    On one core, the processes of the stack wait for each other as on a busy machine, and no loop has to keep it busy.
    """
    one_core = {max(os.sched_getaffinity(0))}
    terminal = Terminal("demo", "--state-dir", str(folder), "--console-port", "0", cores=one_core)
    try:
        assert wait_until(lambda: terminal.read() != b"" and len(may_sign_in(folder)) == 3, PATIENCE), (
            terminal.output.decode(errors="replace")
        )
    except BaseException:
        terminal.kill()
        raise
    try:
        assert wait_until(lambda: terminal.read() != b"" and leads(folder) >= ENOUGH, PATIENCE)
        assert open_to_others(folder) == []
        second = start_without_terminal("up", "--state-dir", str(folder))
        output = second.communicate(timeout=PATIENCE)[0].strip()
        assert second.returncode == 70
        assert output == (
            f"firstclaim: state folder: {folder} is in use by process {terminal.pid}; "
            "end that one, or name another folder with --state-dir"
        )
        assert len(processes_in(folder)) >= 7
        terminal.close()
        assert wait_until(terminal.ended, PATIENCE)
    finally:
        terminal.kill()
    assert wait_until(lambda: processes_in(folder) == [], PATIENCE)
    assert may_sign_in(folder) == []


def test_a_second_demo_lives_as_the_first_did_and_leaves_nobody_when_it_is_killed(folder: Path) -> None:
    before = leads(folder)
    demo = start_without_terminal("demo", "--state-dir", str(folder), "--console-port", "0")
    try:
        read_until(demo, "first claim won")
        assert wait_until(lambda: leads(folder) >= before + ENOUGH, PATIENCE)
        assert len(may_sign_in(folder)) == 3
    finally:
        demo.kill()
        demo.communicate()
    assert wait_until(lambda: processes_in(folder) == [], PATIENCE)


def test_up_says_how_to_make_the_first_account_and_closes_what_a_killed_demo_left(folder: Path) -> None:
    stack = start_without_terminal("up", "--state-dir", str(folder), "--console-port", "0")
    try:
        output = read_until(stack, "account add")
        assert may_sign_in(folder) == []
        assert "nobody can sign in yet" in output[-4]
        assert "/first-account?key=" in output[-3]
        assert "or in another terminal" in output[-2]
        command = output[-1].strip()
        assert command.endswith(f"account add you@lender.example --rep you --role admin --state-dir {folder}")
        completed = subprocess.run(
            [*command.split()],
            env=environment(FIRSTCLAIM_PASSWORD=PASSWORD),
            cwd=REPO,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert completed.returncode == 0, completed.stderr
        stack.send_signal(signal.SIGTERM)
        assert stack.wait(PATIENCE) == 0
    finally:
        stack.kill()
        stack.communicate()
    assert processes_in(folder) == []


def test_a_stack_that_is_ended_while_it_starts_leaves_nobody(folder: Path) -> None:
    terminal = Terminal("up", "--state-dir", str(folder), "--console-port", "0")
    try:
        assert wait_until(lambda: len(processes_in(folder)) >= 3, PATIENCE)
        terminal.close()
        assert wait_until(terminal.ended, PATIENCE)
    finally:
        terminal.kill()
    assert wait_until(lambda: processes_in(folder) == [], PATIENCE)
