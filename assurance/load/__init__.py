"""Clients that act as vendors, reps and CRMs. They use only the public topics and the board."""

from assurance.load.client import LoadClient, RequestedAction
from assurance.load.operation_history import OperationHistory
from assurance.load.people import SimulatedPeople
from assurance.load.storms import race, storm

__all__ = ["LoadClient", "OperationHistory", "RequestedAction", "SimulatedPeople", "race", "storm"]
