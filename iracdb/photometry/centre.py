"""Where the star is: fits that know nothing of apertures, so that many apertures share one fit.

Here they are found by name; each has a file of its own, and `centres` holds what they share.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from iracdb.errors import UsageError
from iracdb.photometry.centres import FWHM_PER_SIGMA, Centre, Centres, forced_centres
from iracdb.photometry.gaussian_centre import GaussianCentre
from iracdb.photometry.moment_centre import MomentCentre
from iracdb.photometry.quadratic_centre import QuadraticCentre

__all__ = [
    "CENTRES",
    "FWHM_PER_SIGMA",
    "Centre",
    "Centres",
    "GaussianCentre",
    "MomentCentre",
    "QuadraticCentre",
    "centre_named",
    "forced_centres",
]

CENTRES: Mapping[str, Centre] = MappingProxyType(
    {c.name: c for c in (GaussianCentre(), MomentCentre(), QuadraticCentre())}
)
"""The centres that a run may ask for, by name."""


def centre_named(name: str) -> Centre:
    """Find a centre by its name.

    Parameters
    ----------
    name : str
        One of `CENTRES`.

    Returns
    -------
    Centre
        The centre.

    Raises
    ------
    UsageError
        Where there is none of that name.
    """
    if name not in CENTRES:
        raise UsageError(f"No centre is called {name!r}; there are: {', '.join(CENTRES)}")
    return CENTRES[name]
