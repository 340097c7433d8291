"""What the pages show, read from the database: a stretch of rows at a time."""
