"""A catalogue that remembers: provenance for photometry with Spitzer's infrared camera (IRAC)."""
