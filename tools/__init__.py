"""Generators of files in this repository: contracts, diagrams, zip zones, common passwords."""
