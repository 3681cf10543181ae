"""Use cases that the web console and the command line share."""
