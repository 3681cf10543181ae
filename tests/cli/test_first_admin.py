"""`account add --role admin` makes the first admin's account and rep; after a crash in between it completes them."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from application.directory.publish import read_published
from cli import app, run
from runtime.process import free_port
from streams.settings import Settings
from streams.topics import provision
from tests.fixtures.servers import unique

pytestmark = pytest.mark.kafka


class NewOrg:
    """An org of the test's own, and accounts of a state folder of its own."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        self.settings, self.org = settings, unique("org")
        self.environment = {
            "KAFKA_BOOTSTRAP_SERVERS": settings.kafka_bootstrap_servers,
            "FIRSTCLAIM_STATE_DIR": str(folder),
            "FIRSTCLAIM_PASSWORD": "correct horse battery",
        }

    def add(self, rep_id: str, *more: str) -> Result:
        """Add an account."""
        arguments = ["account", "add", f"{rep_id}@{self.org}.example", "--rep", rep_id, "--org", self.org]
        return CliRunner().invoke(app, [*arguments, "--json", *more], env=self.environment)

    def reps(self) -> dict[str, Any]:
        """Return the role of each rep that is published."""
        objects = asyncio.run(read_published(self.settings, self.org)).present
        return {key[1]: value["role"] for key, value in objects.items() if key[0] == "rep"}


@pytest.fixture
def new_org(settings: Settings, tmp_path: Path) -> NewOrg:
    """Return an org that published nothing."""
    return NewOrg(asyncio.run(provision(settings)), tmp_path)


def last_line(result: Result) -> dict[str, Any]:
    """Return the object a program reads."""
    assert result.exit_code == 0, result.output
    summary: dict[str, Any] = json.loads(result.stdout.strip().splitlines()[-1])
    return summary


def test_the_first_admin_is_published_with_the_account_and_the_next_one_is_not(new_org: NewOrg) -> None:
    assert last_line(new_org.add("mia", "--role", "admin", "--name", "Mia"))["published"]
    assert new_org.reps() == {"mia": "admin"}
    assert not last_line(new_org.add("bob", "--role", "admin"))["published"]
    assert new_org.reps() == {"mia": "admin"}


def test_an_org_may_be_kept_open(new_org: NewOrg) -> None:
    last_line(new_org.add("mia", "--role", "admin", "--keep-open"))
    last_line(new_org.add("ann", "--role", "rep"))
    assert new_org.reps() == {}


def test_what_ends_between_account_and_rep_is_completed_by_the_same_command(
    new_org: NewOrg, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in {**new_org.environment, "KAFKA_BOOTSTRAP_SERVERS": f"127.0.0.1:{free_port()}"}.items():
        monkeypatch.setenv(name, value)
    arguments = ["account", "add", f"mia@{new_org.org}.example", "--rep", "mia", "--org", new_org.org]
    assert run([*arguments, "--role", "admin"]) == 70
    assert "may sign in as mia" in capsys.readouterr().err
    assert new_org.reps() == {}, "the org is open, and the account's role counts"
    assert last_line(new_org.add("mia", "--role", "admin"))["published"]
    assert new_org.reps() == {"mia": "admin"}


def test_an_org_that_lost_its_last_admin_gets_one_back(new_org: NewOrg, tmp_path: Path) -> None:
    last_line(new_org.add("mia", "--role", "admin"))
    file = tmp_path / "directory.yaml"
    file.write_text(f"org: {new_org.org}\nreps: {{mia: null}}\n")
    removal = CliRunner().invoke(app, ["directory", "apply", str(file)], env=new_org.environment)
    assert (removal.exit_code, new_org.reps()) == (0, {})
    assert last_line(new_org.add("mia", "--role", "admin"))["published"]
    assert new_org.reps() == {"mia": "admin"}
