"""Doing a run again, and saying whether the answer is the same."""
