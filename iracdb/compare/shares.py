"""The change of a flux from one run to another, split into shares that add up to it exactly.

Beginning with all that one run's average is made of, one ingredient after the other is taken from
the other run, in the order of `CAUSES`; the flux moves at each, and that is the ingredient's
share. What is left over at the end is the share called ``remaining``.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from iracdb.compare.ingredients import (
    BoolArray,
    FloatArray,
    IndexArray,
    Ingredients,
    Method,
    StrArray,
    at,
    factors_at,
    mean_of,
    tables_by,
)
from iracdb.photometry.combine import to_mjy
from iracdb.photometry.rejection import Rejection, parse_rejection

IMAGES = "images gained and lost"
CALIBRATION = "calibration"
SKY = "sky"
APERTURE = "aperture and its correction"
CENTRE = "centre"
PLANES = "planes and masked pixels"
PIXELS = "pixels"
MOVED = "centres moved"
PAIRING = "pairing"
LOCATION = "array-location factor"
PHASE = "pixel-phase factor"
KEPT = "images rejected and kept"
AREA = "pixel area"
COLOUR = "colour correction"
REMAINING = "remaining"

CAUSES = (
    IMAGES, CALIBRATION, SKY, APERTURE, CENTRE, PLANES, PIXELS, MOVED, PAIRING, LOCATION, PHASE,
    KEPT, AREA, COLOUR, REMAINING,
)  # fmt: skip
"""What may change a flux, in the order in which it is taken from the other run."""

Pairs = Sequence[tuple[int, int]]
Values = TypeVar("Values", FloatArray, BoolArray, StrArray)


def split(a: Ingredients, b: Ingredients, pairs: Pairs) -> dict[str, float]:
    """Split the change of an average's flux.

    Parameters
    ----------
    a, b : Ingredients
        What the average is made of in either run.
    pairs : sequence of tuple of int
        Indices in A and in B of the rows of one image.

    Returns
    -------
    dict
        mJy by cause, all of `CAUSES` in order; their sum is ``b.flux - a.flux``. All of it is
        ``remaining`` where an average has a flux and no image has.
    """
    change = b.flux - a.flux
    start = a.replayed
    shares = dict.fromkeys(CAUSES, 0.0)
    if math.isfinite(start) and math.isfinite(b.replayed):
        shares |= _walk(a, b, pairs, start)
    shares[REMAINING] = change - math.fsum(
        share for cause, share in shares.items() if cause != REMAINING
    )
    return shares


def counterparts(a: Ingredients, b: Ingredients, pairs: Pairs) -> IndexArray:
    """Find the images of B that have a flux in A, too.

    Parameters
    ----------
    a, b : Ingredients
        What the average is made of in either run.
    pairs : sequence of tuple of int
        Indices in A and in B of the rows of one image.

    Returns
    -------
    ndarray of int
        For each image of B its index in A; -1 where it has no flux in one of them.
    """
    found = np.full(len(b.x), -1, dtype=np.intp)
    in_a, in_b = a.usable, b.usable
    for one, other in pairs:
        if in_a[one] and in_b[other]:
            found[other] = one
    return found


@dataclass(frozen=True)
class _State:
    """A flux on its way from A to B: B's images, each with what was taken so far."""

    raw: FloatArray
    background: FloatArray
    array_location: FloatArray
    pixel_phase: FloatArray
    aperture_correction: FloatArray
    pixel_size: FloatArray
    rescaled: FloatArray
    colour_correction: FloatArray
    kept: BoolArray | Rejection

    @property
    def flux(self) -> float:
        net = (self.raw - self.background) * self.rescaled
        corrected = net / (self.array_location * self.pixel_phase)
        mjy = to_mjy(corrected, self.aperture_correction, self.pixel_size, self.colour_correction)
        kept = self.kept if isinstance(self.kept, np.ndarray) else self.kept(mjy).kept
        return mean_of(mjy[kept])


def _walk(a: Ingredients, b: Ingredients, pairs: Pairs, start: float) -> dict[str, float]:
    walk = _Walk(a, b, pairs, start)
    walk.take_calibration()
    walk.take_sky_and_aperture()
    walk.take_sums()
    walk.take_factors()
    walk.take_kept_and_area()
    return {cause: math.fsum(steps) for cause, steps in walk.steps.items()}


class _Walk:
    """Goes from A to B, and notes by how much the flux moved at each step."""

    def __init__(self, a: Ingredients, b: Ingredients, pairs: Pairs, start: float) -> None:
        self.a, self.b = a, b
        self.pairs = pairs
        self.steps: dict[str, list[float]] = defaultdict(list)
        self._flux = start
        self.there = np.flatnonzero(b.usable)
        self.source = counterparts(a, b, pairs)[self.there]
        self.common = self.source >= 0
        self.everywhere = np.ones(self.common.shape, dtype=bool)
        self.recomputes = a.can_be_recomputed() and b.can_be_recomputed()
        self.by_rule = a.is_kept_by_rule() and b.is_kept_by_rule()
        self._state = self._first()
        self._note(IMAGES)

    def _first(self) -> _State:
        """B's images: those that A has too as A has them, the others as A would take them.

        A gained image brings its sums, and with other radii the correction that belongs to them;
        A's tables, pixel and rule of rejection are applied to it.
        """
        a, b = self.a, self.b
        location, phase = b.array_location[self.there], b.pixel_phase[self.there]
        if self.recomputes:
            location, phase = self._factors(*self._centres_of_b())
        brought = (b if radii_differ(a.method, b.method) else a).method.aperture_correction
        state = _State(
            self._mixed(a.raw, b.raw[self.there]),
            self._mixed(a.background, b.background[self.there]),
            self._mixed(a.array_location, location),
            self._mixed(a.pixel_phase, phase),
            np.where(self.common, a.method.aperture_correction, brought),
            np.full(self.common.shape, a.method.pixel_size),
            self._mixed(a.rescaled, b.rescaled[self.there]),
            np.full(self.common.shape, a.method.colour_correction),
            parse_rejection(a.method.rejection),
        )
        if not self.by_rule:
            # Something else than a rule chose the images.
            return replace(state, kept=self._mixed(a.kept, b.kept[self.there]))
        return state

    def _mixed(self, of_a: Values, otherwise: Values) -> Values:
        """Take A's values of the images that both have, else those given."""
        taken = otherwise.copy()
        taken[self.common] = of_a[self.source[self.common]]
        return taken

    def _note(self, cause: str) -> None:
        flux = self._state.flux
        # Where every image is left out on the way there is no flux: the next step takes it.
        if math.isfinite(flux):
            self.steps[cause].append(flux - self._flux)
            self._flux = flux

    def _take(self, cause: str, where: BoolArray, **values: FloatArray) -> None:
        """Put values in place of what there is of some images."""
        changes = {
            name: np.where(where, new, getattr(self._state, name)) for name, new in values.items()
        }
        self._state = replace(self._state, **changes)
        self._note(cause)

    def _of_a(self, values: FloatArray) -> FloatArray:
        return at(values, self.source)

    def take_calibration(self) -> None:
        """Scale sums by the change of FLUXCONV: of files with other pixels, then as asked for."""
        before, after = self._of_a(self.a.fluxconv), self.b.fluxconv[self.there]
        known = self._other_content() & (before > 0) & (after > 0)
        ratio = np.where(known, after, 1.0) / np.where(known, before, 1.0)
        state = self._state
        scaled = {"raw": state.raw * ratio, "background": state.background * ratio}
        self._take(CALIBRATION, known, **scaled)
        self._take(CALIBRATION, self.common, rescaled=self.b.rescaled[self.there])

    def _other_content(self) -> BoolArray:
        """Which images both runs measured in files of different pixels."""
        a, b = self.a.content, self.b.content
        pairs = zip(self.source.tolist(), self.there.tolist(), strict=True)
        return np.array(
            [i >= 0 and None not in (a[i], b[k]) and a[i] != b[k] for i, k in pairs], dtype=bool
        )

    def take_sky_and_aperture(self) -> None:
        """Take B's sky a pixel, then what else other radii change, then their correction."""
        before, after = self.a.method, self.b.method
        if sky_differs(before, after):
            area = _area(before)
            level = sky_levels(self.b)[self.there]
            known = np.isfinite(level) & np.isfinite(area) & self.common
            self._take(SKY, known, background=level * area)
        if radii_differ(before, after):
            self._take(APERTURE, self.common, **self._sums())
        correction = np.full(self.common.shape, after.aperture_correction)
        self._take(APERTURE, self.everywhere, aperture_correction=correction)

    def _sums(self) -> dict[str, FloatArray]:
        names = ("raw", "background")
        return {name: getattr(self.b, name)[self.there] for name in names}

    def take_sums(self) -> None:
        """Take the rest of the sums; the first reason that an image has is the reason."""
        a, b = self.a, self.b
        if centres_differ(a.method, b.method):
            self._take(CENTRE, self.common, **self._sums())
        if (a.method.planes, a.method.mask) != (b.method.planes, b.method.mask):
            self._take(PLANES, self.common, **self._sums())
        self._take(PIXELS, self._other_content(), **self._sums())
        self._take(MOVED, self._moved(), **self._sums())
        if a.method.bounds != b.method.bounds:
            self._take(SKY, self.common, background=b.background[self.there])
        self._take(REMAINING, self.common, **self._sums())

    def _moved(self) -> BoolArray:
        moved: BoolArray = self._of_a(self.a.x) != self.b.x[self.there]
        moved |= self._of_a(self.a.y) != self.b.y[self.there]
        return moved & self.common

    def take_factors(self) -> None:
        """Take B's centres, then its pairing, then its tables."""
        a, b = self.a, self.b
        if self.recomputes:
            moved = CENTRE if centres_differ(a.method, b.method) else MOVED
            self._take_centres(moved, *self._centres_of_b_at_sources_of_a())
            self._take_centres(PAIRING, *self._centres_of_b())
        self._take(LOCATION, self.everywhere, array_location=b.array_location[self.there])
        self._take(PHASE, self.everywhere, pixel_phase=b.pixel_phase[self.there])

    def _take_centres(self, cause: str, x: FloatArray, y: FloatArray) -> None:
        location, phase = self._factors(x, y)
        self._take(cause, self.common, array_location=location, pixel_phase=phase)

    def _factors(self, x: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Give the factors at centres by A's tables."""
        method = self.a.method
        tables = self._mixed(self.a.tables, tables_by(method, self.b.mjd[self.there]))
        subarray = self._mixed(self.a.subarray, self.b.subarray[self.there])
        return factors_at(x, y, method, tables, subarray)

    def _centres_of_b(self) -> tuple[FloatArray, FloatArray]:
        x, y = self.b.centres_used()
        return x[self.there], y[self.there]

    def _centres_of_b_at_sources_of_a(self) -> tuple[FloatArray, FloatArray]:
        """Give each flux the centre of the image whose centre A took, as B has it."""
        in_b = np.full(len(self.a.x), -1, dtype=np.intp)
        for one, other in self.pairs:
            in_b[one] = other
        of_x, of_y = self.a.sources()
        return (
            self._replaced(self.a.x, self.b.x, of_x, in_b),
            self._replaced(self.a.y, self.b.y, of_y, in_b),
        )

    def _replaced(
        self, of_a: FloatArray, of_b: FloatArray, taken: IndexArray, in_b: IndexArray
    ) -> FloatArray:
        mine = np.full(self.common.shape, -1, dtype=np.intp)
        mine[self.common] = taken[self.source[self.common]]
        theirs = np.full(mine.shape, -1, dtype=np.intp)
        theirs[mine >= 0] = in_b[mine[mine >= 0]]
        found = at(of_b, theirs)
        # What B has no centre of keeps A's.
        return np.where(np.isfinite(found), found, at(of_a, mine))

    def take_kept_and_area(self) -> None:
        """Take B's choice of images, then its pixel."""
        rule = parse_rejection(self.b.method.rejection)
        kept = rule if self.by_rule else self.b.kept[self.there]
        self._state = replace(self._state, kept=kept)
        self._note(KEPT)
        size = np.full(self.common.shape, self.b.method.pixel_size)
        self._take(AREA, self.everywhere, pixel_size=size)
        colour = np.full(self.common.shape, self.b.method.colour_correction)
        self._take(COLOUR, self.everywhere, colour_correction=colour)


def centres_differ(a: Method, b: Method) -> bool:
    """Tell whether two runs laid their apertures by different rules.

    Parameters
    ----------
    a, b : Method
        Of either run.

    Returns
    -------
    bool
        By another centre, or where the WCS expects the target.
    """
    return (a.centre, a.position) != (b.centre, b.position)


def radii_differ(a: Method, b: Method) -> bool:
    """Tell whether two runs are known to have used different radii.

    Parameters
    ----------
    a, b : Method
        Of either run.

    Returns
    -------
    bool
        False where one does not tell.
    """
    return a.radii is not None and b.radii is not None and a.radii != b.radii


def sky_differs(a: Method, b: Method) -> bool:
    """Tell whether two runs are known to have read the sky differently.

    Parameters
    ----------
    a, b : Method
        Of either run.

    Returns
    -------
    bool
        By another method or in another annulus.
    """
    if a.radii is None or b.radii is None:
        return a.sky != b.sky
    return a.sky != b.sky or a.radii[1:] != b.radii[1:]


def sky_levels(ingredients: Ingredients) -> FloatArray:
    """Give the sky a pixel.

    Parameters
    ----------
    ingredients : Ingredients
        Of either run.

    Returns
    -------
    ndarray
        MJy/sr, as stored, or the background over the circle's area; NaN where neither is known.
    """
    worked_out = ingredients.background / _area(ingredients.method)
    return np.where(np.isfinite(ingredients.sky), ingredients.sky, worked_out)


def _area(method: Method) -> float:
    return math.nan if method.radii is None else math.pi * method.radii[0] ** 2
