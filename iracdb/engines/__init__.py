"""Engines of the response correction: our own, and the Science Center's routine in GDL or IDL.

An engine is a `iracdb.photometry.response.Response`. Those of this room start processes and hand
them files; they know no database.
"""
