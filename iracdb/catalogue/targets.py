"""Targets: two positions are the same target within 0.1 arcsec at one epoch."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Connection, insert, select

from iracdb.catalogue.tables import target

SAME_TARGET_ARCSEC = 0.1


@dataclass(frozen=True)
class Position:
    """A name and where it is.

    Parameters
    ----------
    name : str
        As given.
    ra, dec : float or None
        ICRS degrees; None where the position is unknown.
    """

    name: str
    ra: float | None
    dec: float | None


def separation_arcsec(ra1: float, dec1: float, ra2: float, dec2: float) -> float:
    """Tell the angle between two positions on the sky.

    Parameters
    ----------
    ra1, dec1, ra2, dec2 : float
        Degrees.

    Returns
    -------
    float
        Arcsec, by the haversine formula, which is exact for small angles.
    """
    a1, d1, a2, d2 = map(math.radians, (ra1, dec1, ra2, dec2))
    half = math.sin((d2 - d1) / 2) ** 2 + math.cos(d1) * math.cos(d2) * math.sin((a2 - a1) / 2) ** 2
    return math.degrees(2 * math.asin(min(1.0, math.sqrt(half)))) * 3600


def find_or_add(
    connection: Connection, position: Position, *, other_than: Collection[int] = ()
) -> int:
    """Find the target at a position, or note a new one.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        In a transaction that may write.
    position : Position
        As observed: without proper motion.
    other_than : collection of int, optional
        Targets that it is known not to be. Two positions further apart than the limit may both be
        within it of a third.

    Returns
    -------
    int
        The target's number.
    """
    if position.ra is None or position.dec is None:
        identity = f"name {position.name}"
        found = connection.execute(
            select(target.c.id).where(target.c.identity == identity)
        ).scalar_one_or_none()
    else:
        identity = f"{position.ra!r} {position.dec!r}"
        found = _nearest(connection, position.ra, position.dec, other_than)
    if found is not None:
        return int(found)
    made = (
        insert(target)
        .values(identity=identity, name=position.name, ra=position.ra, dec=position.dec)
        .returning(target.c.id)
    )
    return int(connection.execute(made).scalar_one())


def _nearest(
    connection: Connection, ra: float, dec: float, other_than: Collection[int]
) -> int | None:
    degrees = SAME_TARGET_ARCSEC / 3600
    near = connection.execute(
        select(target.c.id, target.c.ra, target.c.dec)
        .where(
            target.c.dec.between(dec - degrees, dec + degrees),
            target.c.pm_ra.is_(None),
            target.c.epoch.is_(None),
        )
        .order_by(target.c.id)
    ).all()
    apart = [
        (separation_arcsec(ra, dec, row.ra, row.dec), row.id)
        for row in near
        if row.id not in other_than
    ]
    best = min(apart, default=(math.inf, -1))
    return best[1] if best[0] <= SAME_TARGET_ARCSEC else None
