"""Two runs of different channels side by side: flux ratios and Vega colours."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row

from iracdb.catalogue.database import Database
from iracdb.compare.matching import plain_name
from iracdb.errors import NotFound, RunRefused, UsageError
from iracdb.irac.zero_points import VEGA
from iracdb.runs.results import Run
from iracdb.runs.withdrawal import withdrawn_sentence

WITHIN = 0.5
"""Days that two averages of different AORs may lie apart."""

BANDS = {1: "3.6", 2: "4.5", 3: "5.8", 4: "8.0"}
"""Names of the channels in a colour, micrometres."""

_SHOWN = 10
_MAGNITUDES = 2.5 / math.log(10)


@dataclass(frozen=True)
class ColourRow:
    """One average of a run with its like in the other.

    Parameters
    ----------
    target : str
        Its name in the first run.
    joined_by : {'AOR', 'time'}
        What the two have in common.
    aorkey_a, aorkey_b : int
        Their AORs.
    bjd_a, bjd_b : float or None
        Mean middles, Julian days TDB at the barycentre; None where not told.
    mjd_a, mjd_b : float or None
        The same at the telescope, days UTC; in older and imported runs MJD_OBS of the last frame.
    flux_a, error_a : float, or None for the error
        mJy, and the standard error of that mean, or as ``error_from_a`` says.
    error_from_a : str or None
        ``standard error``, ``scatter`` over the root of the images less 1, or ``expected noise``,
        where there is one image only.
    flux_b, error_b, error_from_b : as of the first
        Of the second run.
    ratio, ratio_error : float or None
        Flux of the first over that of the second.
    colour, colour_error : float or None
        Magnitude of the first less that of the second, Vega; None where a flux is not above 0.
    """

    target: str
    joined_by: str
    aorkey_a: int
    aorkey_b: int
    bjd_a: float | None
    bjd_b: float | None
    mjd_a: float | None
    mjd_b: float | None
    flux_a: float
    error_a: float | None
    error_from_a: str | None
    flux_b: float
    error_b: float | None
    error_from_b: str | None
    ratio: float | None
    ratio_error: float | None
    colour: float | None
    colour_error: float | None


@dataclass(frozen=True)
class Colours:
    """Two runs joined.

    Parameters
    ----------
    name_a, name_b : str
        The runs.
    channel_a, channel_b : int
        Their channels.
    rows : list of ColourRow
        By target and time.
    alone_a, alone_b : int
        Averages with a flux that have no like in the other run.
    notes : list of str
        What is to be known.
    """

    name_a: str
    name_b: str
    channel_a: int
    channel_b: int
    rows: list[ColourRow]
    alone_a: int
    alone_b: int
    notes: list[str]

    @property
    def title(self) -> str:
        """Name of the colour, such as ``[3.6]-[4.5]``."""
        return f"[{BANDS[self.channel_a]}]-[{BANDS[self.channel_b]}]"


def colour_of(flux_a: float, flux_b: float, channel_a: int, channel_b: int) -> float | None:
    """Tell the Vega colour of two flux densities.

    Parameters
    ----------
    flux_a, flux_b : float
        mJy.
    channel_a, channel_b : int
        1 to 4.

    Returns
    -------
    float or None
        Magnitude of the first less that of the second, by `iracdb.irac.zero_points`; None where
        a flux density is not above zero.
    """
    if not (flux_a > 0 and flux_b > 0):
        return None
    return -2.5 * math.log10(flux_a / flux_b / (VEGA[channel_a] / VEGA[channel_b]))


def colours(
    database: Database,
    a: int | str,
    b: int | str,
    *,
    target: str | None = None,
    within: float = WITHIN,
) -> Colours:
    """Join two runs of different channels, average by average.

    Parameters
    ----------
    database : Database
        With both.
    a, b : int or str
        Numbers or names of two finished runs.
    target : str, optional
        Only this target, whatever the case and blanks of its name.
    within : float, optional
        Averages of different AORs are joined where they are not further apart, days.

    Returns
    -------
    Colours
        An average is joined with the other channel's of the same AOR and target, of the same
        group of frames first; what is left, with the nearest in time of the target. Each
        average is used once.

    Raises
    ------
    NotFound
        Where there is no such run, no target in common, or nothing near enough.
    RunRefused
        Where a run is not finished, or both are of one channel.
    UsageError
        Where the days are no number of days.
    """
    if not (within >= 0 and math.isfinite(within)):
        raise UsageError(f"--within takes days, 0 or more, not {within}")
    runs = [Run(database, which) for which in (a, b)]
    for run in runs:
        if run.state != "finished":
            raise RunRefused(f"Run {run.run_id} ({run.name}) is not finished")
    if runs[0].row.channel == runs[1].row.channel:
        raise RunRefused(
            f"{runs[0].name} and {runs[1].name} are both of channel {runs[0].row.channel}: a "
            f"colour is of two (to compare them: iracdb compare {runs[0].name} {runs[1].name})"
        )
    of_a, of_b = ([row for row in run.averages() if row.flux is not None] for run in runs)
    common = _in_common(of_a, of_b)
    if not common:
        raise NotFound(
            f"{runs[0].name} and {runs[1].name} have no target in common: "
            f"{_listed(of_a)}; {_listed(of_b)}"
        )
    if target is not None:
        meant = {key for key, names in common.items() if plain_name(target) in names}
        if not meant:
            names = sorted({row.target_name for row in of_a if _keys(row) & common.keys()})
            raise NotFound(
                f"{runs[0].name} and {runs[1].name} have no target {target!r} in common; they "
                f"have {', '.join(names[:_SHOWN])}"
            )
        of_a, of_b = ([row for row in side if _keys(row) & meant] for side in (of_a, of_b))
    pairs = _joined(of_a, of_b, within)
    if not pairs:
        raise NotFound(
            f"{runs[0].name} and {runs[1].name} have no AOR of a target in common, and nothing "
            f"within {within:g} days: allow more with --within"
        )
    channel_a, channel_b = (int(run.row.channel) for run in runs)
    rows = [_row(one, other, by, channel_a, channel_b) for one, other, by in pairs]
    rows.sort(key=lambda row: (row.target, row.mjd_a if row.mjd_a is not None else math.inf))
    said = [withdrawn_sentence(run.row) for run in runs]
    return Colours(
        name_a=runs[0].name,
        name_b=runs[1].name,
        channel_a=channel_a,
        channel_b=channel_b,
        rows=rows,
        alone_a=len(of_a) - len(rows),
        alone_b=len(of_b) - len(rows),
        notes=[text for text in said if text is not None],
    )


Key = tuple[str, Any]


def _keys(row: Row[Any]) -> set[Key]:
    """Tell what a target is known by: its number in the catalogue, and its name."""
    return {("number", row.target_id), ("name", plain_name(row.target_name))}


def _in_common(of_a: Sequence[Row[Any]], of_b: Sequence[Row[Any]]) -> dict[Key, set[str]]:
    """Give what targets of both are known by, each with the names that it has."""
    names: dict[Key, set[str]] = {}
    for row in (*of_a, *of_b):
        for key in _keys(row):
            names.setdefault(key, set()).add(plain_name(row.target_name))
    both = {k for row in of_a for k in _keys(row)} & {k for row in of_b for k in _keys(row)}
    return {key: names[key] for key in both}


def _listed(rows: Sequence[Row[Any]]) -> str:
    names = list(dict.fromkeys(row.target_name for row in rows))
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more or "none with a flux"


def _time(row: Row[Any]) -> float:
    time = row.mjd_obs if row.mjd_mid is None else row.mjd_mid
    return math.nan if time is None else float(time)


def _joined(
    of_a: Sequence[Row[Any]], of_b: Sequence[Row[Any]], within: float
) -> list[tuple[Row[Any], Row[Any], str]]:
    """Pair averages, the surest first: of one AOR and group, of one AOR, the nearest in time."""
    possible = []
    known_b = [(_time(other), _keys(other)) for other in of_b]
    for place_a, one in enumerate(of_a):
        time, keys = _time(one), _keys(one)
        for place_b, other in enumerate(of_b):
            apart = abs(time - known_b[place_b][0])
            same = one.aorkey == other.aorkey
            if (same or apart <= within) and keys & known_b[place_b][1]:
                alike = one.frame_group == other.frame_group and one.repeat == other.repeat
                far = math.inf if math.isnan(apart) else apart
                rank = 0 if same and alike else 1 if same else 2
                possible.append((rank, far, place_a, place_b))
    pairs, used_a, used_b = [], set(), set()
    for rank, _, place_a, place_b in sorted(possible):
        if place_a not in used_a and place_b not in used_b:
            used_a.add(place_a)
            used_b.add(place_b)
            pairs.append((of_a[place_a], of_b[place_b], "time" if rank == 2 else "AOR"))
    return pairs


def _error(row: Row[Any]) -> tuple[float | None, str | None]:
    """Tell the error of an average, and what it is."""
    if row.standard_error is not None:
        return float(row.standard_error), "standard error"
    counted = None if row.n_workable is None else row.n_workable - (row.n_rejected or 0)
    if counted is not None and counted > 1 and row.error is not None:
        return float(row.error) / math.sqrt(counted - 1), "scatter"
    if row.expected_noise is not None:
        return float(row.expected_noise), "expected noise"
    return None, None


def _row(one: Row[Any], other: Row[Any], by: str, channel_a: int, channel_b: int) -> ColourRow:
    (error_a, from_a), (error_b, from_b) = _error(one), _error(other)
    colour = colour_of(one.flux, other.flux, channel_a, channel_b)
    ratio = one.flux / other.flux if other.flux != 0 else None
    relative = None
    if error_a is not None and error_b is not None and one.flux != 0 and other.flux != 0:
        relative = math.hypot(error_a / one.flux, error_b / other.flux)
    return ColourRow(
        target=one.target_name, joined_by=by, aorkey_a=one.aorkey, aorkey_b=other.aorkey,
        bjd_a=one.bjd_mid, bjd_b=other.bjd_mid,
        mjd_a=one.mjd_obs if one.mjd_mid is None else one.mjd_mid,
        mjd_b=other.mjd_obs if other.mjd_mid is None else other.mjd_mid,
        flux_a=one.flux, error_a=error_a, error_from_a=from_a,
        flux_b=other.flux, error_b=error_b, error_from_b=from_b,
        ratio=ratio,
        ratio_error=None if relative is None or ratio is None else abs(ratio) * relative,
        colour=colour,
        colour_error=None if relative is None or colour is None else _MAGNITUDES * relative,
    )  # fmt: skip
