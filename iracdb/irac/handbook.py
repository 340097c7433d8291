"""Numbers of the instrument that do not come from a header.

The tables are those of the original pipeline's manual, which took them from the IRAC Instrument
Handbook: its sections on point source photometry (aperture corrections) and on the pixel scales.
Sections go by their titles here, since their numbers differ between editions.
"""

from __future__ import annotations

CHANNELS = (1, 2, 3, 4)

LAST_CRYOGENIC_MJD = 54968.0
"""MJD_OBS up to which the tables of the cryogenic mission are taken, as the pipeline of 2018 did.

The helium ran out on 15 May 2009, MJD 54966.
"""

PIXEL_SIZE: dict[int, float] = {1: 1.221, 2: 1.213, 3: 1.222, 4: 1.220}
"""Pixel size in arcsec by channel."""

SUBARRAY_PLANES = 64
"""Planes of a subarray cube, read one after the other."""

FULL_WELL: dict[int, float] = {1: 145_000.0, 2: 140_000.0, 3: 170_000.0, 4: 200_000.0}
"""Electrons that a pixel holds, by channel: the handbook's chapter 2, on the detectors."""

Radii = tuple[float, float, float]

APERTURE_CORRECTION: dict[Radii, tuple[float, float, float, float]] = {
    (10.0, 12.0, 20.0): (1.000, 1.000, 1.000, 1.000),
    (8.0, 12.0, 20.0): (1.011, 1.013, 1.011, 1.017),
    (6.0, 12.0, 20.0): (1.032, 1.036, 1.030, 1.051),
    (5.0, 12.0, 20.0): (1.047, 1.048, 1.054, 1.064),
    (5.0, 5.0, 10.0): (1.060, 1.063, 1.063, 1.084),
    (4.0, 12.0, 20.0): (1.070, 1.080, 1.076, 1.087),
    (3.0, 12.0, 20.0): (1.112, 1.112, 1.118, 1.213),
    (3.0, 3.0, 7.0): (1.125, 1.120, 1.135, 1.221),
    (2.0, 12.0, 20.0): (1.208, 1.220, 1.349, 1.554),
    (2.0, 2.0, 6.0): (1.215, 1.233, 1.366, 1.568),
}
"""Aperture correction of channels 1 to 4 by source radius and annulus, in pixels."""


def is_cryogenic(mjd: float) -> bool:
    """Tell the mission from the time.

    Parameters
    ----------
    mjd : float
        MJD_OBS, UTC days.

    Returns
    -------
    bool
        True up to and including `LAST_CRYOGENIC_MJD`.
    """
    return mjd <= LAST_CRYOGENIC_MJD
