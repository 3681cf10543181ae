"""The schema's history, oldest first. `sink.migrate` applies it at every start."""
