"""The database's migrations, installed as ``iracdb_migrations``."""
