"""Changes reach whoever may see them, as they happen: from the board's feed and the public topics to each open page."""
