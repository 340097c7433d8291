"""Why two runs cannot be compared."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
from sqlalchemy import Connection, select

from iracdb.catalogue import tables as t
from iracdb.catalogue.targets import separation_arcsec
from iracdb.compare.matching import TargetKey, same_targets
from iracdb.compare.rows import Images, frames_of


def at_once(
    connection: Connection,
    a: Any,
    b: Any,
    targets: tuple[Collection[TargetKey], Collection[TargetKey]],
) -> str | None:
    """Tell why two runs cannot be compared, as far as their rows need not be read.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue.
    a, b : Row
        Of the table ``run``.
    targets : tuple of collection
        Their targets.

    Returns
    -------
    str or None
        A sentence; None where nothing speaks against it so far.
    """
    for run in (a, b):
        if run.state != "finished":
            return (
                f"Run {run.run_id} ({run.name}) is not finished: repeat the command that began it"
            )
    if a.channel != b.channel:
        shared = shared_times(connection, a.run_id, b.run_id)
        also = f", though {_times(shared)} shared" if shared else ""
        return f"{a.name} is of channel {a.channel} and {b.name} of channel {b.channel}{also}"
    return _other_targets(a, b, *(list(each) for each in targets))


def no_pairs(a: Any, b: Any, mine: Images, others: Images) -> str:
    """Tell why no image of two runs is about the same.

    Parameters
    ----------
    a, b : Row
        Of the table ``run``.
    mine, others : Images
        Their images.

    Returns
    -------
    str
        A sentence.
    """
    times = {(key.frame.channel, key.frame.mjd) for key in mine.keys}
    shared = times & {(key.frame.channel, key.frame.mjd) for key in others.keys}
    shared.discard((a.channel, None))
    for run, images in ((a, mine), (b, others)):
        if not images.keys:
            return f"{run.name} has no image to be compared"
    if shared:
        whole = [all(key.plane < 0 for key in images.keys) for images in (mine, others)]
        if whole[0] != whole[1]:
            cubes, planes = (a, b) if whole[0] else (b, a)
            return (
                f"{cubes.name} measured cubes as one image and {planes.name} each plane alone: no "
                "image of one is an image of the other (iracdb why compares an AOR's flux)"
            )
        return (
            f"{a.name} and {b.name} share {len(shared):,} frames, "
            "and on none of them did they measure the same target"
        )
    return f"{a.name} and {b.name} share no frame: {_span(a, mine)}, {_span(b, others)}"


def shared_times(connection: Connection, a: int, b: int) -> int:
    """Count the times of exposure that two runs share, whatever the channel.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue.
    a, b : int
        Numbers of the runs.

    Returns
    -------
    int
        Each once.
    """
    times = [
        {frame.mjd for frame in frames_of(connection, run_id).values()} - {None}
        for run_id in (a, b)
    ]
    return len(times[0] & times[1])


def same_files(connection: Connection, a: Any, b: Any) -> bool:
    """Tell whether two runs were imported from tables of the same bytes.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue.
    a, b : Row
        Of the table ``run``.

    Returns
    -------
    bool
        False where one was not imported.
    """
    source = t.run_source.c
    rows = connection.execute(
        select(source.run_id, source.role, source.sha256).where(
            source.run_id.in_((a.run_id, b.run_id)), source.role.in_(("aor_data", "img_data"))
        )
    ).all()
    found = [{(r.role, r.sha256) for r in rows if r.run_id == run.run_id} for run in (a, b)]
    return bool(found[0]) and found[0] == found[1]


def _other_targets(
    a: Any, b: Any, mine: Sequence[TargetKey], others: Sequence[TargetKey]
) -> str | None:
    numbers = same_targets(mine, others)
    if {numbers[target] for target in mine} & {numbers[target] for target in others}:
        return None
    known = [[each for each in run if each.ra is not None] for run in (mine, others)]
    if (not known[0]) != (not known[1]):
        # One run does not tell where its target is: the frames must decide.
        return None
    said = f"{a.name} measured {_named(mine)} and {b.name} {_named(others)}"
    if not known[0]:
        return f"{said}: other targets, by their names"
    one, other = _nearest(*known)
    arcsec = separation_arcsec(one[0], one[1], other[0], other[1])
    which = "" if len(mine) == len(others) == 1 else "the nearest two are "
    return f"{said}: other targets, {which}{_angle(arcsec)} apart"


def _named(targets: Sequence[TargetKey]) -> str:
    first = targets[0]
    if len(targets) > 1:
        return f"{len(targets):,} targets ({first.name})"
    if first.ra is None or first.dec is None:
        return f"{first.name} (position not told)"
    return f"{first.name} ({first.ra:.5f} {first.dec:+.5f})"


def _nearest(
    mine: Sequence[TargetKey], others: Sequence[TargetKey]
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Find the two positions of two lists that are least apart."""
    places = [np.array([(each.ra, each.dec) for each in run]) for run in (mine, others)]
    one, other = (_vectors(np.radians(place)) for place in places)
    apart = ((one[:, None, :] - other[None, :, :]) ** 2).sum(axis=2)
    i, j = np.unravel_index(int(apart.argmin()), apart.shape)
    return tuple(places[0][i]), tuple(places[1][j])


def _vectors(radians: Any) -> Any:
    ra, dec = radians[:, 0], radians[:, 1]
    return np.stack((np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)), axis=1)


def _angle(arcsec: float) -> str:
    if arcsec >= 3600:
        return f"{arcsec / 3600:.3g} degrees"
    return f"{arcsec:.3g} arcsec"


def _times(number: int) -> str:
    return f"{number:,} time of exposure is" if number == 1 else f"{number:,} times of exposure are"


def _span(run: Any, images: Images) -> str:
    times = [key.frame.mjd for key in images.keys if key.frame.mjd is not None]
    if not times:
        return f"those of {run.name} have no times"
    return f"{run.name} is from MJD {min(times):.3f} to {max(times):.3f}"
