"""Provenance in the standards' words: W3C PROV, the IVOA data model, RO-Crate."""
