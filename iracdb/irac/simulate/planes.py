"""Planes of a simulated cube in time: an eclipse, and what the first and the 58th plane do."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from iracdb.irac.handbook import SUBARRAY_PLANES
from iracdb.irac.simulate.spec import FrameSpec

FIRST_PLANE = 0.99
"""What the first plane of a cube sees of a star: real ones are low by about 1 %."""

ODD_PLANE = 57
"""Plane, 0-based, whose dark differs from the others'."""

Curve = Callable[[NDArray[np.float64]], NDArray[np.float64]]


def plane_times(spec: FrameSpec) -> NDArray[np.float64]:
    """Tell the middle of each plane.

    Parameters
    ----------
    spec : FrameSpec
        The frame; a full array is one plane.

    Returns
    -------
    ndarray of float, shape (64,) or (1,)
        MJD, UTC: the frame's start and FRAMTIME times the plane's number and a half.
    """
    numbers = np.arange(SUBARRAY_PLANES if spec.subarray else 1) + 0.5
    return np.asarray(spec.mjd + numbers * spec.frame_time / 86_400.0, dtype=np.float64)


def eclipse(
    times: ArrayLike, *, middle: float, duration: float, depth: float, ingress: float
) -> NDArray[np.float64]:
    """Light of a star of which a share is hidden for a while: a trapezium.

    Parameters
    ----------
    times : array_like of float
        MJD, any shape.
    middle : float
        MJD of the middle.
    duration : float
        Days from the first contact to the last.
    depth : float
        Share of the light that is missing at the bottom.
    ingress : float
        Days that the way down takes, and the way up; above 0, at most half of the duration.

    Returns
    -------
    ndarray of float
        1 outside, 1 - ``depth`` at the bottom, of the shape of ``times``.
    """
    inside = duration / 2.0 - np.abs(np.asarray(times, dtype=np.float64) - middle)
    return np.asarray(1.0 - depth * np.clip(inside / ingress, 0.0, 1.0))


def follow(specs: Iterable[FrameSpec], curve: Curve) -> Iterator[FrameSpec]:
    """Let the target's light follow a curve, plane by plane.

    Parameters
    ----------
    specs : iterable of FrameSpec
        The frames.
    curve : callable
        Factors from an array of MJD, UTC, at the middle of each plane.

    Yields
    ------
    FrameSpec
        The frame with its ``flux_series``.
    """
    for spec in specs:
        factors = curve(plane_times(spec))
        yield replace(spec, flux_series=tuple(float(factor) for factor in factors))


def with_plane_habits(
    spec: FrameSpec, *, first: float = FIRST_PLANE, background: float = -0.5
) -> FrameSpec:
    """Give a cube the two planes that real cubes have.

    Parameters
    ----------
    spec : FrameSpec
        A subarray frame.
    first : float, optional
        Factor of the stars' light in the first plane.
    background : float, optional
        What the dark adds to plane 57, 0-based, MJy/sr.

    Returns
    -------
    FrameSpec
        The same with ``plane_flux`` and ``plane_background`` set.
    """
    return replace(spec, plane_flux={0: first}, plane_background={ODD_PLANE: background})
