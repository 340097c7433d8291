"""What an old call or command line asks for, in the words of `iracdb.Catalogue.run`."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from iracdb.compat.places import Places, places_of, places_of_list
from iracdb.errors import UsageError
from iracdb.irac.handbook import Radii
from iracdb.published.commands import Command
from iracdb.published.importing import lawful_name

FORMATS = ("single_hms", "single_deg", "multiple_hms", "multiple_deg")
MISSIONS = ("Cryogenic", "Warm")
NO_REJECTION = "n/a"

_NUMBER = re.compile(r"\d+\.?\d*|\.\d+")
_NUMBERS = {"hms": 6, "deg": 2}


@dataclass(frozen=True)
class Asked:
    """What is to be done.

    Parameters
    ----------
    places : Places
        Which AORs, and what is to be ingested first.
    options : dict
        Of `iracdb.Catalogue.run`.
    mission : str or None
        ``Cryogenic`` or ``Warm``, where the frames must be of that one.
    """

    places: Places
    options: dict[str, Any]
    mission: str | None = None


def is_format(word: str) -> bool:
    """Tell whether a word is one of the four formats.

    Parameters
    ----------
    word : str
        Such as ``single_hms``, or ``single hms`` as in 2018's older lines.

    Returns
    -------
    bool
        Whatever its case.
    """
    return word.strip().lower().replace(" ", "_") in FORMATS


def targets_asked(crd_format: str, words: Sequence[str]) -> tuple[Places, dict[str, Any]]:
    """Tell which AORs and which targets are meant.

    Parameters
    ----------
    crd_format : str
        One of `FORMATS`.
    words : sequence of str
        For a single target one path or more, then the position; for multiple ones the list.

    Returns
    -------
    places : Places
        Which AORs.
    options : dict
        ``coord`` or ``targets``.

    Raises
    ------
    UsageError
        Where format and words do not belong together.
    iracdb.errors.InputRefused
        Where a path means nothing.
    """
    if not is_format(crd_format):
        raise UsageError(f"The format is one of {', '.join(FORMATS)}, not {crd_format!r}")
    plurality, unit = crd_format.strip().lower().replace(" ", "_").split("_")
    if plurality == "multiple":
        if len(words) != 1:
            raise UsageError(
                f"{crd_format} takes one file, with the columns AOR Filepath and Target Coordinates"
            )
        return places_of_list(words[0]), {"targets": words[0]}
    if len(words) < 2:
        raise UsageError(f"{crd_format} takes the path of an AOR, then the target's position")
    *paths, position = words
    if len(_NUMBER.findall(position)) != _NUMBERS[unit]:
        example = "18 02 30.74 +58 37 38.16" if unit == "hms" else "270.628 +58.627"
        raise UsageError(
            f"{position!r} is no position as {crd_format} takes it, such as {example!r}"
        )
    return places_of(paths), {"coord": position}


def measuring(
    *, kind: str, radii: Sequence[Any], correction: Any, channel: Any, pixel: Any, rejection: bool
) -> dict[str, Any]:
    """Make the options that tell how to measure.

    Parameters
    ----------
    kind : str
        bcd, cbcd or sub2d.
    radii : sequence of float
        Source radius, inner and outer radius of the annulus, pixels.
    correction : float
        The aperture correction.
    channel : int
        1 to 4.
    pixel : float
        Pixel size, arcsec.
    rejection : bool
        Whether smallest and largest are left out by the manual's rule.

    Returns
    -------
    dict
        Options of `iracdb.Catalogue.run`.

    Raises
    ------
    UsageError
        Where one of them is no number.
    """
    number = _number("channel", channel)
    if number not in (1, 2, 3, 4):
        raise UsageError(f"IRAC has channels 1 to 4, not {channel}")
    r, r_in, r_out = (_number("radius", radius) for radius in radii)
    return {
        "kind": str(kind).strip().lower(),
        "radius": (r, r_in, r_out),
        "aperture_correction": _number("aperture correction", correction),
        "channel": int(number),
        "pixel_size": _number("pixel size", pixel),
        "rejection": "minmax" if rejection else "none",
    }


def naming(
    run_name: str | None, target: str | None = None, comment: str | None = None
) -> dict[str, Any]:
    """Make the options that name a run.

    Parameters
    ----------
    run_name : str or None
        Its name, or its number; None for the next free number.
    target : str or None
        Name of the target or targets.
    comment : str or None
        Why the run is made.

    Returns
    -------
    dict
        Options of `iracdb.Catalogue.run`.
    """
    named: dict[str, Any] = {"target": target or None, "comment": comment or None}
    if run_name is None or not run_name.strip():
        return named
    name = run_name.strip()
    if name.isascii() and name.isdigit():
        return {"run_id": int(name), **named}
    return {"name": lawful_name(name), **named}


def checked_mission(mission: Any) -> str:
    """Refuse a mission that is none.

    Parameters
    ----------
    mission : str
        As given.

    Returns
    -------
    str
        The same.

    Raises
    ------
    UsageError
        Where it is neither ``Cryogenic`` nor ``Warm``.
    """
    if mission not in MISSIONS:
        raise UsageError(f"The mission is 'Cryogenic' or 'Warm', not {mission!r}")
    return str(mission)


def asked_by_command(command: Command) -> Asked:
    """Tell what a command line of 2018 asks for.

    Parameters
    ----------
    command : Command
        As read by `iracdb.published.commands.parse_command`.

    Returns
    -------
    Asked
        What it says; paths are looked for on this machine.

    Raises
    ------
    iracdb.errors.InputRefused
        Where a path means nothing.
    UsageError
        Where it contradicts itself.
    """
    words = [*command.paths]
    if command.coordinates is not None:
        words.append(command.coordinates)
    crd_format = _format_of(command)
    places, target = targets_asked(crd_format, words)
    rejection = command.rejection
    if rejection is None:
        rejection = command.factor is not None and rejects(command.factor)
    radii: Radii = command.radii or (10.0, 12.0, 20.0)
    options = measuring(
        kind=command.kind or "bcd",
        radii=radii,
        correction=command.aperture_correction,
        channel=command.channel,
        pixel=command.pixel_size,
        rejection=rejection,
    )
    # Run13's line has 'full' where others have the mission: by then it was told by the time.
    mission = command.mission if command.mission in MISSIONS else None
    named = naming(command.run_name, command.target, command.comment)
    return Asked(places, {**target, **options, **named}, mission)


def rejects(factor: Any) -> bool:
    """Tell what the factor of the rejection means.

    Parameters
    ----------
    factor : object
        As given to the older pipeline.

    Returns
    -------
    bool
        False for ``'n/a'`` alone; the size of a number has no meaning.
    """
    return not (isinstance(factor, str) and factor.strip().lower() == NO_REJECTION)


def _format_of(command: Command) -> str:
    """Tell a command's format; the line of 14 parts took hours without saying so."""
    told = command.target_format or "single hms"
    if command.form == "14 parts" and command.coordinates is not None:
        degrees = len(_NUMBER.findall(command.coordinates)) == _NUMBERS["deg"]
        return "single_deg" if degrees else "single_hms"
    return told.replace(" ", "_")


def _number(name: str, value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number) or isinstance(value, bool | np.bool_):
        raise UsageError(f"The {name} must be a number, not {value!r}")
    return number
