"""The figures, one file each: ``gather`` makes the table of what is drawn, ``draw`` draws it."""
