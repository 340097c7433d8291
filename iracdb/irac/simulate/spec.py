"""What one simulated frame is to be, said in full."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from iracdb.errors import UsageError
from iracdb.irac.handbook import CHANNELS, SUBARRAY_PLANES, is_cryogenic
from iracdb.irac.names import FileName
from iracdb.irac.simulate.cards import CardValue
from iracdb.irac.simulate.detector import Detector, detector

HIGHEST_BIT = 14
"""Highest bit of a mask; a bit more would be the sign."""

FULL_SIZE = 256
SUBARRAY_SIZE = 32


@dataclass(frozen=True)
class ExtraStar:
    """A star beside the target.

    Parameters
    ----------
    x, y : float
        Centre, 0-based, integers at pixel centres.
    flux_mjy : float
        Flux density, mJy.
    """

    x: float
    y: float
    flux_mjy: float


@dataclass(frozen=True, kw_only=True)
class FrameSpec:
    """One frame: what is written into its header, and the light that falls on it.

    Parameters
    ----------
    channel : int
        1 to 4.
    aorkey, expid, dcenum, version : int, optional
        As in the file's name.
    creator : str, optional
        CREATOR, the pipeline version; by default the last of the mission.
    mjd : float, optional
        MJD_OBS; tells the mission, too.
    subarray : bool, optional
        A cube of 64 planes of 32 x 32 pixels instead of 256 x 256 pixels.
    frame_time : float, optional
        FRAMTIME, seconds.
    target : str, optional
        OBJECT.
    ra, dec : float, optional
        RA_REF and DEC_REF, the target's place, ICRS, degrees.
    angle : float, optional
        Position angle of the second axis, degrees east of north.
    x, y : float, optional
        Where the target's star falls, 0-based, integers at pixel centres; by default in the middle
        of the array.
    offset : tuple of float, optional
        Error of the header's pointing in pixels: the header puts the target at (x, y) less this.
    flux_mjy : float, optional
        Flux density of the star, mJy, in the convention of `total_light`.
    background : float, optional
        MJy/sr, the same everywhere.
    extra_stars : tuple of ExtraStar, optional
        Further stars.
    nan_pixels : tuple of tuple of int, optional
        Pixels that are not a number: (row, column), in every plane of a cube, or
        (plane, row, column) of a cube; 0-based.
    star : {'moffat', 'handbook'}, optional
        Profile of all stars: two Moffat functions, or the one whose aperture sums follow the
        handbook's aperture corrections.
    flux_series : tuple of float, optional
        Factors of the target's light, one a plane (one for a full array); other stars keep theirs.
    plane_flux : mapping of int to float, optional
        Factors of all stars' light by plane of a cube, 0-based; 1 where there is none.
    plane_background : mapping of int to float, optional
        What a dark left over adds to a plane of a cube, MJy/sr, without photons; may be negative.
    mask_bits : tuple of tuple of int, optional
        Bits of the mask: (bit, row, column), in every plane of a cube, or
        (bit, plane, row, column) of a cube; 0-based, bits 0 to 14. The pixels stay as they are.
    saturated : {'clipped', 'nan'}, optional
        What pixels whose well is full hold: the surface brightness that fills it, or no number.
    noise : bool, optional
        Whether photons and readout are noisy. Saturation happens in either case.
    response : bool, optional
        Whether the stars' light depends on their place as the detector's answer does.
    label : str, optional
        AORLABEL.
    campaign : str, optional
        CAMPAIGN.
    dither_position : int, optional
        DITHPOS; no card without.
    dither_scale : str, optional
        DITHSCAL; no card without.
    hdr : {'short', 'long'}, optional
        The frame's part in a high-dynamic-range pair.
    frameset_time : float, optional
        AORTIME, seconds; by default the frame time.
    header : mapping of str to value, optional
        Cards to replace, to add, or with None to remove, after all else.

    Raises
    ------
    UsageError
        If a number cannot be: a channel above 4, a negative background, a position at a pole.
    """

    channel: int
    aorkey: int = 90_000_000
    expid: int = 0
    dcenum: int = 0
    version: int = 1
    creator: str | None = None
    mjd: float = 56_000.0
    subarray: bool = False
    frame_time: float = 2.0
    target: str = "SIM-STAR"
    ra: float = 270.0
    dec: float = 66.0
    angle: float = 40.0
    x: float | None = None
    y: float | None = None
    offset: tuple[float, float] = (0.0, 0.0)
    flux_mjy: float = 10.0
    background: float = 0.1
    extra_stars: tuple[ExtraStar, ...] = ()
    nan_pixels: tuple[tuple[int, ...], ...] = ()
    star: Literal["moffat", "handbook"] = "moffat"
    flux_series: tuple[float, ...] = ()
    plane_flux: Mapping[int, float] = field(default_factory=dict)
    plane_background: Mapping[int, float] = field(default_factory=dict)
    mask_bits: tuple[tuple[int, ...], ...] = ()
    saturated: Literal["clipped", "nan"] = "clipped"
    noise: bool = True
    response: bool = True
    label: str = "SIM_frame"
    campaign: str = "IRACSIM00"
    dither_position: int | None = None
    dither_scale: str | None = None
    hdr: Literal["short", "long"] | None = None
    frameset_time: float | None = None
    header: Mapping[str, CardValue | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.channel not in CHANNELS:
            raise UsageError(f"There is no channel {self.channel!r}: IRAC's channels are 1 to 4")
        numbers = (self.mjd, self.ra, self.dec, self.angle, *self.centre, *self.offset)
        stars = [number for star in self.extra_stars for number in (star.x, star.y, star.flux_mjy)]
        light = (self.flux_mjy, self.background, self.frame_time)
        if not all(map(math.isfinite, (*numbers, *stars, *light))):
            raise UsageError("A simulated frame is made of finite numbers only")
        if self.frame_time <= 0.0:
            raise UsageError(f"A frame time of {self.frame_time} s is not above zero")
        if min(self.flux_mjy, self.background, *(s.flux_mjy for s in self.extra_stars), 0.0) < 0.0:
            raise UsageError("Stars and background of a simulated frame may not be negative")
        if abs(self.dec) > 89.0:
            raise UsageError(f"Declination {self.dec} is too near to a pole to be simulated")
        for pixel in self.nan_pixels:
            self._check_pixel(pixel)
        for bit, *place in self.mask_bits:
            if not 0 <= bit <= HIGHEST_BIT:
                raise UsageError(f"A mask has no bit {bit}: there are 0 to {HIGHEST_BIT}")
            self._check_pixel(tuple(place))
        self._check_planes()

    def _check_pixel(self, pixel: tuple[int, ...]) -> None:
        limits = self.shape[-len(pixel) :]
        inside = all(0 <= n < limit for n, limit in zip(pixel, limits, strict=False))
        if len(pixel) < 2 or len(pixel) > len(self.shape) or not inside:
            raise UsageError(f"The pixel {pixel} is not on an image of {self.shape}")

    def _check_planes(self) -> None:
        planes = SUBARRAY_PLANES if self.subarray else 1
        if self.flux_series and len(self.flux_series) != planes:
            raise UsageError(
                f"A series of {len(self.flux_series)} factors does not fit: "
                f"there must be {planes}, one a plane"
            )
        factors = (*self.flux_series, *self.plane_flux.values())
        if not all(math.isfinite(factor) and factor >= 0.0 for factor in factors):
            raise UsageError("Factors of a star's light are finite and not negative")
        if not all(map(math.isfinite, self.plane_background.values())):
            raise UsageError("A simulated frame is made of finite numbers only")
        for plane in (*self.plane_flux, *self.plane_background):
            if not self.subarray or not 0 <= plane < SUBARRAY_PLANES:
                raise UsageError(f"There is no plane {plane} on an image of {self.shape}")

    @property
    def cryogenic(self) -> bool:
        """Whether the frame is of the cryogenic mission."""
        return is_cryogenic(self.mjd)

    @property
    def pipeline(self) -> str:
        """CREATOR as written: the given one, or the last pipeline of the mission."""
        return self.creator or ("S18.25.0" if self.cryogenic else "S19.2.0")

    @property
    def image_shape(self) -> tuple[int, int]:
        """Rows and columns."""
        size = SUBARRAY_SIZE if self.subarray else FULL_SIZE
        return size, size

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the frame's array: two axes, or three for a subarray."""
        return (SUBARRAY_PLANES, *self.image_shape) if self.subarray else self.image_shape

    @property
    def centre(self) -> tuple[float, float]:
        """Where the star falls: x and y."""
        middle = (self.image_shape[0] - 1) / 2.0
        return (
            middle if self.x is None else self.x,
            middle if self.y is None else self.y,
        )

    @property
    def pointed(self) -> tuple[float, float]:
        """Where the header puts the target: x and y."""
        return self.centre[0] - self.offset[0], self.centre[1] - self.offset[1]

    @property
    def detector(self) -> Detector:
        """Gain, noise and times of this exposure."""
        return detector(
            self.channel,
            cryogenic=self.cryogenic,
            subarray=self.subarray,
            frame_time=self.frame_time,
            creator=self.pipeline,
        )

    def name(self, kind: str = "bcd") -> FileName:
        """Name of the frame's file.

        Parameters
        ----------
        kind : str, optional
            Such as ``'bcd'``.

        Returns
        -------
        FileName
            In the archive's form.
        """
        return FileName(self.channel, self.aorkey, self.expid, self.dcenum, self.version, kind)
