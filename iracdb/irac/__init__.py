"""The instrument: file names, headers, frames, archive trees, handbook tables."""
