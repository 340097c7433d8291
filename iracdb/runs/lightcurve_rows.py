"""The rows behind a light curve: which target is meant, and what is stored of its images."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Connection, Row, func, select

from iracdb.catalogue import tables as t
from iracdb.errors import InputRefused, NotFound, UsageError

_SHOWN = 10
_SAME_ARCSEC = 0.1


def target_meant(names: Sequence[str], wanted: str | None, run_name: str) -> list[str]:
    """Find the target that is meant.

    Parameters
    ----------
    names : sequence of str
        The run's targets.
    wanted : str or None
        As typed: whatever its case and blanks, where it is no name to the letter. None for the
        only one.
    run_name : str
        For the sentence of an error.

    Returns
    -------
    list of str
        Its name; several, where they differ by case and blanks alone.

    Raises
    ------
    NotFound
        Where there is none of that name; its sentence lists those that are.
    UsageError
        Where none is named and the run has several.
    """
    listed = ", ".join(names[:_SHOWN])
    if len(names) > _SHOWN:
        listed += f" and {len(names) - _SHOWN} more (iracdb show {run_name})"
    if wanted is None:
        if len({_plain(name) for name in names}) > 1:
            raise UsageError(f"{run_name} has several targets, name one with --target: {listed}")
        if not names:
            raise NotFound(f"{run_name} has no target: it holds no results")
        return list(names)
    found = [name for name in names if name == wanted]
    found = found or [name for name in names if _plain(name) == _plain(wanted)]
    if not found:
        raise NotFound(f"{run_name} has no target {wanted!r}; it has {listed or 'none'}")
    return found


def _plain(name: str) -> str:
    return "".join(name.lower().replace("_", " ").split())


def image_rows(
    connection: Connection, run_id: int, names: Sequence[str], aors: Collection[int]
) -> Sequence[Row[Any]]:
    """Read what is stored of the images of a target.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue.
    run_id : int
        The run.
    names : sequence of str
        Of the target.
    aors : collection of int
        Only these; all where there are none.

    Returns
    -------
    sequence of Row
        Of ``image_result``, with what its average, frame and file tell; by time.
    """
    image, average, frame, file = t.image_result, t.aor_result, t.frame, t.file
    columns = (
        image.c.file_id, image.c.plane, image.c.flags, image.c.kept,
        image.c.x, image.c.y, image.c.fwhm_x, image.c.fwhm_y, image.c.noise_pixels,
        image.c.sky, image.c.sky_sigma, image.c.peak, image.c.well_fraction,
        image.c.pixel_phase_factor, image.c.array_location_factor,
        image.c.raw, image.c.background, image.c.corrected, image.c.calibration_factor,
        image.c.net_error, image.c.expected_noise, image.c.bjd_mid, image.c.mjd_mid,
        func.coalesce(image.c.mjd_obs, file.c.mjd_obs, frame.c.mjd_obs).label("mjd_obs"),
        average.c.aorkey, average.c.frame_group, average.c.target_id, average.c.target_ra,
        average.c.target_dec, average.c.aperture_correction, average.c.pixel_size,
        average.c.colour_correction, frame.c.id.label("frame_id"),
        frame.c.expid, frame.c.dcenum, file.c.fpa_temperature,
        file.c.jitter, file.c.gain, file.c.exposure_time, file.c.fluxconv,
    )  # fmt: skip
    query = (
        select(*columns)
        .join(average, average.c.id == image.c.aor_result_id)
        .join(frame, frame.c.id == image.c.frame_id)
        .join(file, file.c.id == image.c.file_id, isouter=True)
        .where(average.c.run_id == run_id, average.c.target_name.in_(list(names)))
        .order_by(image.c.row_number)
    )
    rows: list[Any] = list(connection.execute(query))
    if aors:
        rows = [row for row in rows if row.aorkey in set(aors)]
    return sorted(rows, key=_time)


def _time(row: Row[Any]) -> float:
    """Give the time of an image; one without any comes last."""
    time = row.mjd_obs if row.mjd_mid is None else row.mjd_mid
    return math.inf if time is None else float(time)


def check_one_star(rows: Sequence[Row[Any]], name: str, run_name: str) -> str | None:
    """Make sure that rows of one name are of one star, as far as their positions tell.

    Parameters
    ----------
    rows : sequence of Row
        From `image_rows`.
    name : str
        Of the target.
    run_name : str
        For the sentence of an error.

    Returns
    -------
    str or None
        What is to be known where the AORs do not put it at one place.

    Raises
    ------
    InputRefused
        Where two positions of that name were measured on the same image.
    """
    by_image: dict[tuple[int, int], int] = {}
    for row in rows:
        if by_image.setdefault((row.frame_id, row.plane), row.target_id) != row.target_id:
            raise InputRefused(
                f"{run_name} measured two targets called {name!r} on the same images of AOR "
                f"{row.aorkey}: a light curve is of one star, so give them names of their own"
            )
    places = {row.target_id: (row.target_ra, row.target_dec) for row in rows}
    known = [place for place in places.values() if None not in place]
    apart = max((_arcsec(known[0], place) for place in known), default=0.0)
    if apart <= _SAME_ARCSEC:
        return None
    return f"{name} is at {len(known)} positions, up to {apart:.2g} arcsec from the first"


def _arcsec(one: tuple[float, float], other: tuple[float, float]) -> float:
    """Tell how far two positions are apart, by the haversine."""
    ra, dec, ra_other, dec_other = map(math.radians, (*one, *other))
    across, along = math.sin((ra - ra_other) / 2), math.sin((dec - dec_other) / 2)
    square = along**2 + math.cos(dec) * math.cos(dec_other) * across**2
    return math.degrees(2 * math.asin(min(1.0, math.sqrt(square)))) * 3600
