"""A run's tables as files: CSV in the published layout, ECSV, VOTable, the log."""
