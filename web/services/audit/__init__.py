"""The console's audit: acts are recorded before they are answered, relayed to Kafka, and read back for the page."""
