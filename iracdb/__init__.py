"""A catalogue that remembers: provenance for photometry with Spitzer's infrared camera (IRAC).

The names below are the public surface. They are imported when they are first used, so that
``iracdb --help`` does not wait for astropy.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from iracdb.api import Catalogue
    from iracdb.errors import IracdbError
    from iracdb.photometry.response import irac_aphot_corr
    from iracdb.runs.results import Run

__all__ = ["Catalogue", "IracdbError", "Run", "__version__", "irac_aphot_corr"]

_HOMES = {
    "Catalogue": "iracdb.api",
    "IracdbError": "iracdb.errors",
    "Run": "iracdb.runs.results",
    "irac_aphot_corr": "iracdb.photometry.response",
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("iracdb")
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'iracdb' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
