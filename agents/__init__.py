"""The Faust agents. Each decodes, calls the pure core and writes."""
