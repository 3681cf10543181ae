"""Lists the patches by name, in the order in which they are applied."""

from types import MappingProxyType
from typing import Final

from streams.patches import (
    commits,
    consumer_in_loop,
    discovery,
    fetcher,
    heartbeats,
    message_delivery,
    rebalance,
    recovery,
    stream_buffers,
)

PATCHES: Final = MappingProxyType(
    {
        "stream_buffers": stream_buffers.keep_what_was_not_suspended,
        "commit_cap": commits.cap_at_first_in_flight,
        "commit_on_revoke": rebalance.commit_before_forgetting,
        "overtaken_fetch": fetcher.put_back_overtaken,
        "pause_on_assignment": rebalance.pause_what_is_assigned,
        "fetch_hold": recovery.hold_fetching_until_sought,
        "message_drain": message_delivery.drain_messages,
        "message_handler": message_delivery.handle_raw_messages,
        "handler_lookup": message_delivery.look_up_without_lock,
        "changelog_reading": recovery.read_changelogs_in_batches,
        "prefetch": fetcher.prefetch_other_partitions,
        "fetch_after_taking": fetcher.fetch_after_taking,
        "commit_metadata": commits.commit_with_metadata,
        "commit_offsets": commits.commit_without_table,
        "lease_renewal": heartbeats.renew_leases,
        "read_committed": fetcher.read_committed,
        "recovery_ends": recovery.recover_to_high_watermarks,
        "table_start": recovery.start_tables_at_once,
        "consumer_in_loop": consumer_in_loop.consume_in_agents_loop,
        "discovery": discovery.declare_without_search,
    }
)
