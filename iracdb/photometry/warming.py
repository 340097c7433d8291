"""Having everything compiled before the measuring begins, and saying so where it takes time."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable

import numpy as np

from iracdb.irac.handbook import SUBARRAY_PLANES
from iracdb.photometry.aperture import Aperture
from iracdb.photometry.measure import measure_block
from iracdb.photometry.moment_centre import MomentCentre
from iracdb.photometry.planes import STEADY_MEDIAN, reduce
from iracdb.photometry.sky import MedianSky

MESSAGE = "Compiling the measuring routines for this machine, once; it takes up to a minute ..."


def say(sentence: str) -> None:
    """Say something to whoever waits.

    Parameters
    ----------
    sentence : str
        It goes to the standard error stream.
    """
    print(sentence, file=sys.stderr, flush=True)


def compile_all(tell: Callable[[str], object], patience: float = 4.0) -> None:
    """Compile what measuring needs, or load what an earlier process has compiled.

    To be called before there are worker processes, or each of them compiles the same.

    Parameters
    ----------
    tell : callable
        Is given `MESSAGE`, from another thread, where it is not done soon.
    patience : float, optional
        Seconds that are waited before.
    """
    announcing = threading.Timer(patience, tell, (MESSAGE,))
    announcing.daemon = True
    announcing.start()
    try:
        # Not in this module's imports: the compiler takes as long to import as all the rest.
        from iracdb.irac.tan_sip import LARGEST_ORDER, on_planes

        order = LARGEST_ORDER
        planes = np.ones((1, 10 + (order + 1) * (order + 2)))
        on_planes(planes, np.ones((1, 1)), np.ones((1, 1)))
        measure_block(np.ones((1, 32, 32)), [15.5], [15.5], Aperture(3, 3, 7))
        _compile_the_others()
    finally:
        announcing.cancel()
        # Processes may be forked from this one, and threads are not.
        announcing.join()


def _compile_the_others() -> None:
    """Do once what `measure_block` does not do by default."""
    cube = np.ones((SUBARRAY_PLANES, 32, 32))
    reduce(cube, STEADY_MEDIAN, masked=cube > 1, variance=cube)
    image, at = cube[:1], np.array([15.5])
    MomentCentre()(image, at, at)
    MedianSky()(image, at, at, Aperture(3, 3, 7))
