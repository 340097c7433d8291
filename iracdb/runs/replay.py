"""The chain from image rows to an AOR's flux, again: with the rules of 2018, or done right.

Pure arithmetic on the rows of one average; knows no database.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from iracdb.irac.handbook import PIXEL_SIZE, is_cryogenic
from iracdb.photometry.combine import Average, average, to_mjy
from iracdb.photometry.correction import Corrected, correct, tables_of
from iracdb.photometry.rejection import parse_rejection

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Rows:
    """The image rows of one average.

    Parameters
    ----------
    x, y : ndarray, shape (n,)
        Fitted centres, pixels; NaN where there is none.
    net : ndarray, shape (n,)
        Net fluxes, MJy/sr x pixel; NaN where there is none.
    mjd : ndarray, shape (n,)
        Times.
    """

    x: FloatArray
    y: FloatArray
    net: FloatArray
    mjd: FloatArray


@dataclass(frozen=True)
class Rules:
    """How an average is made of its rows.

    Parameters
    ----------
    channel : int
        1 to 4.
    aperture_correction, pixel_size : float
        As applied.
    subarray : bool
        Whether the frames are of the subarray.
    pairing, rejection : str
        Names of rules in `iracdb.photometry`.
    tables : {'auto', 'cryo'}
        Which mission's response: each image's own, or the cryogenic for all.
    """

    channel: int
    aperture_correction: float
    pixel_size: float
    subarray: bool
    pairing: str
    rejection: str
    tables: str


@dataclass(frozen=True)
class Replayed:
    """An average made again.

    Parameters
    ----------
    mean : Average
        In mJy.
    array_location, pixel_phase : ndarray, shape (n,)
        The factors applied; NaN where there is no flux.
    corrected : ndarray, shape (n,)
        Net fluxes over both factors.
    """

    mean: Average
    array_location: FloatArray
    pixel_phase: FloatArray
    corrected: FloatArray


def published_rules(
    channel: int,
    *,
    aperture_correction: float | None,
    pixel_size: float | None,
    subarray: bool,
    counts_rejections: bool,
) -> Rules:
    """Tell the rules by which a published run was made.

    Runs 1 to 4 have no command and count no rejections: they took the pixel of their channel, no
    aperture correction, rejected nothing, and used the cryogenic tables whatever the mission.

    Parameters
    ----------
    channel : int
        1 to 4.
    aperture_correction, pixel_size : float or None
        From the command; None where there is none.
    subarray : bool
        Whether the table says SUB.
    counts_rejections : bool
        Whether the AOR table has a column for them.

    Returns
    -------
    Rules
        Complete.
    """
    return Rules(
        channel,
        1.0 if aperture_correction is None else aperture_correction,
        PIXEL_SIZE[channel] if pixel_size is None else pixel_size,
        subarray,
        pairing="stripped",
        rejection="published" if counts_rejections else "none",
        tables="auto" if counts_rejections else "cryo",
    )


def done_right(rules: Rules) -> Rules:
    """Take the known issues out of rules.

    Parameters
    ----------
    rules : Rules
        Of a published run.

    Returns
    -------
    Rules
        As the manual promises.
    """
    return replace(rules, pairing="image", rejection="minmax", tables="auto")


def replay(rows: Rows, rules: Rules) -> Replayed:
    """Make an average again.

    Parameters
    ----------
    rows : Rows
        Its images.
    rules : Rules
        How.

    Returns
    -------
    Replayed
        The average and what it is made of.
    """
    return Replays(rows)(rules)


class Replays:
    """An average made again by one set of rules after the other.

    What several of them have in common is made once.

    Parameters
    ----------
    rows : Rows
        Its images.
    """

    def __init__(self, rows: Rows) -> None:
        self.rows = rows
        self._cryogenic = np.array([is_cryogenic(mjd) for mjd in rows.mjd], dtype=bool)
        self._corrected: dict[Rules, Corrected] = {}
        self._made: dict[Rules, Replayed] = {}

    def __call__(self, rules: Rules) -> Replayed:
        """Make it again.

        Parameters
        ----------
        rules : Rules
            As of `replay`.

        Returns
        -------
        Replayed
            What `replay` gives.
        """
        if rules not in self._made:
            made = self._correct(rules)
            mjy = to_mjy(made.flux, rules.aperture_correction, rules.pixel_size)
            mean = average(mjy, parse_rejection(rules.rejection))
            self._made[rules] = Replayed(mean, made.array_location, made.pixel_phase, made.flux)
        return self._made[rules]

    def _correct(self, rules: Rules) -> Corrected:
        # Rejection has no part in it.
        alike = replace(rules, rejection="none")
        if alike not in self._corrected:
            self._corrected[alike] = correct(
                self.rows.x,
                self.rows.y,
                self.rows.net,
                channel=rules.channel,
                tables=tables_of(rules.tables, self._cryogenic),
                subarray=np.full(self.rows.net.shape, rules.subarray),
                pairing=rules.pairing,
            )
        return self._corrected[alike]


def shares(replays: Replays, rules: Rules) -> dict[str, float]:
    """Split the change from the rules of 2018 to those of the manual by known issue.

    One rule after the other is put right, in this order: pairing, tables, rejection.

    Parameters
    ----------
    replays : Replays
        Of the images of one average.
    rules : Rules
        Of a published run.

    Returns
    -------
    dict
        Change of the flux in mJy by known issue; they add up to the whole change.
    """
    right = done_right(rules)
    steps = [rules]
    steps.append(replace(steps[-1], pairing=right.pairing))
    steps.append(replace(steps[-1], tables=right.tables))
    steps.append(replace(steps[-1], rejection=right.rejection))
    fluxes = [replays(step).mean.flux for step in steps]
    names = ("pairing", "tables", "rejection")
    return {name: fluxes[i + 1] - fluxes[i] for i, name in enumerate(names)}
