"""Comparing runs row by row, and explaining why their numbers differ."""
