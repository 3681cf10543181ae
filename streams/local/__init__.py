"""Real servers on this machine for demos and tests, and a supervisor for what uses them.

`examine` is in `streams.local.doctor`: it imports every client there is.
"""

from streams.local.kafka import KafkaBroker
from streams.local.postgres import PostgresServer
from streams.local.stack import LocalStack, find_running
from streams.local.supervisor import Child, Phase, State, Supervisor
from streams.local.valkey import ValkeyServer

__all__ = [
    "Child",
    "KafkaBroker",
    "LocalStack",
    "Phase",
    "PostgresServer",
    "State",
    "Supervisor",
    "ValkeyServer",
    "find_running",
]
