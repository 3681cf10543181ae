"""Live changes: they go from the board's feed and the public topics to each open page that may see them."""
