"""Does an engine work here: each is really tried, against our own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from iracdb.engines.choosing import (
    ENGINES,
    PYTHON_VARIABLE,
    SOURCE_VARIABLE,
    given_python,
    given_source,
)
from iracdb.engines.gdl import GdlResponse, gdl_version
from iracdb.engines.idl import IdlResponse, mirpyidl_version
from iracdb.engines.routine import RoutineResponse
from iracdb.engines.source import IdlSource, read_source
from iracdb.errors import IracdbError
from iracdb.photometry.response import NATIVE, response_factors

MOST_DIFFERENCE = 1e-12
"""Relative; native and the routine agree to a few 1e-16, where the coefficients are the same."""

# Within a pixel and on its edges, in the corners of the array and at its centre.
_X = np.array([127.0, 127.5, 0.25, 254.75, -0.5, 64.1, 200.9])
_Y = np.array([127.0, 31.25, 0.5, 254.5, 255.25, 190.4, 3.3])


@dataclass(frozen=True)
class Examined:
    """What an engine's trial showed.

    Parameters
    ----------
    engine : str
        Its name.
    asked : bool
        Whether what it needs was given; the native engine always is.
    state : {"works", "there", "differs", "missing", "fails"}
        ``there`` where it could not be tried for want of a source.
    version : str or None
        As it tells.
    difference : float or None
        The largest relative difference of its factors from native's, where it was tried.
    says : str
        One sentence: what was tried, or what is missing and how to mend it.
    """

    engine: str
    asked: bool
    state: str
    version: str | None
    difference: float | None
    says: str


def examine(idl_source: str | None = None, idl_python: str | None = None) -> list[Examined]:
    """Try every engine on a small block.

    A source alone asks for GDL; with a Python that has mirpyidl it asks for IDL, and GDL is tried
    as well.

    Parameters
    ----------
    idl_source, idl_python : str, optional
        By default what the environment names.

    Returns
    -------
    list of Examined
        In the order of `ENGINES`.
    """
    source, python = given_source(idl_source), given_python(idl_python)
    found: IdlSource | None = None
    trouble = None
    if source is not None:
        try:
            found = read_source(source)
        except IracdbError as problem:
            trouble = str(problem)
    of_gdl = _examine(
        "gdl", source is not None and python is None, gdl_version, GdlResponse, found, trouble
    )
    if python is None:
        says = f"Name a Python that has mirpyidl with --idl-python or {PYTHON_VARIABLE}"
        of_idl = Examined("idl", False, "missing", None, None, says)
    else:
        of_idl = _examine(
            "idl", True, lambda: mirpyidl_version(python),
            lambda given: IdlResponse(given, python), found, trouble,
        )  # fmt: skip
    by_name = {each.engine: each for each in (_native(), of_gdl, of_idl)}
    return [by_name[name] for name in ENGINES]


def _native() -> Examined:
    """At the centre of the array R_al is its first coefficient, by the formula."""
    first = NATIVE.coefficients()["cryo"]["1"]["array_location"][0]
    r_al, _ = response_factors(127.0, 127.0, 1, mission="cryo")
    if float(r_al) == first:
        return Examined("native", True, "works", None, None, "Part of iracdb")
    says = f"R_al is {float(r_al)} at the centre of the array, not {first}; install iracdb anew"
    return Examined("native", True, "fails", None, None, says)


def _examine(
    name: str,
    asked: bool,
    version_of: Callable[[], str],
    make: Callable[[IdlSource], RoutineResponse],
    source: IdlSource | None,
    trouble: str | None,
) -> Examined:
    try:
        version = version_of()
    except IracdbError as problem:
        return Examined(name, asked, "missing", None, None, str(problem))
    if source is None:
        says = trouble or (
            f"Not tried: name your irac_aphot_corr.pro with --idl-source or {SOURCE_VARIABLE}"
        )
        return Examined(name, asked, "fails" if trouble else "there", version, None, says)
    try:
        difference, told = _tried(make(source))
    except IracdbError as problem:
        return Examined(name, asked, "fails", version, None, str(problem))
    state = "works" if difference <= MOST_DIFFERENCE else "differs"
    says = f"{source.function.upper()}, {told}; factors as native's to {difference:.1e}"
    return Examined(name, asked, state, version, difference, says)


def _tried(engine: RoutineResponse) -> tuple[float, str]:
    """Compare the factors of every mission, and tell whether coefficients came back."""
    worst = 0.0
    for mission in engine.source.missions:
        found = engine.factors(
            _X, _Y, 1, mission=mission, subarray=False, pixel_phase=True, array_location=True
        )
        native = response_factors(_X, _Y, 1, mission=mission)
        for one, other in zip(found, native, strict=True):
            worst = max(worst, float(np.max(np.abs(one / other - 1))))
    params = engine.coefficients()["params"]
    unknown = [mission for mission, rows in params.items() if rows is None]
    if unknown:
        return worst, f"which does not hand back its coefficients ({', '.join(unknown)})"
    return worst, f"coefficients of {', '.join(params)}"
