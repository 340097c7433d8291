"""The database: tables, views, sessions, ingest, queries. Knows no photometry."""
