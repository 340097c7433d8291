"""The simulated detectors: electrons, noise, wells and exposure times.

Values as in real headers of the pipelines S18.18, S18.25, S19.1 and S19.2 where there were any,
else of their size; the depths of the wells are those of the IRAC Instrument Handbook (chapter 2).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from iracdb.irac.handbook import FULL_WELL

_FLUX_CONVERSION: dict[bool, tuple[float, float, float, float]] = {
    True: (0.1069, 0.1382, 0.5858, 0.2026),
    False: (0.1257, 0.1447, 0.5858, 0.2026),
}
_EARLY_WARM_CONVERSION = {1: 0.1253, 2: 0.1469}
_EARLY_WARM = ("S18.", "S19.0.", "S19.1.")

_GAIN: dict[bool, tuple[float, float, float, float]] = {
    True: (3.3, 3.71, 3.8, 3.8),
    False: (3.7, 3.71, 3.8, 3.8),
}
_READ_NOISE = {1: 11.0, 2: 9.4, 3: 7.2, 4: 5.5}
_READ_NOISE_FOWLER_2 = 22.4  # electrons: full-array frames under 2 s are read with few samples
_READ_NOISE_DEEP = 8.4  # electrons: full-array frames of 100 s and more

_EXPOSURE: dict[tuple[bool, float], float] = {
    (False, 0.4): 0.2,
    (False, 0.6): 0.4,  # Fowler number 1 and wait 1 of 0.2 s, as 2 and 2 make 0.8 of 1.2 s
    (False, 1.2): 0.8,
    (False, 2.0): 1.2,
    (False, 6.0): 4.4,
    (False, 12.0): 10.4,
    (False, 30.0): 26.8,
    (False, 100.0): 93.6,
    (True, 0.02): 0.01,
    (True, 0.1): 0.08,
    (True, 0.4): 0.32,
    (True, 2.0): 1.92,
}
_SHARE_INTEGRATING = 0.9  # of frame times that IRAC did not offer


@dataclass(frozen=True)
class Detector:
    """One array as it is read in one exposure.

    Parameters
    ----------
    flux_conversion : float
        FLUXCONV, MJy/sr per DN/s.
    gain : float
        GAIN, electrons per DN.
    read_noise : float
        RONOISE, electrons.
    exposure_time : float
        EXPTIME, seconds.
    frame_time : float
        FRAMTIME, seconds.
    well : float
        Electrons that a pixel holds.
    """

    flux_conversion: float
    gain: float
    read_noise: float
    exposure_time: float
    frame_time: float
    well: float

    @property
    def electrons_per_unit(self) -> float:
        """Electrons that 1 MJy/sr leaves in a pixel during EXPTIME."""
        return self.exposure_time * self.gain / self.flux_conversion

    @property
    def saturation(self) -> float:
        """Surface brightness that fills a well during FRAMTIME, MJy/sr."""
        return self.well * self.flux_conversion / (self.gain * self.frame_time)


def detector(
    channel: int, *, cryogenic: bool, subarray: bool, frame_time: float, creator: str
) -> Detector:
    """Tell the numbers of one exposure.

    Parameters
    ----------
    channel : int
        1 to 4.
    cryogenic : bool
        The mission.
    subarray : bool
        Whether the subarray is read.
    frame_time : float
        FRAMTIME, seconds; where IRAC had no such frame time, EXPTIME is nine tenths of it.
    creator : str
        Pipeline version, on which the flux conversion of the warm channels 1 and 2 depends.

    Returns
    -------
    Detector
        The numbers, as the header tells them.
    """
    conversion = _FLUX_CONVERSION[cryogenic][channel - 1]
    if not cryogenic and creator.startswith(_EARLY_WARM):
        conversion = _EARLY_WARM_CONVERSION.get(channel, conversion)
    noise = _READ_NOISE[channel]
    if not subarray and frame_time < 2.0:
        noise = _READ_NOISE_FOWLER_2
    elif not subarray and frame_time >= 100.0:
        noise = _READ_NOISE_DEEP
    exposure = _EXPOSURE.get((subarray, frame_time), round(_SHARE_INTEGRATING * frame_time, 6))
    return Detector(
        flux_conversion=conversion,
        gain=_GAIN[cryogenic][channel - 1],
        read_noise=noise,
        exposure_time=exposure,
        frame_time=frame_time,
        well=FULL_WELL[channel],
    )


def observe(
    light: NDArray[np.float64], array: Detector, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Count photons and read them out.

    Poisson noise of all light, star and background, and Gaussian read noise, both in electrons
    gathered during EXPTIME.

    Parameters
    ----------
    light : ndarray of float
        What falls on each pixel on average, MJy/sr, not negative; any shape.
    array : Detector
        What counts.
    rng : numpy.random.Generator
        Where the noise comes from.

    Returns
    -------
    ndarray of float, shape of ``light``
        What is read, MJy/sr.
    """
    counted = rng.poisson(light * array.electrons_per_unit).astype(np.float64)
    counted += rng.normal(0.0, array.read_noise, light.shape)
    return counted / array.electrons_per_unit


def noise_level(light: NDArray[np.float64], array: Detector) -> NDArray[np.float64]:
    """Tell the standard deviation of what `observe` adds.

    Parameters
    ----------
    light : ndarray of float
        What falls on each pixel on average, MJy/sr; negative light counts as none.
    array : Detector
        What counts.

    Returns
    -------
    ndarray of float, shape of ``light``
        MJy/sr.
    """
    variance = np.maximum(light, 0.0) * array.electrons_per_unit + array.read_noise**2
    return np.asarray(np.sqrt(variance) / array.electrons_per_unit)
