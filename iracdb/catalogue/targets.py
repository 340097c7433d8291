"""Targets: two positions are the same target within 0.1 arcsec at one epoch.

A target that moves is itself by its position, motion and epoch alone: there is no one epoch at
which it could be near to one that is as observed.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass, fields

from sqlalchemy import Connection, bindparam, select

from iracdb.catalogue.once import find_or_insert
from iracdb.catalogue.tables import target

SAME_TARGET_ARCSEC = 0.1


@dataclass(frozen=True)
class Motion:
    """How a star moves on the sky.

    Parameters
    ----------
    pm_ra, pm_dec : float or None
        Proper motion, mas/yr; in right ascension times cos(Dec). None where it is not given.
    parallax : float or None
        mas; None where it is not given.
    epoch : float
        Julian year of the position.
    """

    pm_ra: float | None
    pm_dec: float | None
    parallax: float | None
    epoch: float


def motion_columns(motion: Motion | None) -> dict[str, float | None]:
    """Write a motion as the columns of a result, or the parameters of a run.

    Parameters
    ----------
    motion : Motion or None
        How a target moves.

    Returns
    -------
    dict
        From ``target_pm_ra`` to ``target_epoch``; all None for one that does not.
    """
    names = (field.name for field in fields(Motion))
    return {f"target_{name}": getattr(motion, name, None) for name in names}


@dataclass(frozen=True)
class Position:
    """A name and where it is.

    Parameters
    ----------
    name : str
        As given.
    ra, dec : float or None
        ICRS degrees; None where the position is unknown.
    motion : Motion or None, optional
        How it moves from there; None for a position as observed, which does not.
    """

    name: str
    ra: float | None
    dec: float | None
    motion: Motion | None = None

    @property
    def identity(self) -> str:
        """What it is told by: position, motion and epoch; the name, where there is no position."""
        if self.ra is None or self.dec is None:
            return f"name {self.name}"
        place = f"{self.ra!r} {self.dec!r}"
        if self.motion is None:
            return place
        words = (
            f"{name} {value!r}" for name, value in vars(self.motion).items() if value is not None
        )
        return f"{place} {' '.join(words)}"


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
        As observed, or with its motion.
    other_than : collection of int, optional
        Targets that it is known not to be. Two positions further apart than the limit may both be
        within it of a third.

    Returns
    -------
    int
        The target's number.
    """
    if position.ra is None or position.dec is None or position.motion is not None:
        found = connection.execute(
            select(target.c.id).where(target.c.identity == position.identity)
        ).scalar_one_or_none()
    else:
        found = _nearest(connection, position.ra, position.dec, other_than)
    if found is not None:
        return int(found)
    motion = {} if position.motion is None else vars(position.motion)
    values = {"name": position.name, "ra": position.ra, "dec": position.dec, **motion}
    return find_or_insert(connection, target, {"identity": position.identity}, values)


_NEAR = (
    select(target.c.id, target.c.ra, target.c.dec)
    .where(
        target.c.dec.between(bindparam("low"), bindparam("high")),
        target.c.pm_ra.is_(None),
        target.c.epoch.is_(None),
    )
    .order_by(target.c.id)
)


def _nearest(
    connection: Connection, ra: float, dec: float, other_than: Collection[int]
) -> int | None:
    degrees = SAME_TARGET_ARCSEC / 3600
    near = connection.execute(_NEAR, {"low": dec - degrees, "high": dec + degrees}).all()
    apart = [
        (separation_arcsec(ra, dec, row.ra, row.dec), row.id)
        for row in near
        if row.id not in other_than
    ]
    best = min(apart, default=(math.inf, -1))
    return best[1] if best[0] <= SAME_TARGET_ARCSEC else None
