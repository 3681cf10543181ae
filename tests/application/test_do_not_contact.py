"""`do-not-contact add`, `remove`, `list` and `check` on a real topic: by whatever spelling, one entry each (X6)."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from application.do_not_contact import Handles, read_handles
from cli import app
from streams.settings import Settings
from streams.topics import provision
from tests.fixtures.servers import unique


class List:
    """The list of an org of the test's own, through the commands."""

    def __init__(self, settings: Settings) -> None:
        self.org = unique("org")
        self.environment = {
            "KAFKA_BOOTSTRAP_SERVERS": settings.kafka_bootstrap_servers,
            "FIRSTCLAIM_STATE_DIR": str(settings.state_dir),
        }

    def run(self, *arguments: str, code: int = 0, text: str = "") -> dict[str, Any]:
        """Run a command and return the object of its last line."""
        command = ["do-not-contact", *arguments, "--org", self.org, "--json"]
        result = CliRunner().invoke(app, command, input=text, env=self.environment)
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        assert result.exit_code == code, result.output
        summary: dict[str, Any] = json.loads(result.stdout.strip().splitlines()[-1])
        return summary


def test_x6_each_is_read_once_and_what_is_none_is_named() -> None:
    read = read_handles(["(401) 419-4247", "", " +14014194247 ", "J@x.org", "12", "a@b"])
    assert read == Handles(
        ("phone/+14014194247", "email/j@x.org"),
        {"12": "is not a phone number in use", "a@b": "is not a mail address"},
    )


@pytest.mark.kafka
def test_x6_who_is_put_on_the_list_is_there_until_taken_off(settings: Settings, tmp_path: Path) -> None:
    dnc_list = List(asyncio.run(provision(settings)))
    assert dnc_list.run("add", "(401) 419-4247", "--reason", "asked us by mail")["handles"] == [
        "phone/+14014194247"
    ]
    file = tmp_path / "list.txt"
    file.write_text("J@x.org\n401-419-0001\nnobody\n", encoding="utf-8")
    added = dnc_list.run("add", "--from", str(file), code=1)
    assert (added["published"], list(added["refused"])) == (2, ["nobody"])
    reasons = {entry["handle"]: entry["reason"] for entry in dnc_list.run("list")["listed"]}
    assert reasons == {
        "phone/+14014194247": "asked us by mail",
        "email/j@x.org": "asked not to be contacted",
        "phone/+14014190001": "asked not to be contacted",
    }
    assert dnc_list.run("check", "4014194247", "k@x.org", code=1) == {
        "listed": {"phone/+14014194247": "asked us by mail"},
        "free": ["email/k@x.org"],
        "refused": {},
    }
    dnc_list.run("remove", "--from", "-", text="+1 401 419 4247\nj@X.org\n")
    assert [entry["handle"] for entry in dnc_list.run("list")["listed"]] == ["phone/+14014190001"]
    assert dnc_list.run("check", "4014194247")["free"] == ["phone/+14014194247"]


def test_x6_nobody_named_is_a_mistake() -> None:
    result = CliRunner().invoke(app, ["do-not-contact", "add"])
    assert result.exit_code == 2
    assert "--from" in result.output
