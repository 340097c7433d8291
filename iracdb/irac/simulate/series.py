"""How the exposures of a simulated AOR follow each other: where the star falls on each.

Each function takes an AOR's first exposure and yields them all.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from iracdb.irac.simulate.frame import light, with_row_lost
from iracdb.irac.simulate.spec import ExtraStar, FrameSpec

SHORT_SERIES = 4
"""Exposures at most of an AOR that is there only so that its mode is there."""

_CYCLE = ((0.0, 0.0), (9.3, 6.4), (-8.6, 10.7), (-11.2, -7.9), (7.8, -9.5))
_FIELD_STARS = ((62.3, 41.8, 0.06), (-55.6, 48.2, 0.04), (12.4, -71.9, 0.03))


@dataclass(frozen=True)
class Settings:
    """What the caller chose.

    Parameters
    ----------
    seed : int
        Where the noise and the pointing come from.
    frames, full_frames : int
        Exposures of a subarray AOR, and of a full-array AOR.
    noise, response : bool
        As in `FrameSpec`.
    """

    seed: int
    frames: int
    full_frames: int
    noise: bool
    response: bool


def cycling(first: FrameSpec, settings: Settings, rng: np.random.Generator) -> Iterator[FrameSpec]:
    """Take five positions over and over.

    Parameters
    ----------
    first : FrameSpec
        The AOR's first exposure, without its place.
    settings : Settings
        What the caller chose.
    rng : numpy.random.Generator
        Where errors of the pointing come from.

    Yields
    ------
    FrameSpec
    """
    for number in range(settings.full_frames):
        across, along = _CYCLE[number % len(_CYCLE)]
        spec = _exposure(first, number, 127.0 + across, 127.0 + along, rng)
        yield replace(spec, dither_position=number % len(_CYCLE) + 1)


def spread(first: FrameSpec, settings: Settings, rng: np.random.Generator) -> Iterator[FrameSpec]:
    """Take each position once.

    Parameters
    ----------
    first : FrameSpec
        The AOR's first exposure, without its place.
    settings : Settings
        What the caller chose.
    rng : numpy.random.Generator
        Where errors of the pointing come from.

    Yields
    ------
    FrameSpec
    """
    yield from _spiral(first, settings.full_frames, rng)


def spread_with_holes(
    first: FrameSpec, settings: Settings, rng: np.random.Generator
) -> Iterator[FrameSpec]:
    """Lay holes into the annulus of the second frame, into the star's core in the third.

    Parameters
    ----------
    first : FrameSpec
        The AOR's first exposure, without its place.
    settings : Settings
        What the caller chose.
    rng : numpy.random.Generator
        Where errors of the pointing come from.

    Yields
    ------
    FrameSpec
    """
    last = settings.full_frames - 1
    for number, spec in enumerate(_spiral(first, settings.full_frames, rng)):
        row, column = round(spec.centre[1]), round(spec.centre[0])
        holes: tuple[tuple[int, ...], ...] = ()
        if number == min(1, last):
            holes += ((row + 14, column + 3), (row + 14, column + 4), (row - 5, column - 16))
        if number == min(2, last):
            brightest = np.unravel_index(int(light(spec).argmax()), spec.image_shape)
            holes += (tuple(int(n) for n in brightest),)
        yield replace(spec, nan_pixels=holes)


def short_spread(
    first: FrameSpec, settings: Settings, rng: np.random.Generator
) -> Iterator[FrameSpec]:
    """Take each position once, a few of them.

    Parameters
    ----------
    first : FrameSpec
        The AOR's first exposure, without its place.
    settings : Settings
        What the caller chose.
    rng : numpy.random.Generator
        Where errors of the pointing come from.

    Yields
    ------
    FrameSpec
    """
    yield from _spiral(first, min(settings.full_frames, SHORT_SERIES), rng)


def stare(first: FrameSpec, settings: Settings, rng: np.random.Generator) -> Iterator[FrameSpec]:
    """Hold one position as well as the telescope does: with a slow wobble.

    Parameters
    ----------
    first : FrameSpec
        The AOR's first exposure, without its place.
    settings : Settings
        What the caller chose.
    rng : numpy.random.Generator
        Where errors of the pointing come from.

    Yields
    ------
    FrameSpec
    """
    for number in range(settings.frames):
        turn = 2.0 * math.pi * number / 40.0
        x, y = 15.02 + 0.06 * math.sin(turn), 14.97 + 0.09 * math.cos(turn)
        yield with_row_lost(_exposure(first, number, x, y, rng))


def short_stare(
    first: FrameSpec, settings: Settings, rng: np.random.Generator
) -> Iterator[FrameSpec]:
    """Hold one position for a few exposures.

    Parameters
    ----------
    first : FrameSpec
        The AOR's first exposure, without its place.
    settings : Settings
        What the caller chose.
    rng : numpy.random.Generator
        Where errors of the pointing come from.

    Yields
    ------
    FrameSpec
    """
    yield from stare(first, replace(settings, frames=min(settings.frames, SHORT_SERIES)), rng)


def pairs(first: FrameSpec, settings: Settings, rng: np.random.Generator) -> Iterator[FrameSpec]:
    """Take each exposure short and long; the long one is saturated.

    Parameters
    ----------
    first : FrameSpec
        The AOR's first exposure, without its place.
    settings : Settings
        What the caller chose.
    rng : numpy.random.Generator
        Where errors of the pointing come from.

    Yields
    ------
    FrameSpec
    """
    frames = min(settings.full_frames, SHORT_SERIES)
    yield from hdr_pairs(first, frames, rng, short=1.2, long=30.0)


def hdr_pairs(
    first: FrameSpec,
    pairs: int,
    rng: np.random.Generator,
    *,
    short: float = 0.6,
    long: float = 12.0,
) -> Iterator[FrameSpec]:
    """Take each exposure of a full array short and long, dithered.

    Parameters
    ----------
    first : FrameSpec
        The AOR's first exposure, without its place.
    pairs : int
        How many exposures.
    rng : numpy.random.Generator
        Where errors of the pointing come from.
    short, long : float, optional
        FRAMTIME of both parts, seconds; the long one is AORTIME.

    Yields
    ------
    FrameSpec
        Short (DCENUM 0), long (DCENUM 1), short and so on.
    """
    for spec in _spiral(replace(first, frame_time=long), pairs, rng):
        yield replace(spec, hdr="short", frame_time=short, frameset_time=long)
        later = spec.mjd + (short + 1.8) / 86_400.0
        yield replace(spec, hdr="long", frameset_time=long, dcenum=1, mjd=later)


def off_the_array(
    first: FrameSpec, settings: Settings, rng: np.random.Generator
) -> Iterator[FrameSpec]:
    """Put the target in the middle, off, at the left edge, off, at the upper edge, off.

    Parameters
    ----------
    first : FrameSpec
        The AOR's first exposure, without its place.
    settings : Settings
        What the caller chose.
    rng : numpy.random.Generator
        Where errors of the pointing come from.

    Yields
    ------
    FrameSpec
    """
    places = (
        *((127.3, 126.8), (-34.6, 120.2), (6.1, 100.4)),
        *((301.7, 130.9), (121.8, 250.3), (128.5, 289.6)),
    )
    for number, (x, y) in enumerate(places):
        yield replace(_exposure(first, number, x, y, rng), dither_position=number + 1)


def reprocessed(
    first: FrameSpec, settings: Settings, rng: np.random.Generator
) -> Iterator[FrameSpec]:
    """Take three exposures, the second also as an earlier pipeline left it.

    Parameters
    ----------
    first : FrameSpec
        The AOR's first exposure, without its place.
    settings : Settings
        What the caller chose.
    rng : numpy.random.Generator
        Where errors of the pointing come from.

    Yields
    ------
    FrameSpec
    """
    for number, spec in enumerate(_spiral(first, 3, rng)):
        if number == 1:
            yield replace(spec, version=1, creator="S18.18.0")
        yield replace(spec, version=2)


def _spiral(first: FrameSpec, frames: int, rng: np.random.Generator) -> Iterator[FrameSpec]:
    """Spread places evenly over a disk of 50 pixels, however many there are."""
    for number in range(frames):
        reach = 50.0 * math.sqrt((number + 0.5) / frames)
        turn = number * math.pi * (3.0 - math.sqrt(5.0))
        x, y = 127.5 + reach * math.cos(turn), 127.5 + reach * math.sin(turn)
        yield replace(_exposure(first, number, x, y, rng), dither_position=number + 1)


def _exposure(
    first: FrameSpec, number: int, x: float, y: float, rng: np.random.Generator
) -> FrameSpec:
    """Put the star near a place, and the header's pointing a little beside the truth."""
    if not first.subarray:
        x, y = x + float(rng.uniform(-0.5, 0.5)), y + float(rng.uniform(-0.5, 0.5))
    offset = (float(rng.uniform(-0.2, 0.2)), float(rng.uniform(-0.2, 0.2)))
    planes = first.shape[0] if first.subarray else 1
    seconds = number * (first.frame_time * planes + 13.6)
    stars: tuple[ExtraStar, ...] = ()
    if not first.subarray:
        stars = tuple(
            ExtraStar(x + across, y + along, share * first.flux_mjy)
            for across, along, share in _FIELD_STARS
        )
    return replace(
        first,
        expid=number,
        mjd=round(first.mjd + seconds / 86_400.0, 7),
        x=round(x, 6),
        y=round(y, 6),
        offset=(round(offset[0], 6), round(offset[1], 6)),
        extra_stars=stars,
    )
