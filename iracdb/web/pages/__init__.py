"""What each address answers: a file a kind of page."""
