"""An engine that carries out the user's IDL routine, a block at a time."""

from __future__ import annotations

import functools
import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from iracdb.engines.calls import ARRAY_LOCATION, PIXEL_PHASE, Answer, Call, FloatArray
from iracdb.engines.source import IdlSource
from iracdb.errors import EngineFailed
from iracdb.photometry.response import check_known

TIMEOUT = 600.0
"""Seconds after which a program that gives no answer is stopped."""

# FIX makes a 16-bit integer, in IDL: farther out the routine answers for another pixel.
_FARTHEST = 32_000.0
_CENTRE = 127.0


class RoutineResponse(ABC):
    """Factors from the routine itself, which corrects a star of flux 1 for each effect alone.

    Parameters
    ----------
    source : IdlSource
        The routine.
    timeout : float, optional
        Seconds for one block.
    """

    name: str

    def __init__(self, source: IdlSource, *, timeout: float = TIMEOUT) -> None:
        self.source = source
        self.timeout = timeout

    @property
    @abstractmethod
    def version(self) -> str:
        """Of the interpreter, as it tells."""

    @abstractmethod
    def _carry_out(self, x: FloatArray, y: FloatArray, calls: Sequence[Call]) -> list[Answer]:
        """Make calls over the same positions, at least one, all finite, in one process."""

    @property
    def calibration(self) -> str:
        """Name of the routine, in lower case."""
        return self.source.function

    @property
    def origin(self) -> str:
        """Where the source was read."""
        return f"IDL source {self.source.path}, sha256 {self.source_sha256}"

    @property
    def missions(self) -> tuple[str, ...]:
        """Whose tables the routine has."""
        return self.source.missions

    @property
    def source_sha256(self) -> str:
        """Hash of the routine's source, hexadecimal."""
        return self.source.sha256

    def factors(
        self,
        x: ArrayLike,
        y: ArrayLike,
        channel: int,
        *,
        mission: str,
        subarray: bool,
        pixel_phase: bool,
        array_location: bool,
    ) -> tuple[FloatArray, FloatArray]:
        """Give the response at positions on an array, as the routine has it.

        Parameters
        ----------
        x, y : array_like
            Positions in pixels, 0-based with integers at pixel centres; they broadcast. In a
            subarray image they are the subarray's own.
        channel : int
            1 to 4.
        mission : {"warm", "cryo", "hora", "reach"}
            Whose tables.
        subarray : bool
            Whether the positions are those of a subarray image.
        pixel_phase, array_location : bool
            Whether to give that factor; else it is 1.

        Returns
        -------
        array_location, pixel_phase : numpy.ndarray
            The two factors, dimensionless, of the broadcast shape; NaN where x or y is not
            finite, or beyond 32000 pixels, where IDL's integers end. No program is started where
            no position is left.

        Raises
        ------
        UsageError
            Where channel or mission is not known.
        EngineFailed
            Where the routine has no tables of the mission, or gives no answer.
        """
        channel, mission = check_known(channel, mission)
        if mission not in self.source.missions:
            raise EngineFailed(
                f"The IDL source {self.source.path} is of the cryogenic mission alone and cannot "
                "correct warm data; give the newer irac_aphot_corr.pro"
            )
        x, y = np.broadcast_arrays(np.asarray(x, np.float64), np.asarray(y, np.float64))
        with np.errstate(invalid="ignore"):
            usable = (np.abs(x) <= _FARTHEST) & (np.abs(y) <= _FARTHEST)
        r_al = np.where(usable, 1.0, np.nan)
        r_pp = r_al.copy()
        asked = [
            (factor, Call(channel, mission, only, bool(subarray)))
            for wanted, factor, only in (
                (array_location, r_al, ARRAY_LOCATION),
                (pixel_phase, r_pp, PIXEL_PHASE),
            )
            if wanted
        ]
        if asked and usable.any():
            answers = self._carry_out(x[usable], y[usable], [call for _, call in asked])
            for (factor, _), answer in zip(asked, answers, strict=True):
                factor[usable] = 1 / answer.corrected
        return r_al, r_pp

    def coefficients(self) -> dict[str, Any]:
        """Give what the factors depend on: the source, and the coefficients it hands back.

        Returns
        -------
        dict
            Fit for JSON: ``function``, ``source_sha256``, and ``params``: by mission a list of 14
            numbers for each channel, or None where the routine does not hand them back.
        """
        return {
            "function": self.source.function,
            "source_sha256": self.source_sha256,
            "params": self._params,
        }

    @functools.cached_property
    def _params(self) -> dict[str, list[list[float | None]] | None]:
        missions = self.source.missions
        if not self.source.gives_coefficients:
            return dict.fromkeys(missions)
        centre = np.array([_CENTRE])
        calls = [Call(1, mission, ARRAY_LOCATION) for mission in missions]
        answers = self._carry_out(centre, centre, calls)
        return {
            mission: None if answer.coefficients is None else _plain(answer.coefficients)
            for mission, answer in zip(missions, answers, strict=True)
        }

    def coefficients_digest(self) -> str:
        """Hash the source and the coefficients.

        Returns
        -------
        str
            sha256, hexadecimal, of `coefficients` as JSON with sorted keys, without spaces, each
            number in its shortest exact form.
        """
        text = json.dumps(
            self.coefficients(), sort_keys=True, separators=(",", ":"), allow_nan=False
        )
        return hashlib.sha256(text.encode("ascii")).hexdigest()


def _plain(coefficients: FloatArray) -> list[list[float | None]]:
    return [
        [value if np.isfinite(value) else None for value in row] for row in coefficients.tolist()
    ]
