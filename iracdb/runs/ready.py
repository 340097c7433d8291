"""Imported where workers are forked, and nowhere else: all that measures is compiled by then."""

from __future__ import annotations

import iracdb.runs.measuring  # noqa: F401
from iracdb.photometry.warming import compile_all, say

compile_all(say)
