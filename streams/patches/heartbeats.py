"""Patches aiokafka's heartbeats so that they renew the lease of the group membership (docs/faust.md 9, 13)."""

import time
from typing import Any

from aiokafka.consumer.group_coordinator import CoordinatorGroupRebalance, GroupCoordinator
from aiokafka.protocol.produce import ProduceRequest

from streams.membership_lease import Lease, renew


def renew_leases() -> None:
    """Make aiokafka's heartbeats and joins renew the leases."""
    heartbeat = GroupCoordinator._do_heartbeat  # the only function that sees a heartbeat's response
    sync = CoordinatorGroupRebalance._send_sync_group_request  # the same for a join's response

    async def _do_heartbeat(self: Any) -> bool:
        sent_at = time.monotonic()
        succeeded: bool = await heartbeat(self)
        if succeeded:
            renew(self.group_id, sent_at)
        return succeeded

    async def _send_sync_group_request(self: Any, request: Any) -> Any:
        sent_at = time.monotonic()
        assignment = await sync(self, request)
        if assignment is not None:
            renew(self.group_id, sent_at)
        return assignment

    GroupCoordinator._do_heartbeat = _do_heartbeat
    CoordinatorGroupRebalance._send_sync_group_request = _send_sync_group_request


def send_only_awake(producer: Any, lease: Lease) -> None:
    """Check the lease again when a batch is sent: a process can be stopped between the first check and the socket."""
    client = producer.client
    send = client.send

    async def fenced(node_id: int, request: Any, **options: Any) -> Any:
        if isinstance(request, ProduceRequest):
            lease.check_awake("send a batch")
        return await send(node_id, request, **options)

    client.send = fenced
