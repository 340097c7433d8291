"""What is applied in a run: every parameter by name, with one digest."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from iracdb.catalogue.targets import motion_columns
from iracdb.errors import UsageError
from iracdb.irac.aperture_corrections import MISSIONS, TABLES
from iracdb.irac.handbook import PIXEL_SIZE
from iracdb.irac.header_marks import UNUSABLE, decode
from iracdb.irac.mask_bits import FATAL, parse_bits
from iracdb.photometry.aperture import Aperture
from iracdb.photometry.planes import Planes
from iracdb.photometry.rejection import parse_rejection
from iracdb.photometry.response import Response
from iracdb.runs.recipes import recipe_named
from iracdb.runs.request import Request
from iracdb.runs.targets import TargetChoice, target_parameters

BEFORE_HANDBOOK: dict[str, Any] = {
    "aperture_correction_sha256": None,
    "mask": None,
    "mask_bits": None,
    "header_marks": None,
    "uncertainty": None,
    "position": "fitted",
    "source_spectrum": "stellar",
    "colour_correction": 1.0,
    "fluxconv": None,
    "mixed_calibration": "allowed",
}
"""What was done before these could be chosen, here and in 2018."""

MASKS = {"bcd": "bimsk", "cbcd": "brmsk", "sub2d": "msk2d"}
UNCERTAINTIES = {"bcd": "bunc", "cbcd": "cbunc", "sub2d": "unc2d"}
"""Kinds of the companions of each kind that is measured."""


@dataclass(frozen=True)
class Parameters:
    """Every parameter of a run as applied.

    Parameters
    ----------
    values : dict
        Plain values by name, in a fixed order.
    """

    values: dict[str, Any]

    def __getitem__(self, name: str) -> Any:
        return self.values[name]

    @classmethod
    def recorded(cls, values: Mapping[str, Any]) -> Parameters:
        """Read parameters as a run recorded them, perhaps before some of them had their names.

        Parameters
        ----------
        values : mapping
            As recorded.

        Returns
        -------
        iracdb.runs.parameters.Parameters
            By the names of today. What could not be chosen then has the value that it had.
        """
        told = {**dict.fromkeys(("where", *motion_columns(None))), **BEFORE_HANDBOOK, **values}
        if "engine" in values:
            return cls(told)
        # Once "response" named the engine, and only a recomputation chose its tables.
        engine, tables = told.get("response"), told.pop("response_tables", "auto")
        known = engine is not None
        told |= {
            "engine": engine,
            "engine_version": None,
            "idl_source": None,
            "response": {"by-time": "auto"}.get(tables, tables) if known else None,
            "pixel_phase": True if known else None,
            "array_location": True if known else None,
            "wcs": told.get("kind"),
        }
        return cls(told)

    @property
    def digest(self) -> str:
        """SHA-256 of the parameters in canonical JSON, hexadecimal."""
        canonical = json.dumps(self.values, sort_keys=True, separators=(",", ":"), allow_nan=False)
        return hashlib.sha256(canonical.encode()).hexdigest()

    @property
    def aperture(self) -> Aperture:
        """The aperture measured through."""
        return Aperture(
            self["radius_source"], self["radius_inner"], self["radius_outer"], self["bounds"]
        )

    @cached_property
    def planes(self) -> Planes:
        """How subarray cubes are reduced to images."""
        return Planes.parse(self["subarray_planes"])

    def differences(self, other: Parameters) -> list[tuple[str, Any, Any]]:
        """Tell where other parameters differ.

        Parameters
        ----------
        other : Parameters
            To compare with.

        Returns
        -------
        list of tuple
            (name, value here, value there) of each that differs.
        """
        names = list(dict.fromkeys((*self.values, *other.values)))
        pairs = [(name, self.values.get(name), other.values.get(name)) for name in names]
        return [pair for pair in pairs if pair[1] != pair[2]]


def apply(request: Request, channel: int, choice: TargetChoice, engine: Response) -> Parameters:
    """Make the parameters as applied from what was asked.

    Parameters
    ----------
    request : Request
        Checked, with its conditions in their canonical form.
    channel : int
        1 to 4.
    choice : TargetChoice
        The targets, read from the list if there is one.
    engine : Response
        What gives the response.

    Returns
    -------
    iracdb.runs.parameters.Parameters
        Every one with its value.

    Raises
    ------
    UsageError
        Where the manual has no aperture correction for the radii, and none is given.
    """
    recipe = recipe_named(request.recipe)
    mask = MASKS[request.kind] if _either(request.mask, recipe.mask) else None
    mixed = "allowed" if request.allow_mixed_calibration else recipe.mixed_calibration
    marks = decode(UNUSABLE) if _either(request.header_marks, recipe.header_marks) else ()
    return Parameters(
        {
            "recipe": recipe.name,
            "recipe_version": recipe.version,
            "channel": channel,
            "kind": request.kind,
            "wcs": request.wcs or request.kind,
            "aors": "all" if not request.aors else " ".join(map(str, sorted(set(request.aors)))),
            "where": " and ".join(request.where) or None,
            **target_parameters(choice),
            **aperture_parameters(request, channel),
            **_pixel_size(request, channel),
            "centre": request.centre or recipe.centre,
            "position": "forced" if request.forced else "fitted",
            "sky": request.sky or recipe.sky,
            "subarray_planes": request.reduction().text,
            "mask": mask,
            "mask_bits": _mask_bits(request) if mask else None,
            "header_marks": " ".join(marks) or None,
            "uncertainty": UNCERTAINTIES[request.kind]
            if _either(request.uncertainties, recipe.uncertainty)
            else None,
            "engine": engine.name,
            "engine_version": engine.version,
            "idl_source": engine.source_sha256,
            "response": request.response or recipe.response,
            "pixel_phase": request.pixel_phase,
            # What the tables hold of the array holds for stellar slopes alone.
            "array_location": request.array_location and request.source_spectrum == "stellar",
            "source_spectrum": request.source_spectrum,
            "response_coefficients": engine.coefficients_digest(),
            "colour_correction": float(request.colour_correction),
            "fluxconv": request.fluxconv,
            "mixed_calibration": mixed,
            "rejection": parse_rejection(request.rejection or recipe.rejection).name,
            "pairing": recipe.pairing,
            "bounds": recipe.bounds,
            "grouping": recipe.grouping,
        }
    )


def aperture_parameters(request: Request, channel: int) -> dict[str, Any]:
    """Tell the parameters of a request's aperture, in which the runs of a radius test differ.

    Parameters
    ----------
    request : Request
        Checked.
    channel : int
        1 to 4.

    Returns
    -------
    dict
        Radii, aperture correction, and where that is from.

    Raises
    ------
    UsageError
        Where the recipe's table has no correction for the radii, and none is given.
    """
    aperture = request.aperture()
    correction, told = aperture_correction_asked(request, channel)
    table = TABLES[recipe_named(request.recipe).aperture_table]
    return {
        "radius_source": aperture.r,
        "radius_inner": aperture.r_in,
        "radius_outer": aperture.r_out,
        "aperture_correction": correction,
        "aperture_correction_from": told,
        "aperture_correction_sha256": None if told == "given" else table.sha256,
    }


def _either(asked: bool | None, of_recipe: bool) -> bool:
    return of_recipe if asked is None else asked


def _mask_bits(request: Request) -> int:
    return FATAL if request.mask_bits is None else parse_bits(request.mask_bits)


def _pixel_size(request: Request, channel: int) -> dict[str, Any]:
    """Tell the pixel size: None where each average takes its own."""
    if request.pixel_size is not None:
        return {"pixel_size": float(request.pixel_size), "pixel_size_from": "given"}
    if request.pixel_area == "header":
        return {"pixel_size": None, "pixel_size_from": "header"}
    return {"pixel_size": PIXEL_SIZE[channel], "pixel_size_from": "manual"}


def aperture_correction_asked(request: Request, channel: int) -> tuple[float | None, str]:
    """Tell the aperture correction of a request, by itself or by its recipe.

    Parameters
    ----------
    request : Request
        Checked.
    channel : int
        1 to 4.

    Returns
    -------
    tuple
        The factor, None where it goes by the mission of each average; and where it is from.

    Raises
    ------
    UsageError
        Where the recipe's table has none for the radii, and none is given.
    """
    if request.aperture_correction is not None:
        return float(request.aperture_correction), "given"
    table = TABLES[recipe_named(request.recipe).aperture_table]
    aperture = request.aperture()
    radii = aperture.radii
    known = {mission: table.find(mission, channel, radii) for mission in MISSIONS}
    if not any(known.values()):
        held = sorted({each for m in MISSIONS for each in table.radii(m, channel)}, reverse=True)
        raise UsageError(
            f"The {table.name} has no aperture correction for radii {shown_radii(aperture)}: "
            f"give one with --aperture-correction, or take radii that it has: "
            + "; ".join(shown_radii(Aperture(*each)) for each in held)
        )
    if table.name == "manual":
        return known["warm"], table.name
    return None, f"{table.name} {table.version}"


def aperture_correction_of(parameters: Parameters, mission: str) -> float | None:
    """Tell the aperture correction of frames of one mission.

    Parameters
    ----------
    parameters : Parameters
        As applied.
    mission : {'cryo', 'warm'}
        Of the frames.

    Returns
    -------
    float or None
        As typed, or by the table; None where the table has none for this mission.
    """
    if parameters["aperture_correction"] is not None:
        return float(parameters["aperture_correction"])
    table = TABLES[str(parameters["aperture_correction_from"]).split()[0]]
    aperture = parameters.aperture
    radii = aperture.radii
    return table.find(mission, parameters["channel"], radii)


def shown_radii(aperture: Aperture) -> str:
    """Write radii as they are typed.

    Parameters
    ----------
    aperture : Aperture
        Any.

    Returns
    -------
    str
        Such as ``3 3 7``.
    """
    return " ".join(f"{radius:g}" for radius in aperture.radii)
