"""Closes a connection to Kafka without waiting for the broker's end of TLS.

asyncio sends the end of TLS and then waits for the broker's. The broker reads nothing while it holds a fetch, for up to
two seconds. So each consumer that stopped took a second or two, and a process with several of them five.
"""

from typing import Any

from aiokafka.conn import AIOKafkaConnection


def install() -> None:
    """Let all connections of this process close at once. A second call changes nothing."""
    if getattr(AIOKafkaConnection.close, "ends_at_once", False):
        return
    close = AIOKafkaConnection.close

    def _close(self: Any, *args: Any, **options: Any) -> Any:
        transport = None if self._writer is None else self._writer.transport
        # Ask before: asyncio's transport of a connection that is lost answers nothing after `close`.
        if transport is not None and transport.get_extra_info("ssl_object") is None:
            transport = None
        closed = close(self, *args, **options)
        if transport is not None:
            transport.abort()  # `close` has sent our end; every answer that we wait for has come before
        return closed

    _close.ends_at_once = True  # type: ignore[attr-defined]  # a mark on a function
    AIOKafkaConnection.close = _close
