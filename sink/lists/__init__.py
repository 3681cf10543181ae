"""Defines the lists of the CRM database that people page through, with their columns and queries."""
