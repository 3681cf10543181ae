"""Acts as vendors, reps and CRMs. The clients use only the public topics and the board."""

from assurance.load.client import LoadClient, RequestedAction
from assurance.load.operation_history import OperationHistory
from assurance.load.simulated_people import SimulatedPeople
from assurance.load.storms import race, storm

__all__ = ["LoadClient", "OperationHistory", "RequestedAction", "SimulatedPeople", "race", "storm"]
