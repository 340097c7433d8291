"""One file a revision, numbered. A revision never imports the live tables."""
