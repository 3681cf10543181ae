"""Starts one of our processes as the command line does: `python -m bench.launch PORT STAGES [INSTANCE]`."""

import sys

from agents.worker import relay_stages, run, worker_stages
from streams.settings import Settings
from streams.topics import RELAY_GROUP, WORKER_GROUP

STAGES = {"worker": (WORKER_GROUP, worker_stages), "relay": (RELAY_GROUP, relay_stages)}


def main() -> None:
    """Run until stopped."""
    port, name, *instance = sys.argv[1:]
    group, stages = STAGES[name]
    run(
        Settings.read(),
        group=group,
        stages=stages,
        port=int(port),
        instance_id=instance[0] if instance else None,
    )


if __name__ == "__main__":
    main()
