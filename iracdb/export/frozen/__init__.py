"""A run in one file of its own, and whole catalogues carried from one database to another."""
