"""The noise that a flux should have, how full the brightest pixel is, and limits on faint stars.

What is expected follows from the header alone; it needs no uncertainty frame. What the pipeline's
uncertainty frames give is `Fluxes.net_error`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from iracdb.errors import UsageError
from iracdb.irac.handbook import FULL_WELL
from iracdb.photometry.planes import MEDIAN_PER_MEAN

FloatArray = NDArray[np.float64]

SATURATED = 0.9
"""Fraction of the well from which a star counts as saturated.

Up to about there the pipeline makes the detectors linear to 1 %; at saturation the response drops
steeply (IRAC Instrument Handbook, chapter 2, Linearity).
"""


def expected_noise(
    net: ArrayLike,
    sky: ArrayLike,
    aperture_area: ArrayLike,
    sky_pixels: ArrayLike,
    *,
    gain: ArrayLike,
    exposure_time: ArrayLike,
    fluxconv: ArrayLike,
    read_noise: ArrayLike,
    images: ArrayLike = 1,
    median: bool = False,
    dark_sky: ArrayLike = 0.0,
    level_noise: float = 1.0,
    sky_sigma: ArrayLike | None = None,
) -> FloatArray:
    """Give the noise of net fluxes from photons and readout.

    Parameters
    ----------
    net : array_like
        Net fluxes (n,), MJy/sr x pixel; NaN where there is none.
    sky : array_like
        Sky per pixel (n,), MJy/sr.
    aperture_area : array_like
        Area of the source circle in pixels, one or (n,).
    sky_pixels : array_like
        How many pixels the sky rests on (n,); infinity for a sky without error.
    gain : array_like
        GAIN, electrons per DN, one or (n,), as all that follow.
    exposure_time : array_like
        EXPTIME, seconds, of one image or plane.
    fluxconv : array_like
        FLUXCONV, MJy/sr per DN/s.
    read_noise : array_like
        RONOISE, electrons, of one image or plane.
    images : array_like, optional
        How many planes the image was made of.
    median : bool, optional
        Whether it is their median, and not their mean.
    dark_sky : array_like, optional
        Sky that the pipeline took away with its dark (SKYDRKZB), MJy/sr: its photons fell too.
    level_noise : float, optional
        How much more than a mean's the sky's level scatters: see `iracdb.photometry.sky`.
    sky_sigma : array_like, optional
        Scatter of the sky's pixels in this very image (n,), MJy/sr: what stars and the foot of the
        star's own profile put there shakes the level as noise does. By default the noise of a
        pixel that photons and readouts let expect.

    Returns
    -------
    numpy.ndarray
        One standard deviation (n,), MJy/sr x pixel; NaN where the net flux or its sky is NaN.

    Notes
    -----
    In electrons, MJy/sr times EXPTIME / FLUXCONV x GAIN, the variance is that of the star's
    photons, and in each pixel of the circle that of the sky's photons and of one readout; the
    sky's own error adds the square of the area over the pixels of the annulus times the variance
    of one of them (the terms of the IRAC Instrument Handbook, chapter 2, Sensitivity Model, in the
    circle in place of its noise pixels). Light below zero has no photons. The median's variance
    is pi/2 times the mean's where it is of more than two.

    It knows nothing of pointing, of the response within a pixel or of flat fields, and readouts of
    the subarray are noisier than RONOISE. The single planes of real stars scatter by more: by 5
    to 7 % in channel 4 (24649984), by 17 to 22 % in channel 2 (46466816), through 2/2-6 and 3/3-7.
    With the dark's sky counted the expectation grows by 1 % and 0.1 % there; on empty pixels of
    channel 4 by 21 %.
    """
    net, sky = np.asarray(net, dtype=np.float64), np.asarray(sky, dtype=np.float64)
    area, annulus, planes = (
        np.asarray(v, dtype=np.float64) for v in (aperture_area, sky_pixels, images)
    )
    electrons = _electrons(gain, exposure_time, fluxconv)
    fallen = np.maximum((sky + np.asarray(dark_sky, dtype=np.float64)) * electrons, 0.0)
    pixel = fallen + np.asarray(read_noise, dtype=np.float64) ** 2
    per_mean = np.where(planes > 2, MEDIAN_PER_MEAN, 1.0) if median else 1.0
    with np.errstate(divide="ignore", invalid="ignore"):
        # Of one plane; the image is the mean or median of so many.
        reduced = per_mean / planes / electrons**2
        of_sky = pixel * reduced
        if sky_sigma is not None:
            of_sky = np.asarray(sky_sigma, dtype=np.float64) ** 2
        photons = (np.maximum(net * electrons, 0.0) + area * pixel) * reduced
        noise: FloatArray = np.sqrt(photons + (area * level_noise) ** 2 / annulus * of_sky)
    return noise


def well_fraction(
    peak: ArrayLike,
    *,
    gain: ArrayLike,
    frame_time: ArrayLike,
    fluxconv: ArrayLike,
    channel: int,
    dark_sky: ArrayLike = 0.0,
) -> FloatArray:
    """Tell how full the well of the brightest pixel was when it was read last.

    Parameters
    ----------
    peak : array_like
        Brightest pixels (n,), MJy/sr; NaN where there is none.
    gain : array_like
        GAIN, electrons per DN, one or (n,), as all that follow.
    frame_time : array_like
        FRAMTIME, seconds: from one reset to the last readout. EXPTIME is shorter by the readouts.
    fluxconv : array_like
        FLUXCONV, MJy/sr per DN/s.
    channel : int
        1 to 4.
    dark_sky : array_like, optional
        Sky that the pipeline took away with its dark (SKYDRKZB), MJy/sr.

    Returns
    -------
    numpy.ndarray
        Electrons over the full well (n,); from `SATURATED` on the flux may be too low. Of an image
        made of many planes it is that of a typical one.

    Raises
    ------
    UsageError
        Where IRAC has no such channel.
    """
    if channel not in FULL_WELL:
        raise UsageError(f"Channel {channel!r} is none of IRAC's: 1, 2, 3 and 4")
    light = np.asarray(peak, dtype=np.float64) + np.asarray(dark_sky, dtype=np.float64)
    filled: FloatArray = light * _electrons(gain, frame_time, fluxconv) / FULL_WELL[channel]
    return filled


def upper_limit(flux: ArrayLike, error: ArrayLike, sigmas: float = 3.0) -> FloatArray:
    """Give what a star that is not seen is fainter than.

    Parameters
    ----------
    flux : array_like
        Fluxes (n,) at the expected positions, in any unit.
    error : array_like
        Their standard deviations (n,), in the same unit.
    sigmas : float, optional
        How many of them.

    Returns
    -------
    numpy.ndarray
        The flux, or 0 where it is below, and these standard deviations above it (n,); NaN where
        flux or error is NaN.

    Notes
    -----
    A flux below zero is noise, and must not make a limit lower than noise alone would.
    """
    flux, error = np.asarray(flux, dtype=np.float64), np.asarray(error, dtype=np.float64)
    limit: FloatArray = np.maximum(flux, 0.0) + sigmas * error
    return limit


def _electrons(gain: ArrayLike, seconds: ArrayLike, fluxconv: ArrayLike) -> FloatArray:
    """Electrons in a pixel for 1 MJy/sr."""
    gain, seconds, fluxconv = (np.asarray(v, dtype=np.float64) for v in (gain, seconds, fluxconv))
    electrons: FloatArray = gain * seconds / fluxconv
    return electrons
