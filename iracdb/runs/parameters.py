"""What is applied in a run: every parameter by name, with one digest."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from iracdb.catalogue.targets import motion_columns
from iracdb.errors import UsageError
from iracdb.irac.handbook import APERTURE_CORRECTION, PIXEL_SIZE
from iracdb.photometry.aperture import Aperture
from iracdb.photometry.rejection import parse_rejection
from iracdb.photometry.response import Response
from iracdb.runs.recipes import recipe_named
from iracdb.runs.request import Request
from iracdb.runs.targets import TargetChoice, target_parameters


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
        told = {**dict.fromkeys(("where", *motion_columns(None))), **values}
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
    aperture = request.aperture()
    correction, correction_from = _aperture_correction(request, channel)
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
            "radius_source": aperture.r,
            "radius_inner": aperture.r_in,
            "radius_outer": aperture.r_out,
            "aperture_correction": correction,
            "aperture_correction_from": correction_from,
            "pixel_size": PIXEL_SIZE[channel] if request.pixel_size is None else request.pixel_size,
            "pixel_size_from": "manual" if request.pixel_size is None else "given",
            "centre": request.centre or recipe.centre,
            "sky": request.sky or recipe.sky,
            "subarray_planes": "median 14-63",
            "engine": engine.name,
            "engine_version": engine.version,
            "idl_source": engine.source_sha256,
            "response": request.response or recipe.response,
            "pixel_phase": request.pixel_phase,
            "array_location": request.array_location,
            "response_coefficients": engine.coefficients_digest(),
            "rejection": parse_rejection(request.rejection or recipe.rejection).name,
            "pairing": recipe.pairing,
            "bounds": recipe.bounds,
            "grouping": recipe.grouping,
        }
    )


def _aperture_correction(request: Request, channel: int) -> tuple[float, str]:
    if request.aperture_correction is not None:
        return float(request.aperture_correction), "given"
    aperture = request.aperture()
    known = APERTURE_CORRECTION.get((aperture.r, aperture.r_in, aperture.r_out))
    if known is None:
        raise UsageError(
            f"The manual has no aperture correction for radii {shown_radii(aperture)}: "
            f"give one with --aperture-correction, or take radii that it has: "
            + "; ".join(shown_radii(Aperture(*radii)) for radii in APERTURE_CORRECTION)
        )
    return known[channel - 1], "manual"


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
    return " ".join(f"{radius:g}" for radius in (aperture.r, aperture.r_in, aperture.r_out))
