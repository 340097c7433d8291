"""What a run looks like: figures, and a page that tells all of it."""
