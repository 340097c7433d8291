"""How a run can be made again: a command from what was typed, and which parameters that settled."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from iracdb.compare.columns import measured_here
from iracdb.runs.request import Request
from iracdb.runs.results import Run

SETTLES: dict[str, tuple[str, ...]] = {
    "channel": ("channel",),
    "kind": ("kind",),
    "wcs": ("wcs",),
    "aors": ("aors",),
    "where": ("where",),
    "recipe": ("recipe",),
    "radius": ("radius_source", "radius_inner", "radius_outer"),
    "aperture_correction": ("aperture_correction",),
    "pixel_size": ("pixel_size",),
    "centre": ("centre",),
    "sky": ("sky",),
    "forced": ("position",),
    "rejection": ("rejection",),
    "planes": ("subarray_planes",),
    "drop_planes": ("subarray_planes",),
    "mask": ("mask",),
    "mask_bits": ("mask_bits",),
    "uncertainties": ("uncertainty",),
    "header_marks": ("header_marks",),
    "pixel_area": ("pixel_size",),
    "source_spectrum": ("source_spectrum", "array_location"),
    "colour_correction": ("colour_correction",),
    "fluxconv": ("fluxconv",),
    "allow_mixed_calibration": ("mixed_calibration",),
    "engine": ("engine",),
    "response": ("response",),
    "pixel_phase": ("pixel_phase",),
    "array_location": ("array_location",),
    "idl_source": ("idl_source",),
    "target": ("target",),
    "coord": ("target_ra", "target_dec"),
    "pm": ("target_pm_ra", "target_pm_dec"),
    "parallax": ("target_parallax",),
    "epoch": ("target_epoch",),
    "targets": ("targets", "target_list"),
}
"""The parameters as applied that each thing typed settles."""

_OF_THAT_RUN = {"run_id", "name", "command"}
"""What is that run's own: the number and name of a finished run are taken."""

_TYPED_OTHERWISE = {"aors": "--aor"}
_FLAGS = {"forced", "allow_mixed_calibration"}
_EITHER = {"mask", "uncertainties", "header_marks", "pixel_phase", "array_location"}


def typed_for(run: Run) -> dict[str, str]:
    """Tell what was typed for which parameter.

    Parameters
    ----------
    run : Run
        Any.

    Returns
    -------
    dict
        What was typed, as in a command, by the name of the parameter as applied. Empty for a run
        that was not measured here.
    """
    said: dict[str, str] = {}
    if not measured_here(run.row):
        return said
    for name, value in (run.row.parameters_typed or {}).items():
        words = shlex.join(_words(name, value))
        for parameter in SETTLES.get(name, ()):
            said[parameter] = f"{said[parameter]} {words}" if parameter in said else words
    return said


def command_again(run: Run) -> str | None:
    """Write the command that makes a run again under a number of its own.

    Parameters
    ----------
    run : Run
        Any.

    Returns
    -------
    str
        With all that was typed but the run's number and name, which are taken; quoted as a shell
        needs it. None for a run that was imported, or recomputed from the rows of such.
    """
    if not measured_here(run.row):
        return None
    # Named even where they were not typed: settings and what is held may be others by now.
    typed: Mapping[str, Any] = {
        "channel": run.row.channel, "recipe": run.row.recipe, **(run.row.parameters_typed or {}),
    }  # fmt: skip
    words = ["iracdb", "run"]
    for name in Request.__dataclass_fields__:
        if name in typed and name not in _OF_THAT_RUN:
            words += _words(name, typed[name])
    return shlex.join(words)


def _words(name: str, value: Any) -> list[str]:
    """Write one thing asked for as options of ``iracdb run``."""
    option = _TYPED_OTHERWISE.get(name, f"--{name.replace('_', '-')}")
    if name in _FLAGS:
        return [option] if value else []
    if name in _EITHER:
        return [option if value else f"--no-{name.replace('_', '-')}"]
    if name in ("aors", "where"):
        several: Sequence[Any] = [value] if isinstance(value, str) else value
        return [word for one in several for word in (option, str(one))]
    if isinstance(value, list | tuple):
        return [option, *map(_text, value)]
    return [option, _text(value)]


def _text(value: Any) -> str:
    return repr(value) if isinstance(value, float) else str(value)
