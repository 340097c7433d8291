"""Which AORs a simulated archive holds, and what each of them is there to show."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from iracdb.irac.simulate.series import (
    Settings,
    cycling,
    off_the_array,
    pairs,
    reprocessed,
    short_spread,
    short_stare,
    spread,
    spread_with_holes,
    stare,
)
from iracdb.irac.simulate.spec import FrameSpec

FIRST_AORKEY = 90_000_256
"""The first made-up AORKEY; the others follow in steps of 256, as real ones lie apart."""

COMPANION_EXPOSURES = 2
"""Exposures of the warm subarray AOR that have all seven kinds of file."""

Series = Callable[[FrameSpec, Settings, np.random.Generator], Iterator[FrameSpec]]


def plan(settings: Settings) -> Iterator[FrameSpec]:
    """Tell every science frame of the archive, AOR by AOR.

    Parameters
    ----------
    settings : Settings
        What the caller chose.

    Yields
    ------
    FrameSpec
    """
    for number, (first, series) in enumerate(_AORS):
        start = replace(
            first,
            aorkey=FIRST_AORKEY + 256 * number,
            noise=settings.noise,
            response=settings.response,
        )
        rng = np.random.default_rng([settings.seed, start.aorkey])
        yield from series(start, settings, rng)


def next_aorkey() -> int:
    """Tell the first AORKEY that `plan` leaves free.

    Returns
    -------
    int
        A multiple of 256 like the others.
    """
    return FIRST_AORKEY + 256 * len(_AORS)


def has_companions(spec: FrameSpec) -> bool:
    """Tell whether an exposure is to have all seven kinds of file.

    Parameters
    ----------
    spec : FrameSpec
        The exposure.

    Returns
    -------
    bool
        True for the first exposures of the warm subarray AOR.
    """
    return spec.subarray and not spec.cryogenic and spec.expid < COMPANION_EXPOSURES


_CRYO_STAR = FrameSpec(
    channel=1,
    target="SIM-A17 5102",
    ra=265.1392083,
    dec=65.4537781,
    angle=44.4,
    dither_scale="small",
)
_WARM_STAR = replace(_CRYO_STAR, target="SIM-K04 6801", ra=269.7271542, dec=67.7936025)
_PLANET_HOST = replace(
    _WARM_STAR,
    target="SIM-HD 290458",
    ra=330.7918250,
    dec=18.8840194,
    subarray=True,
    frame_time=0.4,
    dither_scale=None,
)

_AORS: tuple[tuple[FrameSpec, Series], ...] = (
    (
        replace(
            _CRYO_STAR,
            label="SIM_calstar_ch1_cycling",
            mjd=54_321.25,
            flux_mjy=50.0,
            background=0.12,
        ),
        cycling,
    ),
    (
        replace(
            _WARM_STAR,
            label="SIM_calstar_warm_ch1",
            mjd=56_270.4731344,
            frame_time=12.0,
            flux_mjy=12.0,
            dither_scale="medium",
        ),
        spread,
    ),
    (
        replace(
            _WARM_STAR,
            channel=2,
            label="SIM_calstar_warm_ch2",
            mjd=56_270.52,
            frame_time=12.0,
            flux_mjy=8.0,
            background=0.17,
            dither_scale="medium",
        ),
        spread_with_holes,
    ),
    (
        replace(
            _PLANET_HOST,
            channel=2,
            label="SIM_stare_warm_ch2",
            mjd=56_248.1438296,
            flux_mjy=100.0,
            background=0.17,
        ),
        stare,
    ),
    (
        replace(
            _PLANET_HOST,
            channel=4,
            label="SIM_stare_cryo_ch4",
            mjd=54_457.8330708,
            angle=70.2,
            flux_mjy=200.0,
            background=6.4,
        ),
        short_stare,
    ),
    (
        replace(
            _CRYO_STAR,
            channel=3,
            label="SIM_calstar_cryo_ch3",
            mjd=54_322.75,
            frame_time=12.0,
            flux_mjy=20.0,
            background=2.3,
            dither_scale="medium",
        ),
        short_spread,
    ),
    (
        replace(
            _WARM_STAR,
            target="SIM-BRIGHT 1",
            ra=274.0142917,
            dec=-25.7746667,
            label="SIM_pairs_warm_ch1",
            mjd=58_689.7976984,
            angle=-91.9,
            flux_mjy=100.0,
            background=0.15,
        ),
        pairs,
    ),
    (
        replace(
            _WARM_STAR,
            target="SIM-EDGE 1",
            ra=3.5862500,
            dec=-30.4001111,
            label="SIM_target_leaves_the_array",
            mjd=56_682.4742914,
            flux_mjy=30.0,
        ),
        off_the_array,
    ),
    (
        replace(
            _WARM_STAR,
            target="SIM-TWICE 1",
            ra=65.4695494,
            dec=57.8172014,
            label="SIM_two_versions",
            mjd=55_600.125,
            flux_mjy=30.0,
        ),
        reprocessed,
    ),
)
