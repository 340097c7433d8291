"""What made two runs, compared before their results: each difference a candidate cause, or none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection

from iracdb.catalogue.targets import motion_columns
from iracdb.compare.columns import flags_told, measured_here
from iracdb.compare.inputs import Inputs, compare_inputs
from iracdb.runs.companions import PURPOSES
from iracdb.runs.parameters import BEFORE_HANDBOOK, Parameters
from iracdb.runs.software import recorded

IMAGES: Final = "images and averages"
AVERAGES: Final = "averages"
ROWS: Final = "which rows there are"
NOTHING: Final = "nothing"
UNKNOWN: Final = "not known"

_PARAMETERS: dict[str, tuple[str, str]] = {
    "recipe": (NOTHING, "a name: what it stands for are the parameters below it"),
    "recipe_version": (NOTHING, "a number: what it stands for are the parameters below it"),
    "kind": (IMAGES, "other files were measured"),
    "wcs": (IMAGES, "which file tells where the target is"),
    "where": (ROWS, "other frames were measured"),
    "aors": (ROWS, "other AORs were measured"),
    "targets": (NOTHING, "where positions come from: what they are is compared with the targets"),
    "target": (NOTHING, "a name"),
    "target_ra": (IMAGES, "the position from which each centre is sought"),
    "target_dec": (IMAGES, "the position from which each centre is sought"),
    "target_pm_ra": (IMAGES, "proper motion moves the position from which each centre is sought"),
    "target_pm_dec": (IMAGES, "proper motion moves the position from which each centre is sought"),
    "target_parallax": (IMAGES, "parallax moves the position from which each centre is sought"),
    "target_epoch": (IMAGES, "the time from which the position is moved"),
    "target_list": (IMAGES, "a list may hold other positions, or other AORs"),
    "radius_source": (IMAGES, "the source circle"),
    "radius_inner": (IMAGES, "the annulus of the sky"),
    "radius_outer": (IMAGES, "the annulus of the sky, and what it cuts"),
    "aperture_correction": (AVERAGES, "a factor of every flux in mJy"),
    "aperture_correction_from": (NOTHING, "where the factor comes from"),
    "aperture_correction_sha256": (NOTHING, "the content of the table that it comes from"),
    "pixel_size": (AVERAGES, "its square is a factor of every flux in mJy"),
    "pixel_size_from": (NOTHING, "where the size comes from"),
    "centre": (IMAGES, "how centres are found"),
    "position": (IMAGES, "whether the aperture lies where the WCS expects the target"),
    "sky": (IMAGES, "how the sky is found"),
    "subarray_planes": (IMAGES, "how cubes are reduced to images"),
    "mask": (IMAGES, "which pixels are left out, and which images"),
    "mask_bits": (IMAGES, "which pixels are left out, and which images"),
    "header_marks": (IMAGES, "which images are left out for what their headers say"),
    "uncertainty": (IMAGES, "errors of the sums, and no sum"),
    "engine": (IMAGES, "what computes the response by which fluxes are corrected"),
    "engine_version": (IMAGES, "what computes the response by which fluxes are corrected"),
    "idl_source": (IMAGES, "the routine that gives the response"),
    "response": (IMAGES, "which mission's numbers fluxes are corrected by"),
    "pixel_phase": (IMAGES, "whether fluxes are corrected for the place within the pixel"),
    "array_location": (IMAGES, "whether fluxes are corrected for the place on the array"),
    "source_spectrum": (NOTHING, "whether the correction for the place on the array holds"),
    "response_coefficients": (IMAGES, "the numbers by which fluxes are corrected"),
    "colour_correction": (AVERAGES, "every flux in mJy is divided by it"),
    "fluxconv": (IMAGES, "the calibration to which fluxes are rescaled"),
    "mixed_calibration": (NOTHING, "what would have been refused"),
    "rejection": (AVERAGES, "which images count"),
    "pairing": (IMAGES, "which centre corrects which flux"),
    "bounds": (IMAGES, "which images lose their flux at the array's edge"),
    "grouping": (AVERAGES, "which frames are averaged together"),
}
PARAMETER_ORDER = tuple(_PARAMETERS)
"""Names of parameters in the order in which numbers are made."""

_NO_NUMBERS = ("sqlalchemy",)
_WITHOUT = {"fixed": ("target_list",), "list": ("target_ra", "target_dec")}
"""What a run has no need to tell, by where its targets come from."""
_NOT_MOVED = tuple(motion_columns(None))
"""A run that tells no motion moved nothing: before iracdb could, nothing did."""


@dataclass(frozen=True)
class Difference:
    """One thing in which two runs were made otherwise.

    Parameters
    ----------
    what : {'parameter', 'calibration', 'software', 'input'}
        Kind of thing.
    name : str
        Such as ``radius_source``.
    a, b : object
        In each run; None where there is none, or it is not told.
    moves : str
        What it can have moved: `IMAGES`, `AVERAGES`, `ROWS`, `NOTHING`, or `UNKNOWN` where one
        run does not tell it, so that it may be no difference.
    sentence : str
        Why.
    """

    what: str
    name: str
    a: Any
    b: Any
    moves: str
    sentence: str

    @property
    def is_cause(self) -> bool:
        """Whether it can have moved a number, or a row."""
        return self.moves in (IMAGES, AVERAGES, ROWS)


@dataclass(frozen=True)
class MadeBy:
    """How two runs were made, compared.

    Parameters
    ----------
    parameters, calibration, software : tuple of Difference
        What differs.
    inputs : Inputs
        The files that they measured.
    not_told : tuple of str
        Sentences on what is not known of an imported run.
    """

    parameters: tuple[Difference, ...]
    calibration: tuple[Difference, ...]
    software: tuple[Difference, ...]
    inputs: Inputs
    not_told: tuple[str, ...]

    @property
    def differences(self) -> tuple[Difference, ...]:
        """All that differs, in the order in which numbers are made."""
        # The response's coefficients are a parameter and a calibration, and the kind of a companion
        # a parameter and other files: once is enough.
        named = {each.name for each in self.parameters}
        inputs = tuple(
            Difference("input", name, a, b, moves, sentence)
            for name, a, b, moves, sentence in _of_inputs(self.inputs)
            if name not in named
        )
        files = tuple(each for each in self.calibration if each.name not in named)
        return (*inputs, *files, *self.parameters, *self.software)

    @property
    def causes(self) -> tuple[Difference, ...]:
        """What can have moved numbers or rows."""
        return tuple(each for each in self.differences if each.is_cause)


def compare_making(connection: Connection, a: Any, b: Any) -> MadeBy:
    """Compare what made two runs.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue.
    a, b : Row
        Of the table ``run``.

    Returns
    -------
    MadeBy
        Parameters, calibration, software and files.
    """
    inputs = compare_inputs(connection, a, b)
    return MadeBy(
        _parameters(a, b),
        _calibration(a, b, inputs),
        _software(connection, a, b),
        inputs,
        tuple(_not_told(a, b)),
    )


def _parameters(a: Any, b: Any) -> tuple[Difference, ...]:
    found = Parameters.recorded(a.parameters).differences(Parameters.recorded(b.parameters))
    # A database of JSON need not keep the order in which parameters were written.
    places = {name: place for place, name in enumerate(_PARAMETERS)}
    found.sort(key=lambda each: (places.get(each[0], len(places)), each[0]))
    return tuple(_parameter(a, b, name, mine, other) for name, mine, other in found)


def _parameter(a: Any, b: Any, name: str, mine: Any, other: Any) -> Difference:
    moves, sentence = _PARAMETERS.get(name, (IMAGES, "what it does is not described"))
    if moves != NOTHING and not (_told(a, name, mine) and _told(b, name, other)):
        silent = a.name if not _told(a, name, mine) else b.name
        moves, sentence = UNKNOWN, f"{silent} does not tell it"
    return Difference("parameter", name, mine, other, moves, sentence)


def _told(run: Any, name: str, value: Any) -> bool:
    """Tell whether no value means that nothing was given, not that nothing is known."""
    without = _WITHOUT.get(run.parameters.get("targets"), ())
    # Who measured the frames of 2018 had no conditions to choose them by, and no masks.
    given = (*without, "where", *_NOT_MOVED, *BEFORE_HANDBOOK)
    return value is not None or measured_here(run) or name in given


def _software(connection: Connection, a: Any, b: Any) -> tuple[Difference, ...]:
    if a.software_id is None or b.software_id is None or a.software_id == b.software_id:
        return ()
    mine, other = recorded(connection, a.software_id), recorded(connection, b.software_id)
    return tuple(
        Difference(
            "software",
            name,
            one,
            two,
            NOTHING if name in _NO_NUMBERS else IMAGES,
            "it keeps rows and computes nothing" if name in _NO_NUMBERS else "it computes",
        )
        for name, one, two in mine.differences(other)
    )


def _calibration(a: Any, b: Any, inputs: Inputs) -> tuple[Difference, ...]:
    name = "response_coefficients"
    one, other = a.parameters.get(name), b.parameters.get(name)
    found = []
    if one is not None and other is not None and one != other:
        found.append(Difference("calibration", name, one, other, IMAGES, _PARAMETERS[name][1]))
    for title, groups in (("CREATOR", inputs.creators), ("FLUXCONV", inputs.fluxconvs)):
        said = (
            "the pipeline that made the files"
            if title == "CREATOR"
            else "the flux calibration that the files were made with"
        )
        found += [
            Difference("calibration", title, mine, others, IMAGES, f"{said}, of {count} frames")
            for (mine, others), count in sorted(groups.items(), key=repr)
        ]
    return tuple(found)


def _of_inputs(inputs: Inputs) -> list[tuple[str, Any, Any, str, str]]:
    found: list[tuple[str, Any, Any, str, str]] = []
    for name, same_pixels, what in (
        ("pixels", False, "other pixels"),
        ("headers", True, "the same pixels and another header"),
    ):
        others = [each for each in inputs.others if each.same_pixels == same_pixels]
        if others:
            first, frames = others[0], "frame" if len(others) == 1 else "frames"
            renamed = first.name_a != first.name_b
            a, b = (
                (first.name_a, first.name_b)
                if renamed
                else (first.sha256_a[:12], first.sha256_b[:12])
            )
            sentence = f"{len(others):,} {frames} measured on files with {what}, such as these"
            found.append((name, a, b, IMAGES, sentence))
    if inputs.only_a or inputs.only_b:
        found.append(
            ("files", inputs.only_a, inputs.only_b, ROWS, "frames that only one run measured")
        )
    for role, count in inputs.companions.items():
        frames = "frame" if count == 1 else "frames"
        sentence = f"another file for {PURPOSES[role]}, or none in one run, of {count:,} {frames}"
        found.append((role, None, None, IMAGES, sentence))
    return found


def _not_told(a: Any, b: Any) -> list[str]:
    if a.run_id == b.run_id:
        return []
    mine, others = _silent(a), _silent(b)
    both = [name for name in mine if name in others]
    said = [f"neither run tells {_listed(both)}"] if both else []
    for run, names in ((a, mine), (b, others)):
        own = [name for name in names if name not in both]
        flags = flags_told(b if run is a else a) - flags_told(run)
        own += [f"the flag {flag}" for flag in sorted(flags)]
        if own:
            said.append(f"{run.name} does not tell {_listed(own)}")
    return said


def _silent(run: Any) -> list[str]:
    """List what a run does not tell of its making, and could matter."""
    things = [
        name
        for name, (moves, _) in _PARAMETERS.items()
        if moves != NOTHING
        and name in run.parameters
        and not _told(run, name, run.parameters[name])
    ]
    if run.software_id is None:
        things.append("software")
    if not measured_here(run):
        things.append("the files that were measured")
    return things


def _listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
