"""The command line, installed as ``iracdb_cli``: parses, calls, prints. No SQL, no numerics."""
