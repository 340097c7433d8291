"""Hold the centres against simulated stars: the tables of measuring.md, how far each is off.

Run ``python docs/centre_tables.py`` to see them. A test compares the page with them.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from iracdb.irac.simulate import FrameSpec, simulate_frame
from iracdb.photometry.centre import CENTRES
from iracdb.photometry.planes import STEADY_MEDIAN, reduce

FloatArray = NDArray[np.float64]

SEED = 2018
PHASES = 5
"""Places of a star within its pixel, along each axis, evenly spread."""
WORST_POINTING = 1.0
"""How far the expected position is from the star in x and y at most, pixels."""

MISSIONS = {"cryogenic": 54_000.0, "warm": 56_000.0}
MODES = {"full": (12.0, 20.0, 127.0), "subarray": (0.4, 200.0, 15.0)}
"""By read mode: frame time in seconds, flux density in mJy, the pixel that the star falls in."""
FAINT = (1.0, 0.1, 0.05, 0.02)
"""Flux densities in mJy of the second table: warm channel 1, full array, 12 s."""


def stars(
    channel: int, mission: str, mode: str, flux_mjy: float | None = None
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Simulate one star at each place within a pixel.

    Parameters
    ----------
    channel : int
        1 to 4.
    mission, mode : str
        Of `MISSIONS` and `MODES`.
    flux_mjy : float, optional
        Another flux density than the mode's.

    Returns
    -------
    images : numpy.ndarray
        (n, ny, nx), MJy/sr, cubes reduced as a run does.
    truth, expected : numpy.ndarray
        Where the stars are and where they are sought: x and y, (2, n), pixels.
    """
    frame_time, usual, pixel = MODES[mode]
    rng = np.random.default_rng([SEED, channel, len(mission), len(mode)])
    steps = (np.arange(PHASES) + 0.5) / PHASES - 0.5
    truth = pixel + np.array([(x, y) for y in steps for x in steps]).T
    images = []
    for x, y in truth.T:
        spec = FrameSpec(
            channel=channel,
            mjd=MISSIONS[mission],
            subarray=mode == "subarray",
            frame_time=frame_time,
            flux_mjy=usual if flux_mjy is None else flux_mjy,
            x=float(x),
            y=float(y),
        )
        image = simulate_frame(spec, rng)[1].astype(np.float64)
        images.append(reduce(image, STEADY_MEDIAN).images[0] if image.ndim == 3 else image)
    expected = truth + rng.uniform(-WORST_POINTING, WORST_POINTING, truth.shape)
    return np.array(images), truth, expected


def errors(images: FloatArray, truth: FloatArray, expected: FloatArray) -> dict[str, FloatArray]:
    """Tell how far each centre is from the truth.

    Parameters
    ----------
    images, truth, expected : numpy.ndarray
        From `stars`.

    Returns
    -------
    dict
        By the centre's name x and y, (2, n), found less true, pixels; NaN where there is none,
        or where it is more than 2 pixels from the expected position, as a run judges.
    """
    off = {}
    for name, centre in CENTRES.items():
        found = centre(images, *expected)
        place = np.array([found.x, found.y])
        far = (np.abs(place - expected) > 2.0).any(axis=0)
        off[name] = np.where(far, np.nan, place - truth)
    return off


def accuracy() -> Iterator[list[str]]:
    """Give the rows of the first table, without ticks.

    Yields
    ------
    list of str
        Channel, mission, array, and for each centre mean error and scatter in x and in y.
    """
    for mode in MODES:
        for mission in MISSIONS:
            for channel in (1, 2, 3, 4) if mission == "cryogenic" else (1, 2):
                off = errors(*stars(channel, mission, mode))
                cells = [
                    f"{np.round(np.mean(axis), 3) + 0.0:+.3f} ± {np.std(axis):.3f}"
                    for both in off.values()
                    for axis in both
                ]
                yield [str(channel), mission, mode, *cells]


def faint() -> Iterator[list[str]]:
    """Give the rows of the second table, without ticks.

    Yields
    ------
    list of str
        Flux density, and for each centre how many stars it found and how far it is off: root
        mean square of both axes.
    """
    for flux in FAINT:
        off = errors(*stars(1, "warm", "full", flux))
        cells = []
        for both in off.values():
            found = int(np.isfinite(both[0]).sum())
            far = f"{np.sqrt(np.nanmean(both**2)):.2f}" if found else ""
            cells += [f"{found}/{both.shape[1]}", far]
        yield [f"{flux:g}", *cells]


def as_lines(titles: list[str], rows: Iterator[list[str]]) -> str:
    """Write a table of the documentation.

    Parameters
    ----------
    titles : list of str
        Of the columns.
    rows : iterator of list of str
        The cells.

    Returns
    -------
    str
        Its lines.
    """
    lines = [titles, ["---"] * len(titles), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


ACCURACY = ["channel", "mission", "array", *(f"{name} {q}" for name in CENTRES for q in "xy")]
FAINT_TITLES = ["mJy", *(f"{name} {what}" for name in CENTRES for what in ("found", "off"))]

if __name__ == "__main__":
    print(as_lines(ACCURACY, accuracy()))
    print(as_lines(FAINT_TITLES, faint()))
