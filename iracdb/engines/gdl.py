"""The engine `gdl`: the user's routine in GNU Data Language, one process a block.

What GDL 1.0 does that the driver must know: it ends with status 0 after an error, so that only
the file written last tells of success; CATCH does not see an error inside a called function, but
the lines on standard input go on after it, so that the last of them can report; and a session
that reads commands writes a history into the user's home, so that it is given another.
"""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
from collections.abc import Sequence

from iracdb.engines.calls import Answer, Call, FloatArray
from iracdb.engines.process import DONE, FAILED, INPUT, Workshop, workshop
from iracdb.engines.routine import TIMEOUT, RoutineResponse
from iracdb.engines.source import BOTH_MISSIONS, IdlSource
from iracdb.errors import EngineFailed

PROGRAM = "gdl"
MISSING = "GNU Data Language is not installed; install Debian's gnudatalanguage, or another's gdl"

_WHAT = "GDL"
_SECONDS_FOR_VERSION = 60
_LINES = "iracdb_block\nRETALL\niracdb_report\nEXIT\n"

# The procedures stand in files of their own names, which GDL finds in the current folder. Positions
# are handed over as copies (x[*]): a routine may change its arguments.
_REPORT = f"""\
PRO iracdb_report
  OPENW, unit, '{FAILED}', /GET_LUN
  PRINTF, unit, !ERROR_STATE.MSG
  FREE_LUN, unit
  EXIT, STATUS=1
END
"""
_KEEP = """\
PRO iracdb_keep, answer, size, number
  IF SIZE(answer, /TYPE) NE 5 OR N_ELEMENTS(answer) NE size THEN BEGIN
    MESSAGE, /NONAME, 'the routine gave ' + STRTRIM(N_ELEMENTS(answer), 2) + ' numbers of type ' + $
      SIZE(answer, /TNAME) + ', not ' + STRTRIM(size, 2) + ' of type DOUBLE'
  ENDIF
  OPENW, unit, 'answer_' + number + '.f64', /GET_LUN
  WRITEU, unit, answer
  FREE_LUN, unit
END
"""
_KEEP_PARAMS = """\
PRO iracdb_keep_params, params, number
  type = SIZE(params, /TYPE)
  IF N_ELEMENTS(params) NE 56 OR (type NE 4 AND type NE 5) THEN RETURN
  OPENW, unit, 'params_' + number + '.f64', /GET_LUN
  WRITEU, unit, DOUBLE(params)
  FREE_LUN, unit
END
"""
_BLOCK = """\
PRO iracdb_block
  size = {size}LL
  x = DBLARR(size)
  y = DBLARR(size)
  flux = REPLICATE(1d0, size)
  OPENR, unit, 'x.f64', /GET_LUN
  READU, unit, x
  FREE_LUN, unit
  OPENR, unit, 'y.f64', /GET_LUN
  READU, unit, y
  FREE_LUN, unit
  RESOLVE_ROUTINE, '{function}', /IS_FUNCTION, /COMPILE_FULL_FILE
{calls}
  OPENW, unit, '{done}', /GET_LUN
  PRINTF, unit, '{token}'
  FREE_LUN, unit
  EXIT, STATUS=0
END
"""
_CALL = """\
  answer = 'none'
  params = 0
  gone = TEMPORARY(params)
  answer = {function}(flux[*], x[*], y[*], {channel}{params}, {keywords})
  iracdb_keep, answer, size, '{number}'
  iracdb_keep_params, params, '{number}'"""


class GdlResponse(RoutineResponse):
    """Factors from the user's routine in GNU Data Language.

    Parameters
    ----------
    source : IdlSource
        The routine.
    timeout : float, optional
        Seconds for one block.

    Raises
    ------
    EngineFailed
        Where there is no GDL.
    """

    name = "gdl"

    def __init__(self, source: IdlSource, *, timeout: float = TIMEOUT) -> None:
        super().__init__(source, timeout=timeout)
        self._program = _program()

    @property
    def version(self) -> str:
        """Of GDL, as ``gdl --version`` tells."""
        return gdl_version()

    def _carry_out(self, x: FloatArray, y: FloatArray, calls: Sequence[Call]) -> list[Answer]:
        with workshop() as place:
            self._furnish(place, x, y, calls)
            place.run([self._program, "-quiet"], _environment(place), self.timeout, _WHAT)
            return [place.answer(number, x.size, _WHAT) for number in range(len(calls))]

    def _furnish(
        self, place: Workshop, x: FloatArray, y: FloatArray, calls: Sequence[Call]
    ) -> None:
        function = self.source.function
        params = ", PARAMS=params" if self.source.gives_coefficients else ""
        lines = [
            _CALL.format(
                function=function,
                channel=call.channel,
                params=params,
                keywords=call.keywords(knows_missions=function == BOTH_MISSIONS),
                number=number,
            )
            for number, call in enumerate(calls)
        ]
        block = _BLOCK.format(
            size=x.size, function=function, calls="\n".join(lines), done=DONE, token=place.token
        )
        # GDL looks for a function in a file of its name in lower case.
        place.write(f"{function}.pro", self.source.content)
        place.write("iracdb_block.pro", block)
        place.write("iracdb_keep.pro", _KEEP)
        place.write("iracdb_keep_params.pro", _KEEP_PARAMS)
        place.write("iracdb_report.pro", _REPORT)
        place.write(INPUT, _LINES)
        place.write("x.f64", x.tobytes())
        place.write("y.f64", y.tobytes())


def gdl_version() -> str:
    """Ask GDL for its version.

    Returns
    -------
    str
        Such as ``1.0.1``.

    Raises
    ------
    EngineFailed
        Where there is no GDL, or what is called so is something else.
    """
    return _asked_version(_program())


@functools.cache
def _asked_version(program: str) -> str:
    try:
        done = subprocess.run(  # noqa: S603  (the user's own program, no shell)
            [program, "--version"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, errors="replace", timeout=_SECONDS_FOR_VERSION, check=False,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError) as problem:
        raise EngineFailed(f"{program} does not tell its version: {problem}") from problem
    found = re.search(r"GNU Data Language.*?version\s+([\w.+~-]+)", done.stdout, re.IGNORECASE)
    if found is None:
        raise EngineFailed(f"{program} is not GNU Data Language, or does not tell its version")
    return found[1]


def _program() -> str:
    found = shutil.which(PROGRAM)
    if found is None:
        raise EngineFailed(MISSING)
    return found


def _environment(place: Workshop) -> dict[str, str]:
    """Leave out what could bring in other code, another grammar, or windows."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("GDL_", "IDL_")) and name not in ("DISPLAY", "WAYLAND_DISPLAY")
    }
    return kept | {"HOME": str(place.folder), "OMP_NUM_THREADS": "1"}
