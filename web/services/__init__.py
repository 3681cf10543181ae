"""Provides the services that the console's API and pages share."""
