"""Carries out one block in IDL through mirpyidl; run by the Python that has mirpyidl.

It imports nothing of iracdb's and is kept within the words of Python 3.6, since that Python is
not ours. It is started in a folder that holds ``request.json``, ``x.f64``, ``y.f64`` and the
routine's source, and leaves ``answer_N.f64`` and ``params_N.f64`` for call N, ``about.json``, and
last of all ``done.txt`` with the token of the request. What goes wrong is told in ``failed.txt``.
"""

import json
import os
import sys
from typing import Any

DOUBLE = 5
"""The number by which IDL's SIZE names the type."""
UNTOUCHED = "no answer"
"""What the result is set to before each call: a routine that gives up leaves it as it is."""
PARAMETERS, CHANNELS = 14, 4


class NoAnswer(Exception):
    """IDL gave something else than what was asked for."""


def main() -> int:
    """Carry out the request that lies in the current folder.

    Returns
    -------
    int
        Exit status: 0, or 1 where ``failed.txt`` tells why not.
    """
    try:
        with open("request.json", encoding="utf-8") as request_file:
            request = json.load(request_file)
        carry_out(request)
        with open("done.txt", "w", encoding="utf-8") as done:
            done.write(request["token"])
    except Exception as problem:  # whatever it is, the caller tells it to the user
        kind = "" if isinstance(problem, NoAnswer) else type(problem).__name__ + ": "
        with open("failed.txt", "w", encoding="utf-8") as failed:
            failed.write(f"{kind}{problem}")
        return 1
    return 0


def carry_out(request: Any) -> None:
    """Make all calls of a request.

    Parameters
    ----------
    request : dict
        ``function``, ``gives_coefficients`` and ``calls``, each with ``channel`` and ``keywords``.

    Raises
    ------
    NoAnswer
        Where there is no mirpyidl.
    """
    try:
        import mirpyidl as idl
        import numpy as np
    except ImportError as problem:
        raise NoAnswer(f"{sys.executable} cannot import mirpyidl ({problem})") from problem
    # Else an underflow in a Gaussian's wing stops the call; answers are checked one by one.
    if hasattr(idl, "setOptions"):
        idl.setOptions({"raise_arithmetic_errors": False})
    idl.execute("iracdb_release = !VERSION.RELEASE")
    about = {
        "idl": str(idl.getVariable("iracdb_release")),
        "mirpyidl": version_of(idl),
        "numpy": np.__version__,
        "python": ".".join(map(str, sys.version_info[:3])),
    }
    with open("about.json", "w", encoding="utf-8") as told:
        json.dump(about, told)
    if not request["calls"]:
        return
    compile_here(idl, request["function"])
    x = np.ascontiguousarray(np.fromfile("x.f64", dtype=np.float64))
    y = np.ascontiguousarray(np.fromfile("y.f64", dtype=np.float64))
    # mirpyidl copies the bytes as they lie: only contiguous doubles arrive as what they are.
    idl.setVariable("iracdb_x", x)
    idl.setVariable("iracdb_y", y)
    idl.setVariable("iracdb_flux", np.ones(x.size))
    for number, call in enumerate(request["calls"]):
        one_call(idl, request, call, number, x.size)


def one_call(idl: Any, request: Any, call: Any, number: int, size: int) -> None:
    """Make one call, and write what it gave.

    Parameters
    ----------
    idl : module
        mirpyidl.
    request : dict
        All that is asked for.
    call : dict
        This call.
    number : int
        Its number, from 0.
    size : int
        How many positions there are.

    Raises
    ------
    NoAnswer
        Where the result is not as many doubles as there are positions.
    """
    import numpy as np

    idl.setVariable("iracdb_answer", UNTOUCHED)
    idl.setVariable("iracdb_params", UNTOUCHED)
    idl.execute("iracdb_gone = TEMPORARY(iracdb_params)")  # which makes it undefined
    params = ", PARAMS=iracdb_params" if request["gives_coefficients"] else ""
    # Subscripted with [*] they are copies, which a routine may change.
    idl.execute(
        "iracdb_answer = {}(iracdb_flux[*], iracdb_x[*], iracdb_y[*], {}{}, {})".format(
            request["function"].upper(), call["channel"], params, call["keywords"]
        )
    )
    kind, found = described(idl, "iracdb_answer")
    if kind != DOUBLE or found != size:
        raise NoAnswer(
            f"the routine gave {found} numbers of IDL's type {kind}, "
            f"not {size} of type {DOUBLE} (DOUBLE)"
        )
    # One element comes back as a plain float.
    answer = np.atleast_1d(np.asarray(idl.getVariable("iracdb_answer"))).ravel()
    if answer.dtype != np.float64 or answer.size != size:
        raise NoAnswer(
            f"mirpyidl handed over {answer.size} numbers of type {answer.dtype}, "
            f"not {size} of type float64"
        )
    answer.tofile(f"answer_{number}.f64")
    kind, found = described(idl, "iracdb_params")
    if kind in (4, DOUBLE) and found == PARAMETERS * CHANNELS:
        given = np.asarray(idl.getVariable("iracdb_params"))
        given.ravel().astype(np.float64).tofile(f"params_{number}.f64")


def compile_here(idl: Any, function: str) -> None:
    """Compile the routine from the source in this folder, whatever else IDL's path holds.

    Parameters
    ----------
    idl : module
        mirpyidl.
    function : str
        The routine's name in lower case, and its file's.

    Raises
    ------
    NoAnswer
        Where IDL took another file of that name.
    """
    idl.setVariable("iracdb_folder", os.getcwd())
    idl.execute("CD, iracdb_folder")
    idl.execute(f"RESOLVE_ROUTINE, '{function}', /IS_FUNCTION, /COMPILE_FULL_FILE")
    idl.execute(f"iracdb_place = ROUTINE_INFO('{function.upper()}', /FUNCTIONS, /SOURCE)")
    idl.execute("iracdb_path = iracdb_place.PATH")
    path = str(idl.getVariable("iracdb_path"))
    if not os.path.exists(path) or not os.path.samefile(path, function + ".pro"):
        raise NoAnswer(f"IDL compiled {path} instead of the given source")


def described(idl: Any, name: str) -> Any:
    """Ask IDL for a variable's type and size, without fetching it.

    Parameters
    ----------
    idl : module
        mirpyidl.
    name : str
        The variable.

    Returns
    -------
    tuple of int
        The number of the type, and how many elements.
    """
    idl.execute(f"iracdb_kind = SIZE({name}, /TYPE)")
    idl.execute(f"iracdb_size = N_ELEMENTS({name})")
    return int(idl.getVariable("iracdb_kind")), int(idl.getVariable("iracdb_size"))


def version_of(idl: Any) -> str:
    """Find out mirpyidl's version.

    Parameters
    ----------
    idl : module
        mirpyidl.

    Returns
    -------
    str
        ``unknown`` where it does not tell.
    """
    told = getattr(idl, "__version__", None)
    if told is None:
        try:
            from importlib.metadata import version
        except ImportError:  # before Python 3.8
            return "unknown"
        try:
            told = version("mirpyidl")
        except Exception:  # not installed but lying on the path
            return "unknown"
    return str(told)


if __name__ == "__main__":
    sys.exit(main())
