"""Sends live changes from the board's feed and the public topics to each open page that may see them."""
