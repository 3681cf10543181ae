"""A machine with a state folder, on which the tests run the commands of the pages as their reader would."""

from __future__ import annotations

import sqlite3
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from runtime.up import RunningStack, everything
from tests.cli.in_process import firstclaim
from tests.docs.shown_commands import commands_of_block, run

if TYPE_CHECKING:
    from pathlib import Path


class Machine:
    """One machine with a state folder. `folder`: where its commands run. `state`: the state folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.state = folder / "state"
        self.state.mkdir(mode=0o700)
        self.environment: dict[str, object] = {
            "STATE": self.state,
            "FIRSTCLAIM_STATE_DIR": self.state,
            "KAFKA_DATA": self.state / "kafka" / "data",
            "BACKUP": folder / "backup",
            "VENDOR": "pool",
        }
        self._running = ExitStack()
        self.stack: RunningStack

    def start(self) -> None:
        """Run everything, as `firstclaim up` does."""
        self.stack = self._running.enter_context(
            everything(workers=1, state_dir=self.state, say=lambda _: None, console_port=0)
        )
        self.environment |= {
            "KAFKA_BOOTSTRAP_SERVERS": self.stack.settings.kafka_bootstrap_servers,
            "CONSOLE": f"http://127.0.0.1:{self.stack.ports['console']}",
        }

    def stop(self) -> None:
        """Stop everything."""
        self._running.close()
        self.environment.pop("KAFKA_BOOTSTRAP_SERVERS", None)

    def run_operations(self, page: str, name: str, **more: object) -> str:
        """Run the commands that a page of docs/operations shows; return what they printed."""
        completed = run(
            commands_of_block(f"operations/{page}", name), self.folder, {**self.environment, **more}
        )
        return completed.stdout + completed.stderr

    def run_guides(self, page: str, name: str, **more: object) -> str:
        """Run the commands that a page of docs/guides shows; return what they printed."""
        return run(
            commands_of_block(f"guides/{page}", name), self.folder, {**self.environment, **more}
        ).stdout

    def rows(self, query: str) -> list[Any]:
        """Ask the CRM database."""
        with sqlite3.connect(self.state / "crm.sqlite") as database:
            return database.execute(query).fetchall()

    def lead(self, condition: str) -> str:
        """Return the id of one lead."""
        return str(self.rows(f"SELECT lead_id FROM lead WHERE {condition} LIMIT 1")[0][0])  # noqa: S608  # our own words

    def count(self, condition: str) -> int:
        """Return how many leads there are."""
        return int(self.rows(f"SELECT COUNT(*) FROM lead WHERE {condition}")[0][0])  # noqa: S608  # our own words

    def letters(self) -> list[str]:
        """Return the positions of the dead letters that were neither replayed nor skipped."""
        letters = firstclaim(self.stack, "dead-letters", "list", "--json").last_line["letters"]
        return [letter["place"] for letter in letters if letter["mark"] is None]
