"""Starts one of our processes as the command line does: `python -m bench.launch PORT STAGES [INSTANCE]`."""

import streams.starting  # noqa: F401  # before the others, which it makes quicker

# isort: split

import sys

from streams import compiled_core


def main() -> None:
    """Run until stopped."""
    compiled_core.use()
    from agents import worker  # noqa: PLC0415  # after `use`, as it imports what may be compiled
    from streams.settings import Settings  # noqa: PLC0415
    from streams.topics import RELAY_GROUP, WORKER_GROUP  # noqa: PLC0415

    port, name, *instance = sys.argv[1:]
    group, stages = {
        "worker": (WORKER_GROUP, worker.worker_stages),
        "relay": (RELAY_GROUP, worker.relay_stages),
    }[name]
    worker.run(
        Settings.read(),
        group=group,
        stages=stages,
        port=int(port),
        instance_id=instance[0] if instance else None,
    )


if __name__ == "__main__":
    main()
