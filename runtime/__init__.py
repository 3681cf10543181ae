"""Runs real servers on this machine for demos and tests, and a supervisor for the processes that use them.

`examine` is in `runtime.doctor`, because it imports every client.
"""

from runtime.kafka import KafkaBroker
from runtime.postgres import PostgresServer
from runtime.stack import LocalStack, find_running
from runtime.supervisor import ChildProcess, PartPhase, PartState, Supervisor
from runtime.valkey import ValkeyServer

__all__ = [
    "ChildProcess",
    "KafkaBroker",
    "LocalStack",
    "PartPhase",
    "PartState",
    "PostgresServer",
    "Supervisor",
    "ValkeyServer",
    "find_running",
]
