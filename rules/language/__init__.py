"""Implements the rule language: fields, operators, trees, compiled closures, explanations."""
