"""Defines the data models: ids, facts, events, decisions, lead state, directory objects, errors. Pure data, no I/O."""
