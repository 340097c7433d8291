"""The time, as the catalogue writes it."""

from __future__ import annotations

from datetime import UTC, datetime


def now() -> str:
    """Tell the time.

    Returns
    -------
    str
        UTC to the microsecond, such as ``2026-11-22T09:05:00.123456Z``: text, so that both
        databases hold and sort the same.
    """
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
