"""Keeps the console's audit: acts are recorded before they are answered, relayed to Kafka, and read for the page."""
