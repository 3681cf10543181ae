"""Clients as vendors, reps and CRMs are: they know the public topics and the board, and nothing else of us."""

from application.engine_client import AskedAction, EngineClient
from assurance.load.operation_history import OperationHistory
from assurance.load.people import People
from assurance.load.storms import race, storm

__all__ = ["AskedAction", "EngineClient", "OperationHistory", "People", "race", "storm"]
