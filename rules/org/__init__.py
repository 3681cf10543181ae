"""Decides which rep gets a lead, by turn order, eligibility and capacity.

Pure functions. The entry point is `machine.step_org`.
"""
