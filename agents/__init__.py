"""Contains the Faust agents. Each decodes events, calls the pure rules and writes the results."""
