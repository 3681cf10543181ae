"""Contains the migrations of the schema, oldest first. `sink.migrate` applies them at every start."""
