"""The engine `idl`: the user's routine in IDL, through mirpyidl in a Python of its own.

mirpyidl builds only beside a licensed IDL and an older NumPy than ours. So the Python that has it
runs a small script, which takes a block of positions and leaves its answers as files.
"""

from __future__ import annotations

import functools
import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from iracdb.engines.calls import Answer, Call, FloatArray
from iracdb.engines.process import Workshop, workshop
from iracdb.engines.routine import TIMEOUT, RoutineResponse
from iracdb.engines.source import BOTH_MISSIONS, IdlSource
from iracdb.errors import EngineFailed

WORKER = Path(__file__).with_name("mirpyidl_worker.py")

_WHAT = "IDL"
_SECONDS_FOR_VERSION = 120.0


class IdlResponse(RoutineResponse):
    """Factors from the user's routine in IDL.

    Parameters
    ----------
    source : IdlSource
        The routine.
    python : str
        The Python that has mirpyidl: its path, or a name to be looked up.
    timeout : float, optional
        Seconds for one block.

    Raises
    ------
    EngineFailed
        Where there is no such Python.
    """

    name = "idl"

    def __init__(self, source: IdlSource, python: str, *, timeout: float = TIMEOUT) -> None:
        super().__init__(source, timeout=timeout)
        self._python = _program(python)

    @property
    def version(self) -> str:
        """Of IDL and of mirpyidl, as they tell."""
        return mirpyidl_version(self._python)

    def _carry_out(self, x: FloatArray, y: FloatArray, calls: Sequence[Call]) -> list[Answer]:
        function = self.source.function
        with workshop() as place:
            # IDL looks for a function in a file of its name in lower case.
            place.write(f"{function}.pro", self.source.content)
            place.write("x.f64", x.tobytes())
            place.write("y.f64", y.tobytes())
            request = {
                "token": place.token,
                "function": function,
                "gives_coefficients": self.source.gives_coefficients,
                "calls": [
                    {
                        "channel": call.channel,
                        "keywords": call.keywords(knows_missions=function == BOTH_MISSIONS),
                    }
                    for call in calls
                ],
            }
            place.write("request.json", json.dumps(request))
            _work(place, self._python, self.timeout)
            return [place.answer(number, x.size, _WHAT) for number in range(len(calls))]


def mirpyidl_version(python: str) -> str:
    """Start IDL, and ask it and mirpyidl for their versions.

    Parameters
    ----------
    python : str
        The Python that has mirpyidl.

    Returns
    -------
    str
        Such as ``8.8.3, mirpyidl 0.4.2``.

    Raises
    ------
    EngineFailed
        Where there is no such Python, or no mirpyidl in it, or IDL does not start.
    """
    return _asked_version(_program(python))


@functools.cache
def _asked_version(python: str) -> str:
    with workshop() as place:
        place.write("request.json", json.dumps({"token": place.token, "calls": []}))
        _work(place, python, _SECONDS_FOR_VERSION)
        about = json.loads(place.text("about.json"))
    return f"{about['idl']}, mirpyidl {about['mirpyidl']}"


def _work(place: Workshop, python: str, timeout: float) -> None:
    # A copy: nothing of ours lies beside it, to be imported by mistake.
    place.write("worker.py", WORKER.read_bytes())
    environment = {name: value for name, value in os.environ.items() if name != "IDL_STARTUP"}
    place.run([python, "-B", "worker.py"], environment, timeout, _WHAT)


def _program(python: str) -> str:
    found = shutil.which(os.path.expanduser(python))
    if found is None:
        raise EngineFailed(
            f"There is no Python {python}; name the one that has mirpyidl with --idl-python"
        )
    # Not resolved: a virtual environment is told by the path of its link.
    return os.path.abspath(found)
