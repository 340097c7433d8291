"""One simulated frame: its light, its image, and the truth about it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from iracdb.errors import UsageError
from iracdb.irac.handbook import SUBARRAY_PLANES
from iracdb.irac.simulate.cards import Card
from iracdb.irac.simulate.detector import observe
from iracdb.irac.simulate.headers import science_cards
from iracdb.irac.simulate.response import location_factor, phase_factor
from iracdb.irac.simulate.spec import FrameSpec
from iracdb.irac.simulate.star import star_image, total_light
from iracdb.irac.simulate.table_star import table_star_image, table_total_light


@dataclass(frozen=True)
class FrameTruth:
    """What is true of one science frame; a row of ``truth.csv``.

    Parameters
    ----------
    file : str
        Path within the archive, with forward slashes.
    channel, aorkey, expid, dcenum : int
        As in the file's name.
    target : str
        OBJECT.
    ra, dec : float
        The target's place, ICRS, degrees.
    x, y : float
        Where the star's centre falls, 0-based, integers at pixel centres; may lie off the array.
    flux_mjy : float
        Flux density, mJy: what a source radius of 10 pixels less the mean of the annulus from
        12 to 20 measures of the noiseless star at a response of 1.
    flux_mjy_sr_pixel : float
        All light of the star, also what falls beyond the array, before the response, MJy/sr x
        pixel.
    array_location_factor, pixel_phase_factor : float
        What the star's light was multiplied with; 1 where no response was asked for.
    background : float
        MJy/sr.
    subarray : bool
        Whether the frame is a cube.
    nan_pixels : int
        Pixels that are not a number, over all planes; full wells are not among them.
    saturated : bool
        Whether any pixel's well is full, of whichever star, before noise.
    wcs_x, wcs_y : float
        Where the header puts the target; differs from ``x``, ``y`` by the error of the pointing.
    """

    file: str
    channel: int
    aorkey: int
    expid: int
    dcenum: int
    target: str
    ra: float
    dec: float
    x: float
    y: float
    flux_mjy: float
    flux_mjy_sr_pixel: float
    array_location_factor: float
    pixel_phase_factor: float
    background: float
    subarray: bool
    nan_pixels: int
    saturated: bool
    wcs_x: float
    wcs_y: float


def simulate_frame(
    spec: FrameSpec, rng: np.random.Generator | None = None
) -> tuple[list[Card], NDArray[np.float32]]:
    """Make one frame.

    Parameters
    ----------
    spec : FrameSpec
        What it is to be.
    rng : numpy.random.Generator, optional
        Where the noise comes from; needed unless ``spec.noise`` is False.

    Returns
    -------
    cards : list of Card
        The header, for `write_fits`.
    image : ndarray of float32, shape (256, 256) or (64, 32, 32)
        MJy/sr. Pixels whose well is full have the surface brightness that fills it.

    Raises
    ------
    UsageError
        If noise is wanted and there is nothing to draw it from.

    Examples
    --------
    >>> from iracdb.irac.simulate import FrameSpec, simulate_frame
    >>> cards, image = simulate_frame(FrameSpec(channel=1, x=100.2, y=50.0, noise=False))
    >>> image.shape
    (256, 256)
    >>> [int(n) for n in divmod(image.argmax(), 256)]
    [50, 100]
    """
    array = spec.detector
    image = plane_light(spec)
    if spec.noise:
        if rng is None:
            raise UsageError("A noisy frame needs a random generator")
        image = observe(image, array, rng)
    image = np.minimum(image, array.saturation)
    if spec.saturated == "nan":
        image[image >= array.saturation] = np.nan
    for plane, added in spec.plane_background.items():
        image[plane] += added
    image[bad_pixels(spec)] = np.nan
    return science_cards(spec), image.astype(np.float32)


def light(spec: FrameSpec) -> NDArray[np.float64]:
    """Light that falls on each pixel on average, before wells, noise and bad pixels.

    Parameters
    ----------
    spec : FrameSpec
        The frame.

    Returns
    -------
    ndarray of float, shape (256, 256) or (32, 32)
        MJy/sr.
    """
    image = np.full(spec.image_shape, spec.background)
    for starlight in _starlight(spec):
        image += starlight
    return image


def plane_light(spec: FrameSpec) -> NDArray[np.float64]:
    """Light that falls on each pixel of each plane on average.

    Parameters
    ----------
    spec : FrameSpec
        The frame.

    Returns
    -------
    ndarray of float, shape (256, 256) or (64, 32, 32)
        MJy/sr, as `light`, with the factors of ``flux_series`` and ``plane_flux``.
    """
    if not (spec.flux_series or spec.plane_flux):
        return np.array(np.broadcast_to(light(spec), spec.shape))
    planes = np.full((SUBARRAY_PLANES if spec.subarray else 1, *spec.image_shape), spec.background)
    common = np.ones((len(planes), 1, 1))
    for plane, factor in spec.plane_flux.items():
        common[plane] = factor
    for number, starlight in enumerate(_starlight(spec)):
        series = np.array(spec.flux_series)[:, None, None] if spec.flux_series else 1.0
        planes += starlight * common * (series if number == 0 else 1.0)
    return planes if spec.subarray else planes[0]


def total(spec: FrameSpec, flux_mjy: float) -> float:
    """All light of one of a frame's stars, before the response.

    Parameters
    ----------
    spec : FrameSpec
        The frame, which says which profile stars have.
    flux_mjy : float
        Flux density, mJy, in the convention of `total_light`.

    Returns
    -------
    float
        MJy/sr x pixel.
    """
    if spec.star == "handbook":
        return table_total_light(spec.channel, flux_mjy, cryogenic=spec.cryogenic)
    return total_light(spec.channel, flux_mjy)


def response(spec: FrameSpec, x: float, y: float) -> tuple[float, float]:
    """Array-location and pixel-phase factors of a star on a frame.

    Parameters
    ----------
    spec : FrameSpec
        The frame.
    x, y : float
        The star's centre, 0-based, integers at pixel centres.

    Returns
    -------
    tuple of float
        Both 1 where the frame is to have no response.
    """
    if not spec.response:
        return 1.0, 1.0
    location = location_factor(spec.channel, spec.cryogenic, x, y, subarray=spec.subarray)
    return location, phase_factor(spec.channel, spec.cryogenic, x, y)


def frame_truth(spec: FrameSpec, file: str = "") -> FrameTruth:
    """Tell what is true of a frame.

    Parameters
    ----------
    spec : FrameSpec
        The frame.
    file : str, optional
        Its path within the archive.

    Returns
    -------
    FrameTruth
        Its row of ``truth.csv``.
    """
    x, y = spec.centre
    location, phase = response(spec, x, y)
    return FrameTruth(
        file=file,
        channel=spec.channel,
        aorkey=spec.aorkey,
        expid=spec.expid,
        dcenum=spec.dcenum,
        target=spec.target,
        ra=spec.ra,
        dec=spec.dec,
        x=x,
        y=y,
        flux_mjy=spec.flux_mjy,
        flux_mjy_sr_pixel=total(spec, spec.flux_mjy),
        array_location_factor=location,
        pixel_phase_factor=phase,
        background=spec.background,
        subarray=spec.subarray,
        nan_pixels=int(bad_pixels(spec).sum()),
        saturated=bool(plane_light(spec).max() >= spec.detector.saturation),
        wcs_x=spec.pointed[0],
        wcs_y=spec.pointed[1],
    )


def with_row_lost(spec: FrameSpec) -> FrameSpec:
    """Take the first row from a cube, as the archive's subarray cubes lack it.

    Parameters
    ----------
    spec : FrameSpec
        A subarray frame.

    Returns
    -------
    FrameSpec
        The same with row 0 not a number in all planes; in the first plane every second pixel
        of it is left. About 2,000 pixels of the cube.
    """
    planes, _, columns = spec.shape
    lost = tuple(
        (plane, 0, column)
        for plane in range(planes)
        for column in range(columns)
        if plane or column % 2
    )
    return replace(spec, nan_pixels=spec.nan_pixels + lost)


def bad_pixels(spec: FrameSpec) -> NDArray[np.bool_]:
    """Tell which pixels are bad by the spec; full wells are another matter.

    Parameters
    ----------
    spec : FrameSpec
        The frame.

    Returns
    -------
    ndarray of bool, shape (256, 256) or (64, 32, 32)
        True where ``nan_pixels`` puts no number.
    """
    bad = np.zeros(spec.shape, dtype=bool)
    for pixel in spec.nan_pixels:
        row, column = pixel[-2:]
        if len(pixel) == 3:
            bad[pixel[0], row, column] = True
        else:
            bad[..., row, column] = True
    return bad


def _starlight(spec: FrameSpec) -> Iterator[NDArray[np.float64]]:
    """Give the image of each star that shines, the target's first."""
    stars = [(*spec.centre, spec.flux_mjy)]
    stars += [(star.x, star.y, star.flux_mjy) for star in spec.extra_stars]
    for x, y, flux in stars:
        location, phase = response(spec, x, y)
        seen = total(spec, flux) * location * phase
        if spec.star == "handbook":
            image = table_star_image(spec.channel, spec.image_shape, x, y, cryogenic=spec.cryogenic)
        else:
            image = star_image(spec.channel, spec.image_shape, x, y)
        yield seen * image
