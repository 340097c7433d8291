"""The two calls of the pipeline of 2018 from a script."""

from __future__ import annotations

import contextlib
import inspect
import os
import warnings
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, overload

import numpy as np
from astropy.coordinates import SkyCoord
from astropy.table import Table
from numpy.typing import NDArray

from iracdb.api import Catalogue
from iracdb.compat.asked import Asked, checked_mission, measuring, rejects, targets_asked
from iracdb.compat.measured import Measured, measure, take_in
from iracdb.compat.places import places_of_files
from iracdb.errors import UsageError
from iracdb.layouts import DEFAULT_LAYOUT, LAYOUTS, MISSING_TEXT, Layout
from iracdb.runs.tables import Which, columns_of, make_table

Tables = tuple[Table, Table, NDArray[np.int64]]
Where = str | os.PathLike[str] | Catalogue | None

OLDER_LAYOUT = "11-13-XO"
"""The tables that the older call gave."""


@overload
def run(
    crdFormat: str,
    aor_crd: str | Sequence[str],
    filetype: str,
    r: float,
    rIn: float,
    rOut: float,
    ap_corr: float,
    channel: int,
    pixLen: float,
    rejection: bool = True,
    *,
    catalogue: Where = None,
) -> Tables: ...


@overload
def run(
    AORs: Sequence[Sequence[str]],
    sky: SkyCoord,
    r: float,
    rIn: float,
    rOut: float,
    ap_corr: float,
    pixArea: float,
    mission: str,
    channel: int,
    N: object,
    *,
    catalogue: Where = None,
) -> Tables: ...


def run(*arguments: Any, catalogue: Where = None, **named: Any) -> Tables:
    """Measure AORs as the pipeline of 2018 was asked to, and record the run.

    Two calls are understood, by position or by name. The later one is::

        run(crdFormat, aor_crd, filetype, r, rIn, rOut, ap_corr, channel, pixLen, rejection=True)

    ``crdFormat`` is ``'single_hms'``, ``'single_deg'``, ``'multiple_hms'`` or
    ``'multiple_deg'``; ``aor_crd`` is ``[path, position]``, where the path may hold a wildcard,
    or the name of a list with the columns ``AOR Filepath`` and ``Target Coordinates``;
    ``filetype`` is ``'bcd'``, ``'cbcd'`` or ``'sub2d'``; ``pixLen`` is the pixel size in arcsec;
    ``rejection`` leaves out smallest and largest by the manual's rule. The older one is::

        run(AORs, sky, r, rIn, rOut, ap_corr, pixArea, mission, channel, N)

    ``AORs`` is a list of lists of file names, one list an AOR; ``sky`` an astropy SkyCoord;
    ``pixArea``, in spite of its name, the length of a pixel in arcsec, as the manual describes it
    and the published command lines give it (1.221); ``mission`` is ``'Cryogenic'`` or
    ``'Warm'`` and must be that of the frames; ``N`` is ``'n/a'`` for no rejection, and
    anything else for the manual's rule. Radii are pixels, ``ap_corr`` is the aperture correction.

    The frames are ingested first. A run is over all frames that the catalogue holds of the AORs
    named: where that is more than the paths hold, a warning says so; where files were listed one
    by one, it is refused. No files are written.

    Parameters
    ----------
    *arguments : object
        Those of either call.
    catalogue : path, URL or Catalogue, optional
        Where the frames and the run are recorded; by default ``IRACDB_DATABASE_URL``, else
        ``iracdb.sqlite`` in the current folder.
    **named : object
        Those of either call, by name.

    Returns
    -------
    aor_data : astropy.table.Table
        One row an average, with the columns of the published tables (the older call: those of
        run5 to run13); NaN where there is no value, ``--`` where there is no text.
    img_data : astropy.table.Table
        One row an image.
    prob_aor : ndarray of int, shape (n,)
        AORKEYs that gave no flux, one entry an empty row.

    Raises
    ------
    iracdb.errors.UsageError
        Where the arguments are those of neither call, or wrong.
    iracdb.errors.InputRefused
        Where a path, a list or a position cannot be used, or no run can be made of them.
    """
    later = _is_later(arguments, named)
    form = _later if later else _older
    try:
        given = inspect.signature(form).bind(*arguments, **named)
    except TypeError as problem:
        raise UsageError(f"{_signature(form)}: {problem}") from None
    given.apply_defaults()
    asked = form(*given.args)
    notes: list[str] = []
    command = f"iracdb.compat.run({_shown(given.arguments)})"
    layout = LAYOUTS[DEFAULT_LAYOUT if later else OLDER_LAYOUT]
    tables = _tables(catalogue, asked, command, layout, notes.append)
    for note in notes:
        warnings.warn(note, UserWarning, stacklevel=2)
    return tables


def _is_later(arguments: tuple[Any, ...], named: dict[str, Any]) -> bool:
    """Tell the calls apart: the later one begins with a word, the older one with lists."""
    later = named.keys() & (set(inspect.signature(_later).parameters) - _BOTH)
    older = named.keys() & (set(inspect.signature(_older).parameters) - _BOTH)
    if later and older:
        raise UsageError(
            f"{', '.join(sorted(later))} and {', '.join(sorted(older))} belong to two calls: "
            f"{_signature(_later)} and {_signature(_older)}"
        )
    if arguments:
        return isinstance(arguments[0], str)
    return not older


def _later(
    crdFormat: str,
    aor_crd: str | Sequence[str],
    filetype: str,
    r: float,
    rIn: float,
    rOut: float,
    ap_corr: float,
    channel: int,
    pixLen: float,
    rejection: bool = True,
) -> Asked:
    if not isinstance(rejection, bool | np.bool_):
        raise UsageError(f"The rejection is True or False, not {rejection!r}")
    words = [aor_crd] if isinstance(aor_crd, str | os.PathLike) else list(aor_crd)
    places, target = targets_asked(str(crdFormat), [os.fspath(word) for word in words])
    options = measuring(
        kind=filetype, radii=(r, rIn, rOut), correction=ap_corr, channel=channel,
        pixel=pixLen, rejection=bool(rejection),
    )  # fmt: skip
    return Asked(places, {**target, **options})


def _older(
    AORs: Sequence[Sequence[str]],
    sky: SkyCoord,
    r: float,
    rIn: float,
    rOut: float,
    ap_corr: float,
    pixArea: float,
    mission: str,
    channel: int,
    N: object,
) -> Asked:
    mission = checked_mission(mission)
    if any(isinstance(files, str | os.PathLike) for files in AORs):
        raise UsageError("AORs is a list of lists of files, one list an AOR")
    coord = _degrees(sky)
    options = measuring(
        kind="bcd", radii=(r, rIn, rOut), correction=ap_corr, channel=channel,
        pixel=pixArea, rejection=rejects(N),
    )  # fmt: skip
    places, kind = places_of_files(AORs, options["channel"])
    return Asked(places, {"coord": coord, **options, "kind": kind}, mission)


_BOTH = set(inspect.signature(_later).parameters) & set(inspect.signature(_older).parameters)


def _signature(form: Callable[..., Asked]) -> str:
    return f"run({', '.join(inspect.signature(form).parameters)})"


def _degrees(sky: Any) -> str:
    """Write a position so that it reads back to the same bits."""
    if not isinstance(sky, SkyCoord) or sky.size != 1:
        raise UsageError("sky is one astropy SkyCoord")
    icrs = sky.icrs.reshape(())
    ra, dec = (Decimal(repr(float(angle.deg))) for angle in (icrs.ra, icrs.dec))
    return f"{ra:f} {dec:+f}"


def _shown(given: dict[str, Any]) -> str:
    """Write the arguments for the log; which files were measured the catalogue knows."""
    return ", ".join(f"{name}={_shown_one(name, value)}" for name, value in given.items())


def _shown_one(name: str, value: Any) -> str:
    if name == "AORs":
        lists = [list(files) for files in value]
        return f"<{len(lists)} lists of {sum(map(len, lists))} files>"
    if isinstance(value, SkyCoord):
        return f"SkyCoord({_degrees(value)!r}, unit='deg')"
    return repr(value.item() if isinstance(value, np.generic) else value)


def _tables(
    where: Where, asked: Asked, command: str, layout: Layout, on_note: Callable[[str], None]
) -> Tables:
    # Where nothing is there to be taken in, no empty catalogue is left behind.
    opened = (
        contextlib.nullcontext(where)
        if isinstance(where, Catalogue)
        else Catalogue(where, create=bool(asked.places.there))
    )
    with opened as catalogue:
        take_in(catalogue, asked, on_note=on_note)
        measured = measure(catalogue, asked, command=command, on_note=on_note)
        problems = np.array(measured.problem_aors, dtype=np.int64)
        return _table(measured, "aor", layout), _table(measured, "img", layout), problems


def _table(measured: Measured, which: Which, layout: Layout) -> Table:
    """Make a table as `astropy.io.ascii` would read the published one, with units."""
    made = measured.run
    columns, rows = columns_of(layout, which), made.rows(which, layout)
    filled = [
        tuple(
            MISSING_TEXT if cell is None and column.form == "text" else cell
            for column, cell in zip(columns, row, strict=True)
        )
        for row in rows
    ]
    meta = {"run_id": made.run_id, "run_name": made.name}
    return Table(make_table(columns, filled, int(made.row.channel), meta))
