"""Runs a stage as `firstclaim worker` or `firstclaim relay` does, on topics with the test's prefix.

Environment: `PREFIX`, `STAGE` (worker, relay), `PORT`, `INSTANCE`, `WITHOUT`, `COMMIT_SECONDS`, and `FAULTS`: functions
of faults.py, separated by spaces, which are called before the process runs.
"""

import os

from tests.streams.faust.apps import prefixed  # noqa: F401  # first: it gives the topics their names

from agents import worker  # isort: skip
from streams import app  # isort: skip
from streams.settings import Settings  # isort: skip
from tests.streams.faust.apps import faults  # isort: skip
from tests.streams.faust.apps.base import leave_patches_out  # isort: skip

STAGES = {"worker": worker.worker_stages, "relay": worker.relay_stages}


def main() -> None:
    """Run until stopped."""
    leave_patches_out()
    if seconds := os.environ.get("COMMIT_SECONDS"):
        vars(app).update(COMMIT_SECONDS=float(seconds))
    stages = STAGES[os.environ["STAGE"]]
    for fault in os.environ.get("FAULTS", "").split():
        stages = getattr(faults, fault)(stages)
    worker.run(
        Settings.read(),
        group=os.environ["GROUP"],
        stages=stages,
        port=int(os.environ.get("PORT", "0")),
        instance_id=os.environ.get("INSTANCE"),
    )


if __name__ == "__main__":
    main()
