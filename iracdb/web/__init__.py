"""The catalogue in a browser: pages that only read, on this machine unless told otherwise."""
