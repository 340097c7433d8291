"""The runs of 2018: read, kept, written back byte for byte, recomputed and audited."""
