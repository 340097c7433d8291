"""The page's tables of simulated stars: flux densities of whole runs against the truth.

Stars follow the table of aperture corrections; they are written as files, taken into a catalogue
and measured by its runs.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from centre_tables import as_lines
from numpy.typing import NDArray

from iracdb import Catalogue
from iracdb.irac.simulate import FrameSpec, light, location_factor, phase_factor, write_series
from iracdb.photometry.sky import LEVEL_NOISE
from iracdb.runs.recipes import RECIPES

FloatArray = NDArray[np.float64]

SEED = 2018
MISSIONS = {"cryogenic": 54_000.0, "warm": 56_000.0}
FRAME_TIME = {"full": 12.0, "subarray": 0.4}
SKY = {1: 0.1, 2: 0.17, 3: 2.3, 4: 6.4}
"""MJy/sr by channel, as away from the ecliptic."""
WELL = (0.02, 0.2, 0.8)
"""How full the central pixel is of a star in its middle."""
ACROSS = 3
"""Places within a pixel along each axis, and of those over the full array."""
MARGIN = 40
"""How near to the edge of the full array stars are placed, pixels."""
POINTING = 0.4
"""How far the expected position is from the star at most, pixels."""
CUBES = 3
"""How many cubes of each kind are measured plane by plane."""


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
                for well in (0.0, *WELL):
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
    n = ACROSS
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
    """What a run says of the stars of one cell: mJy, after all corrections, over images (n,).

    Parameters
    ----------
    average : float
        The AOR's average; NaN where there is none.
    frame : ndarray
        EXPID of each image.
    flux, expected : ndarray
        Flux densities, NaN where there is none, and the noise expected of each.
    circle, background : ndarray
        What of it the circle holds, and what of that is sky.
    level : ndarray
        The error expected of the sky.
    response : ndarray
        The response that was divided by, without unit.
    """

    average: float
    frame: NDArray[np.int64]
    flux: FloatArray
    expected: FloatArray
    circle: FloatArray
    background: FloatArray
    level: FloatArray
    response: FloatArray


_COLUMNS = """
SELECT a.aorkey, e.expid, i.raw, i.background, i.expected_noise, i.sky_sigma, i.sky_pixels,
       i.array_location_factor * i.pixel_phase_factor, a.aperture_correction, a.pixel_size, a.flux
FROM image_result i JOIN aor_result a ON a.id = i.aor_result_id JOIN frame e ON e.id = i.frame_id
WHERE a.run_id = {} ORDER BY i.row_number
"""


def measured(catalogue: Catalogue, planned: Iterable[Cell], **options: Any) -> dict[int, Measured]:
    """Measure stars by runs, one for each channel.

    Parameters
    ----------
    catalogue : Catalogue
        That holds them.
    planned : iterable of Cell
        The stars.
    **options
        Of `Catalogue.run`, recipe and radius among them.

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
        rows = catalogue.sql(_COLUMNS.format(run.run_id)).rows
        table = np.array([[np.nan if v is None else float(v) for v in row] for row in rows])
        area = math.pi * options["radius"][0] ** 2
        level_noise = LEVEL_NOISE[RECIPES[options["recipe"]].sky]
        for aorkey in aors:
            columns = table[table[:, 0] == aorkey].T
            _, frame, raw, sky, noise, sigma, pixels, response, factor, size, flux = columns
            unit = factor * (size / 206265.0) ** 2 * 1e9 / response
            found[aorkey] = Measured(
                float(flux[0]),
                frame.astype(np.int64),
                (raw - sky) * unit,
                noise * unit,
                raw * unit,
                sky * unit,
                area * level_noise * sigma / np.sqrt(pixels) * unit,
                response,
            )
    return found


def study(catalogue: Catalogue, planned: list[Cell]) -> dict[str, dict[int, Measured]]:
    """Measure all stars in all ways.

    Parameters
    ----------
    catalogue : Catalogue
        That holds them.
    planned : list of Cell
        The stars.

    Returns
    -------
    dict
        By recipe and radii, and ``each`` for single planes: from `measured`.
    """
    quiet = [cell for cell in planned if not cell.well]
    full = [cell for cell in planned if cell.mode == "full"]
    cubes = [cell for cell in planned if cell.mode == "subarray" and cell.well]
    ways: dict[str, tuple[list[Cell], dict[str, Any]]] = {
        "handbook 2 2 6": (quiet, {}),
        "handbook 3 3 7": (planned, {}),
        "handbook 3 12 20": (full, {}),
        "handbook 5 5 10": (quiet, {}),
        "handbook 10 12 20": ([cell for cell in full if not cell.well], {}),
        "manual 3 3 7": (planned, {}),
        "manual 10 12 20": ([cell for cell in full if not cell.well], {}),
        "each 3 3 7": (cubes, {"planes": "each", "where": f"expid < {CUBES}"}),
    }
    found = {}
    for name, (cells_of_it, options) in ways.items():
        recipe, *radii = name.split()
        found[name] = measured(
            catalogue,
            cells_of_it,
            recipe="handbook" if recipe == "each" else recipe,
            radius=tuple(map(float, radii)),
            **options,
        )
    return found


Study = dict[str, dict[int, Measured]]

QUIET = ("handbook 2 2 6", "handbook 3 3 7", "handbook 5 5 10", "handbook 10 12 20",
         "manual 3 3 7", "manual 10 12 20")  # fmt: skip


def without_noise(planned: list[Cell], of: Study) -> Iterator[list[str]]:
    """Give the rows of the first table: what is left without any noise.

    Parameters
    ----------
    planned : list of Cell
        The stars.
    of : dict
        From `study`.

    Yields
    ------
    list of str
        Channel, mission, array; average over truth less 1 by recipe and radii, per cent; what of
        that through 3/3-7 comes from the response having been taken at the centre found.
    """
    for cell in planned:
        if cell.well:
            continue
        used = of["handbook 3 3 7"][cell.aorkey].response
        yield [
            *_kind(cell),
            *(
                f"{off(cell, of[way][cell.aorkey]):+.2f}" if cell.aorkey in of[way] else ""
                for way in QUIET
            ),
            f"{100.0 * (float(np.mean(cell.response / used)) - 1.0) + 0.0:+.2f}",
        ]


def with_noise(planned: list[Cell], of: Study) -> Iterator[list[str]]:
    """Give the rows of the second table: noisy stars.

    Parameters
    ----------
    planned : list of Cell
        The stars.
    of : dict
        From `study`.

    Yields
    ------
    list of str
        Channel, mission, array, well, mJy; average over truth less 1 with its standard error, per
        cent, by recipe and radii.
    """
    for quiet, cell in pairs(planned):
        parts = []
        for way in ("handbook 3 3 7", "handbook 3 12 20", "manual 3 3 7"):
            if cell.aorkey in of[way]:
                noise = deviations(quiet, cell, of[way])
                error = 100.0 * float(noise.std(ddof=1)) / cell.flux / len(noise) ** 0.5
                parts.append(f"{off(cell, of[way][cell.aorkey]):+.2f} ± {error:.2f}")
            else:
                parts.append("")
        yield [*_kind(cell), f"{cell.well:g}", f"{cell.flux:.4g}", *parts]


def single_planes(planned: list[Cell], of: Study) -> Iterator[list[str]]:
    """Give the rows of the third table: how single planes scatter within their cubes.

    Parameters
    ----------
    planned : list of Cell
        The stars.
    of : dict
        From `study`.

    Yields
    ------
    list of str
        Channel, mission, well; mean over truth less 1, scatter, per cent; scatter over what is
        expected: of the flux density, of the circle, of the sky in it.
    """
    for cell in planned:
        if cell.aorkey in of["each 3 3 7"]:
            one = of["each 3 3 7"][cell.aorkey]
            far = 100.0 * (float(np.nanmean(one.flux)) / cell.flux - 1.0)
            spread = 100.0 * within_cubes(one, one.flux) / cell.flux
            yield [
                *_kind(cell)[:2],
                f"{cell.well:g}",
                f"{far:+.2f}",
                f"{spread:.2f}",
                *(f"{ratio:.2f}" for ratio in ratios(one)),
            ]


def ratios(one: Measured) -> tuple[float, float, float]:
    """Tell the scatter of single planes over what is expected of them.

    Parameters
    ----------
    one : Measured
        Of single planes.

    Returns
    -------
    tuple of float
        Of flux density, of the light in the circle by photons and read noise, of the sky in it.
    """

    def rms(values: FloatArray) -> float:
        return float(np.sqrt(np.nanmean(values)))

    return (
        within_cubes(one, one.flux) / rms(one.expected**2),
        within_cubes(one, one.circle) / rms(one.expected**2 - one.level**2),
        within_cubes(one, one.background) / rms(one.level**2),
    )


def within_cubes(one: Measured, values: FloatArray) -> float:
    """Tell the standard deviation within cubes, each about its own mean.

    Parameters
    ----------
    one : Measured
        Of single planes.
    values : ndarray
        One a plane.

    Returns
    -------
    float
        In their unit.
    """
    variances = [np.nanvar(values[one.frame == n], ddof=1) for n in np.unique(one.frame)]
    return float(np.sqrt(np.mean(variances)))


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
    quiet = {tuple(_kind(cell)): cell for cell in planned if not cell.well}
    return [(quiet[tuple(_kind(cell))], cell) for cell in planned if cell.well]


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


def _kind(cell: Cell) -> list[str]:
    return [str(cell.channel), cell.mission, cell.mode]


KIND = ["channel", "mission", "array"]
QUIET_TITLES = [*KIND, "2/2-6", "3/3-7", "5/5-10", "10/12-20", "manual 3/3-7", "manual 10/12-20",
                "of 3/3-7, response"]  # fmt: skip
NOISY_TITLES = [*KIND, "well", "mJy", "handbook, 3/3-7", "handbook, 3/12-20", "manual, 3/3-7"]
PLANE_TITLES = [*KIND[:2], "well", "off", "scatter, %", "over expected", "circle alone",
                "sky alone"]  # fmt: skip


def main() -> None:
    """Print the tables."""
    planned = cells()
    with tempfile.TemporaryDirectory() as folder:
        written(Path(folder, "archive"), planned)
        with Catalogue(str(Path(folder, "stars.sqlite"))) as catalogue:
            catalogue.ingest(Path(folder, "archive"))
            of = study(catalogue, planned)
    for titles, rows in (
        (QUIET_TITLES, without_noise(planned, of)),
        (NOISY_TITLES, with_noise(planned, of)),
        (PLANE_TITLES, single_planes(planned, of)),
    ):
        print(as_lines(titles, rows))


if __name__ == "__main__":
    main()
