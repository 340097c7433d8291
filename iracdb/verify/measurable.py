"""Whether this program knows every rule that a run was measured by."""

from __future__ import annotations

from iracdb.irac.handbook import PIXEL_SIZE
from iracdb.photometry.centre import centre_named
from iracdb.photometry.correction import TABLES
from iracdb.photometry.pairing import pairing_named
from iracdb.photometry.planes import Planes
from iracdb.photometry.rejection import parse_rejection
from iracdb.photometry.response import Response
from iracdb.photometry.sky import sky_named
from iracdb.runs.parameters import Parameters
from iracdb.runs.request import SCIENCE_KINDS, SPECTRA

_KNOWN = {
    "channel": tuple(PIXEL_SIZE),
    "kind": SCIENCE_KINDS,
    "position": ("fitted", "forced"),
    "source_spectrum": SPECTRA,
    "bounds": ("edges", "indices"),
    "grouping": ("like", "all"),
    "response": TABLES,
    "pixel_phase": (True, False),
    "array_location": (True, False),
}
_NAMED = {
    "centre": centre_named,
    "sky": sky_named,
    "rejection": parse_rejection,
    "pairing": pairing_named,
    "subarray_planes": Planes.parse,
}


def why_not_measurable(parameters: Parameters) -> str | None:
    """Tell why these parameters cannot be applied.

    Parameters
    ----------
    parameters : Parameters
        As recorded, perhaps by another version, perhaps changed since.

    Returns
    -------
    str or None
        A sentence; None where each is known.
    """
    try:
        for name, known in _KNOWN.items():
            if parameters[name] not in known:
                return f"{name} is {parameters[name]!r}, which this iracdb does not know"
        for name, find in _NAMED.items():
            find(parameters[name])
        # What goes by frames is no number of the run's.
        if parameters["pixel_size_from"] != "header":
            float(parameters["pixel_size"])
        if parameters["aperture_correction_from"] in ("given", "manual"):
            float(parameters["aperture_correction"])
        _ = parameters.aperture
    except KeyError as problem:
        return f"the parameter {problem} is not recorded"
    except (ValueError, TypeError, AttributeError) as problem:  # UsageError is a ValueError
        return str(problem)
    return None


def response_change(parameters: Parameters, engine: Response) -> list[tuple[str, str, str]]:
    """Tell whether the response here is another than was applied.

    Parameters
    ----------
    parameters : Parameters
        As recorded.
    engine : Response
        That gives it here.

    Returns
    -------
    list of tuple
        (name, was, now), or nothing.
    """
    known = {
        "response coefficients": ("response_coefficients", engine.coefficients_digest()),
        "IDL source": ("idl_source", engine.source_sha256),
        f"{engine.name} version": ("engine_version", engine.version),
    }
    compared = [(title, parameters[name], now) for title, (name, now) in known.items()]
    return [(title, str(was), str(now)) for title, was, now in compared if was != now]
