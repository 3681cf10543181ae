"""One file a step; a step that is out is never changed."""
