"""Contains every access to private parts of Faust, mode and aiokafka, by subject. No other package has any.

Stock Faust 0.15.3 loses events in a few functions. Each is replaced once, for the reason given here. `PATCHES` in
`streams.patches.registry` lists them.

===================== ================================================ ===============================================
patch                 replaces                                         because (facts of docs/faust.md)
===================== ================================================ ===============================================
stream_buffers        `FlowControlEvent.resume`                        it clears buffers never suspended: events lost
commit_cap            `Consumer._new_offset`                           it commits past events still in flight
commit_on_revoke      `Consumer.on_partitions_revoked`                 it drops acked offsets before their commit
overtaken_fetch       `AIOKafkaConsumerThread._fetch_records`          records of an outdated fetch are dropped
pause_on_assignment   `Consumer.on_partitions_assigned`                it fetches before agents know their partitions
fetch_hold            `Recovery.on_recovery_completed`                 records fetched before its last seek are lost
message_drain         `Consumer._drain_messages`                       two tasks for each message, stalls under load
message_handler       `Conductor._build_handler`                       it decodes and counts readers for each message
handler_lookup        `Conductor._compile_message_handler`             it takes a lock for each message
changelog_reading     `Recovery._slurp_changelogs`                     a task and a timer for each changelog record
prefetch              `Fetcher.__init__`                               it stalls while another partition's records wait
fetch_after_taking    `Fetcher._proc_fetch_request`                    a partition with new records is not asked next
commit_metadata       `AIOKafkaConsumerThread._commit`                 a reader's watermark must go with its offset
commit_offsets        `Consumer._commit_offsets`                       it renders a table for its log at every commit
lease_renewal         `GroupCoordinator._do_heartbeat`                 see `streams.membership_lease`
read_committed        `AIOKafkaConsumerThread._create_worker_consumer` it reads aborted records; a bad batch ends it
recovery_ends         `AIOKafkaConsumerThread._highwaters`             tables would end at a hanging transaction
table_start           `TableManager.on_start`                          it waits a second at every start
consumer_in_loop      `Consumer._new_consumer_thread`                  its thread and the agents' wait for one lock
discovery             `venusian.attach`                                it reads sources for each declared agent
===================== ================================================ ===============================================

The patches are for exactly the versions in `TESTED`. Any other version is refused: a patch that fits only by chance is
worse than none. Each has a test in tests/streams that fails without it. Importing this package does not load Faust.
"""

import importlib.metadata
from types import MappingProxyType
from typing import Final

from models.errors import ConfigError

TESTED: Final = MappingProxyType(
    {"faust-streaming": ("0.15.3",), "mode-streaming": ("0.7.1",), "aiokafka": ("0.14.0",)}
)

_applied: set[str] = set()


def check_versions() -> None:
    """Raise `ConfigError` unless the installed versions are tested ones and Faust has its C extensions."""
    import faust.streams  # noqa: PLC0415  # it takes half a second, and only workers need it

    from streams.decompression import missing_codecs  # noqa: PLC0415  # as above

    for package, tested in TESTED.items():
        installed = importlib.metadata.version(package)
        if installed not in tested:
            raise ConfigError(
                package, f"version {installed} is untested here; the patches fit {', '.join(tested)}"
            )
    if missing := missing_codecs():
        raise ConfigError("cramjam", f"is not installed, and Kafka's codecs {', '.join(missing)} need it")
    # They may be missing from the build, or disabled by NO_CYTHON. Faust then falls back without a warning.
    if vars(faust.streams)["_CStreamIterator"] is None:
        raise ConfigError("faust-streaming", "runs without its C extensions, with which it was tested")


def apply(*, only: frozenset[str] | None = None) -> None:
    """Apply the patches once. `only` names a subset, for the tests of single patches."""
    from streams.patches.registry import PATCHES  # noqa: PLC0415  # it loads Faust

    check_versions()
    for name, patch in PATCHES.items():
        if name not in _applied and (only is None or name in only):
            patch()
            _applied.add(name)
