"""What tests of the engines share: sources of our own, and a Python that has the stand-in."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path

import numpy as np

IDL = Path(__file__).with_name("idl")
BOTH, CRYO = IDL / "irac_aphot_corr.pro", IDL / "irac_aphot_corr_cryo.pro"

# A routine of the right name that does something else: `body` stands where it works.
BROKEN = """\
FUNCTION irac_aphot_corr, flux, x, y, channel, PARAMS=params, PP_ONLY=pp_only, AL_ONLY=al_only, $
  CRYO=cryo, WARM=warm, REACH=reach, HORA=hora, SUBARRAY=subarray
{body}
END
"""


def broken(folder: Path, body: str, name: str = "irac_aphot_corr.pro") -> Path:
    path = folder / name
    path.write_text(BROKEN.format(body=body), encoding="utf-8")
    return path


def python_with_stand_in(folder: Path, where: Path = IDL) -> str:
    """A program that is this Python, with our stand-in for mirpyidl where it finds it."""
    program = folder / "python-with-mirpyidl"
    program.write_text(
        f'#!/bin/sh\nPYTHONPATH={shlex.quote(str(where))} exec {shlex.quote(sys.executable)} "$@"\n'
    )
    program.chmod(0o755)
    return str(program)


def points(number: int, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Random points on the array and beyond, with the edges of pixels and of the array first."""
    rng = np.random.default_rng(seed)
    x, y = rng.uniform(-40.0, 300.0, (2, number))
    edges = np.array(
        [
            *(-0.5, 0.5, 1.5, 2.5, 126.5, 127.5, 254.5, 255.5, -1.5, -0.0, 0.0, 127.0, 255.0),
            *(-0.49999999999999994, 0.49999999999999994, 254.99999999999997, -7.0, -300.25),
        ]
    )
    at_x, at_y = (part.ravel() for part in np.meshgrid(edges, edges))
    count = min(at_x.size, number)
    x[:count], y[:count] = at_x[:count], at_y[:count]
    return x, y


def temporary_folders(folder: Path) -> list[str]:
    """What the engines left in a folder that TMPDIR names."""
    return sorted(name for name in os.listdir(folder) if name.startswith("iracdb-"))
