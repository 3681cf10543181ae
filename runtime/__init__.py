"""Real servers on this machine for demos and tests, and a supervisor for what uses them.

`examine` is in `runtime.doctor`: it imports every client there is.
"""

from runtime.kafka import KafkaBroker
from runtime.postgres import PostgresServer
from runtime.stack import LocalStack, find_running
from runtime.supervisor import Child, Phase, State, Supervisor
from runtime.valkey import ValkeyServer

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
