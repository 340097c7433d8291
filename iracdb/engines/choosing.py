"""An engine by its name, with what it needs from options or from the environment."""

from __future__ import annotations

from pathlib import Path

from iracdb import settings
from iracdb.engines.gdl import GdlResponse
from iracdb.engines.idl import IdlResponse
from iracdb.engines.source import read_source
from iracdb.errors import UsageError
from iracdb.photometry.response import NATIVE, Response

ENGINES = ("native", "gdl", "idl")
"""The engines that a run may ask for; the first is the default."""

SOURCE_VARIABLE = settings.VARIABLES["idl-source"]
PYTHON_VARIABLE = settings.VARIABLES["idl-python"]


def engine_named(
    name: str, *, idl_source: str | Path | None = None, idl_python: str | Path | None = None
) -> Response:
    """Make an engine ready.

    Parameters
    ----------
    name : str
        One of `ENGINES`.
    idl_source : str or pathlib.Path, optional
        The user's irac_aphot_corr.pro or irac_aphot_corr_cryo.pro; by default what
        the settings name.
    idl_python : str or pathlib.Path, optional
        The Python that has mirpyidl; by default what the settings name.

    Returns
    -------
    Response
        The engine, with its source read.

    Raises
    ------
    UsageError
        Where there is none of that name, or no source or Python is given that it needs.
    EngineFailed
        Where the engine or its source is not there.
    """
    if name not in ENGINES:
        raise UsageError(f"No engine is called {name!r}; there are: {', '.join(ENGINES)}")
    if name == "native":
        return NATIVE
    source, python = given_source(idl_source), given_python(idl_python)
    if source is None:
        raise UsageError(
            f"The engine {name} carries out your own copy of irac_aphot_corr.pro; name it with "
            f"--idl-source or {SOURCE_VARIABLE}"
        )
    if name == "gdl":
        return GdlResponse(read_source(source))
    if python is None:
        raise UsageError(
            "The engine idl needs a Python that has mirpyidl; name it with --idl-python or "
            f"{PYTHON_VARIABLE}"
        )
    return IdlResponse(read_source(source), python)


def given_source(option: str | Path | None = None) -> str | None:
    """Tell which IDL source is given.

    Parameters
    ----------
    option : str or pathlib.Path, optional
        Goes before the settings: environment, then files.

    Returns
    -------
    str or None
        None where none is.
    """
    return _given(option, "idl-source")


def given_python(option: str | Path | None = None) -> str | None:
    """Tell which Python is given for mirpyidl.

    Parameters
    ----------
    option : str or pathlib.Path, optional
        Goes before the settings: environment, then files.

    Returns
    -------
    str or None
        None where none is.
    """
    return _given(option, "idl-python")


def _given(option: str | Path | None, key: str) -> str | None:
    return str(option) if option is not None else settings.path_setting(key)
