"""Which positions a run measures: each AOR's own, one for all, or those of a list."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from iracdb.catalogue.targets import Motion, motion_columns
from iracdb.runs.coordinates import parse_coordinate
from iracdb.runs.target_lists import FromList, read_target_list


@dataclass(frozen=True)
class FromHeaders:
    """Each AOR's own RA_REF and DEC_REF, of its first frame; named by OBJECT.

    They follow the star from observation to observation, and are never moved.

    Parameters
    ----------
    name : str or None
        A name to use instead of OBJECT.
    """

    name: str | None


@dataclass(frozen=True)
class Fixed:
    """One position for all AORs.

    Parameters
    ----------
    name : str
        The target's.
    ra, dec : float
        ICRS degrees.
    motion : Motion or None, optional
        How it moves from there.
    """

    name: str
    ra: float
    dec: float
    motion: Motion | None = None


TargetChoice = FromHeaders | Fixed | FromList


def choose(
    target: str | None,
    coord: str | None,
    targets: str | Path | None,
    motion: Motion | None = None,
) -> TargetChoice:
    """Make the choice of targets from what was typed.

    Parameters
    ----------
    target : str or None
        A name.
    coord : str or None
        A position.
    targets : path or None
        A list.
    motion : Motion or None, optional
        How the one position moves.

    Returns
    -------
    FromHeaders, Fixed or FromList
        With every position read and checked.

    Raises
    ------
    BadCoordinate, BadTargetList, NotFound
        Where a position or the list cannot be read.
    """
    if targets is not None:
        return read_target_list(targets, target)
    if coord is not None:
        ra, dec = parse_coordinate(coord)
        return Fixed(target or coord.strip(), ra, dec, motion)
    return FromHeaders(target)


def target_parameters(choice: TargetChoice) -> dict[str, Any]:
    """Write a choice of targets as parameters of a run.

    Parameters
    ----------
    choice : FromHeaders, Fixed or FromList
        Any.

    Returns
    -------
    dict
        From ``targets`` to ``target_list``; None for what is not given.
    """
    names = ("target", "target_ra", "target_dec", *motion_columns(None), "target_list")
    nothing: dict[str, Any] = dict.fromkeys(names)
    match choice:
        case FromHeaders(name):
            return {"targets": "headers", **nothing, "target": name}
        case Fixed(name, ra, dec, motion):
            return {"targets": "fixed", **nothing, "target": name, "target_ra": ra,
                    "target_dec": dec, **motion_columns(motion)}  # fmt: skip
        case FromList():
            return {"targets": "list", **nothing, "target": choice.name,
                    "target_list": choice.sha256}  # fmt: skip
