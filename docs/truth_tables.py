"""The page's tables of simulated stars: flux densities of whole runs against the truth.

Stars follow the table of aperture corrections; they are written as files, taken into a catalogue
and measured by its runs.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from iracdb import Catalogue
from iracdb.irac.handbook import PIXEL_SIZE
from iracdb.irac.simulate import FrameSpec, light, location_factor, phase_factor, write_series

FloatArray = NDArray[np.float64]
Radii = tuple[float, float, float]

SEED = 2018
MISSIONS = {"cryogenic": 54_000.0, "warm": 56_000.0}
FRAME_TIME = {"full": 12.0, "subarray": 0.4}
SKY = {1: 0.1, 2: 0.17, 3: 2.3, 4: 6.4}
"""MJy/sr by channel, as away from the ecliptic."""
WELL = {"full": (0.02, 0.2, 0.8), "subarray": (0.02, 0.8)}
"""How full the central pixel is of a star in its middle."""
ACROSS = {"full": 3, "subarray": 3}
"""Places within a pixel along each axis."""
MARGIN = 40
"""How near to the edge of the full array stars are placed, pixels."""
POINTING = 0.4
"""How far the expected position is from the star at most, pixels."""
RADII: tuple[Radii, ...] = ((2.0, 2.0, 6.0), (3.0, 3.0, 7.0), (5.0, 5.0, 10.0), (10.0, 12.0, 20.0))
DEFAULT = RADII[1]
RECIPES = ("handbook", "manual")


@dataclass(frozen=True)
class Cell:
    """Stars of one kind: one AOR.

    Parameters
    ----------
    mode : str
        ``full`` or ``subarray``.
    mission : str
        ``cryogenic`` or ``warm``.
    channel : int
        1 to 4.
    well : float
        How full the central pixel is; 0 for the stars without noise.
    aorkey : int
        Its AOR.
    specs : tuple of FrameSpec
        The frames, all of one flux density.
    """

    mode: str
    mission: str
    channel: int
    well: float
    aorkey: int
    specs: tuple[FrameSpec, ...]

    @property
    def flux(self) -> float:
        """Flux density in mJy: the truth."""
        return self.specs[0].flux_mjy

    @property
    def response(self) -> FloatArray:
        """What the response leaves of each frame's light."""
        cryogenic = self.mission == "cryogenic"
        sub = self.mode == "subarray"
        return np.array(
            [
                location_factor(self.channel, cryogenic, x, y, subarray=sub)
                * phase_factor(self.channel, cryogenic, x, y)
                for x, y in (spec.centre for spec in self.specs)
            ]
        )


def cells() -> list[Cell]:
    """Plan all stars.

    Returns
    -------
    list of Cell
        Each kind first without noise.
    """
    found = []
    for mode in FRAME_TIME:
        for mission in MISSIONS:
            for channel in (1, 2, 3, 4) if mission == "cryogenic" else (1, 2):
                for well in (0.0, *WELL[mode]):
                    aorkey = 90_100_000 + 256 * len(found)
                    specs = tuple(_specs(mode, mission, channel, well, aorkey))
                    found.append(Cell(mode, mission, channel, well, aorkey, specs))
    return found


def _specs(mode: str, mission: str, channel: int, well: float, aorkey: int) -> Iterator[FrameSpec]:
    first = FrameSpec(
        channel=channel,
        aorkey=aorkey,
        mjd=MISSIONS[mission],
        subarray=mode == "subarray",
        frame_time=FRAME_TIME[mode],
        star="handbook",
        background=SKY[channel],
        noise=well > 0.0,
    )
    alone = replace(first, background=0.0, flux_mjy=1.0, response=False, x=15.0, y=15.0)
    free = (well or 0.1) * first.detector.saturation - first.background
    first = replace(first, flux_mjy=round(free / float(light(alone).max()), 4))
    # The same places at every brightness, so that stars with and without noise can be compared.
    rng = np.random.default_rng([SEED, channel, len(mission), len(mode)])
    n = ACROSS[mode]
    pixels = np.full((n * n, 2), 15)
    if mode == "full":
        steps = np.linspace(MARGIN, 255 - MARGIN, n).astype(int)
        pixels = rng.permutation([(x, y) for x in steps for y in steps])
    phases = (np.arange(n) + 0.5) / n - 0.5
    offsets = rng.uniform(-POINTING, POINTING, (n * n, 2))
    for number in range(n * n):
        yield replace(
            first,
            expid=number,
            mjd=first.mjd + 0.001 * number,
            x=float(pixels[number, 0] + phases[number % n]),
            y=float(pixels[number, 1] + phases[number // n]),
            offset=(float(offsets[number, 0]), float(offsets[number, 1])),
        )


def written(folder: Path, planned: Iterable[Cell]) -> None:
    """Write an archive of the stars.

    Parameters
    ----------
    folder : Path
        Where; empty.
    planned : iterable of Cell
        The stars.
    """
    write_series(folder, [spec for cell in planned for spec in cell.specs], seed=SEED)


@dataclass(frozen=True)
class Measured:
    """What a run says of the stars of one cell; arrays over images (n,).

    Parameters
    ----------
    flux : ndarray
        Flux densities after all corrections, mJy; NaN where there is none.
    expected : ndarray
        The noise expected of each, mJy.
    response : ndarray
        The response that was divided by.
    average : float
        The AOR's average, mJy; NaN where there is none.
    frame : ndarray
        EXPID of each image.
    """

    flux: FloatArray
    expected: FloatArray
    response: FloatArray
    average: float
    frame: NDArray[np.int64]


def measured(catalogue: Catalogue, planned: Iterable[Cell], **options: Any) -> dict[int, Measured]:
    """Measure stars by runs, one for each channel.

    Parameters
    ----------
    catalogue : Catalogue
        That holds them.
    planned : iterable of Cell
        The stars.
    **options
        Of `Catalogue.run`.

    Returns
    -------
    dict
        By AOR.
    """
    planned = list(planned)
    found = {}
    for channel in sorted({cell.channel for cell in planned}):
        aors = [cell.aorkey for cell in planned if cell.channel == channel]
        run = catalogue.run(channel=channel, aors=aors, **options)
        rows = catalogue.sql(
            "SELECT a.aorkey, e.expid, i.corrected, i.expected_noise, i.array_location_factor, "
            "i.pixel_phase_factor, a.aperture_correction, a.pixel_size, a.flux "
            "FROM image_result i JOIN aor_result a ON a.id = i.aor_result_id "
            f"JOIN frame e ON e.id = i.frame_id WHERE a.run_id = {run.run_id} "
            "ORDER BY i.row_number"
        ).rows
        table = np.array([[np.nan if v is None else float(v) for v in row] for row in rows])
        for aorkey in aors:
            _, expid, net, noise, location, phase, factor, size, flux = table[
                table[:, 0] == aorkey
            ].T
            to_mjy = factor * (size / 206265.0) ** 2 * 1e9
            response = location * phase
            found[aorkey] = Measured(
                net * to_mjy, noise / response * to_mjy, response, flux[0], expid.astype(np.int64)
            )
    return found


def without_noise(catalogue: Catalogue, planned: list[Cell]) -> Iterator[list[str]]:
    """Give the rows of the first table: what is left without any noise.

    Parameters
    ----------
    catalogue : Catalogue
        That holds the stars.
    planned : list of Cell
        The stars.

    Yields
    ------
    list of str
        Channel, mission, array; by radii the mean of flux density over truth less 1, per cent;
        what of the handbook's comes from the response having been taken at the centre found.
    """
    quiet = [cell for cell in planned if not cell.well]
    runs = [
        (radii, measured(catalogue, _fitting(quiet, radii), recipe=recipe, radius=radii))
        for recipe in RECIPES
        for radii in RADII
    ]
    for cell in quiet:
        found = [of.get(cell.aorkey) for _, of in runs]
        default = runs[RADII.index(DEFAULT)][1][cell.aorkey]
        response = 100.0 * (float(np.mean(cell.response / default.response)) - 1.0)
        yield [
            str(cell.channel),
            cell.mission,
            cell.mode,
            *("" if one is None else f"{off(cell, one):+.2f}" for one in found),
            f"{response:+.2f}",
        ]


def with_noise(catalogue: Catalogue, planned: list[Cell]) -> Iterator[list[str]]:
    """Give the rows of the second table: bias and scatter of noisy stars.

    Parameters
    ----------
    catalogue : Catalogue
        That holds the stars.
    planned : list of Cell
        The stars.

    Yields
    ------
    list of str
        Channel, mission, array, well, mJy; for each recipe the AOR's average over truth less 1
        with its standard error, per cent, and scatter over the expected noise.
    """
    runs = [measured(catalogue, planned, recipe=name, radius=DEFAULT) for name in RECIPES]
    for quiet, cell in pairs(planned):
        parts = []
        for of in runs:
            noise = deviations(of[quiet.aorkey], of[cell.aorkey])
            error = 100.0 * noise.std() / cell.flux / len(noise) ** 0.5
            parts.append(f"{off(cell, of[cell.aorkey]):+.2f} ± {error:.2f}")
            parts.append(f"{ratio(quiet, cell, of):.2f}")
        yield [
            str(cell.channel), cell.mission, cell.mode, f"{cell.well:g}", f"{cell.flux:.4g}", *parts
        ]  # fmt: skip


def pairs(planned: list[Cell]) -> list[tuple[Cell, Cell]]:
    """Find for each noisy cell the one without noise.

    Parameters
    ----------
    planned : list of Cell
        The stars.

    Returns
    -------
    list of tuple of Cell
        Without noise, with noise.
    """
    quiet = {(c.mode, c.mission, c.channel): c for c in planned if not c.well}
    return [(quiet[c.mode, c.mission, c.channel], c) for c in planned if c.well]


def off(cell: Cell, one: Measured) -> float:
    """Tell how far the average of a cell is from the truth.

    Parameters
    ----------
    cell : Cell
        The stars.
    one : Measured
        What was found of them.

    Returns
    -------
    float
        Per cent.
    """
    return 100.0 * (one.average / cell.flux - 1.0)


def deviations(quiet: Cell, cell: Cell, of: dict[int, Measured]) -> FloatArray:
    """Tell what noise did to each flux density: the same star without noise is taken away.

    Parameters
    ----------
    quiet, cell : Cell
        Without and with noise.
    of : dict
        From `measured`.

    Returns
    -------
    ndarray, shape (n,)
        mJy.
    """
    return of[cell.aorkey].flux - of[quiet.aorkey].flux * (cell.flux / quiet.flux)


def _fitting(planned: list[Cell], radii: Radii) -> list[Cell]:
    return [cell for cell in planned if cell.mode == "full" or radii[2] < 15.0]


