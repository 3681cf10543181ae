"""Contains the use cases that the web console and the command line share."""
