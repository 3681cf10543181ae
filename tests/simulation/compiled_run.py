"""Runs schedules of crashes and a history: `python -m tests.simulation.compiled_run FOLDER SEEDS`.

FOLDER has a compiled core; `-` runs the sources. It prints which modules were compiled, and a digest of every log.
"""

import json
import logging
import sys
import tempfile
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from streams import compiled_core

FAILED_AT: Final = "failed-at"


def main() -> None:
    """Run them, and print the outcome as JSON."""
    folder, seeds = sys.argv[1], int(sys.argv[2])
    if folder != "-":
        compiled_core.use({compiled_core.VARIABLE: compiled_core.REQUIRED}, Path(folder))
    # After `use`, because they import what may be compiled.
    import structlog  # noqa: PLC0415

    from tests.simulation.cluster import Cluster  # noqa: PLC0415
    from tests.simulation.crash_history import ENGINE, run_history  # noqa: PLC0415
    from tests.simulation.run import run  # noqa: PLC0415
    from tests.simulation.schedule import schedule  # noqa: PLC0415
    from tests.simulation.stepped_processes import database_template  # noqa: PLC0415

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    brokers = []
    for seed in range(seeds):
        cluster = Cluster()
        run(schedule(seed, 300), cluster)
        brokers.append(cluster.broker)
    with tempfile.TemporaryDirectory() as temporary:
        # With the stages, the writers and the real record batches.
        brokers.append(run_history(database_template(Path(temporary)), Path(temporary), ENGINE).broker)
    logs = [
        [
            sha256(repr([_repeatable(record) for record in log]).encode()).hexdigest()
            for _, log in sorted(logs)
        ]
        for logs in (broker.logs.items() for broker in brokers)
    ]
    compiled = [
        name
        for name, module in sorted(sys.modules.items())
        if name.partition(".")[0] in {"agents", "models", "rules", "streams"}
        and str(module.__file__).endswith(compiled_core.SUFFIX)
    ]
    records = sum(len(log) for broker in brokers for log in broker.logs.values())
    print(json.dumps({"compiled": compiled, "records": records, "logs": logs}))  # noqa: T201


def _repeatable(record: Any) -> Any:
    """Return a record without the header that has the wall clock's time."""
    return replace(record, headers=tuple(header for header in record.headers if header[0] != FAILED_AT))


if __name__ == "__main__":
    main()
