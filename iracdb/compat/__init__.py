"""The calls and the command lines of the pipeline of 2018, over a catalogue."""

from __future__ import annotations

from iracdb.compat.calls import run

__all__ = ["run"]
