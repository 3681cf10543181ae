"""The Faust agents, each on a page: decode, call the pure core, write."""
