"""What changed between two averages, in words, cause by cause."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from typing import Any

import numpy as np

from iracdb import flags
from iracdb.compare import shares
from iracdb.compare.ingredients import SAME, BoolArray, IndexArray, Method
from iracdb.compare.sides import Side

_TITLES = {flag.name: flag.column or flag.name.replace("_", " ") for flag in flags.FLAGS}

_NAMED = 2
"""So many images are named; more are counted."""


def what_changed(a: Side, b: Side, pairs: shares.Pairs) -> dict[str, str]:
    """Say of each cause what is different.

    Parameters
    ----------
    a, b : Side
        The average in either run.
    pairs : sequence of tuple of int
        Indices in A and in B of the rows of one image.

    Returns
    -------
    dict
        By cause; "" where nothing is different.
    """
    of_a, of_b = a.ingredients.method, b.ingredients.method
    words = _Words(a, b, pairs)
    return {
        shares.IMAGES: words.images(),
        shares.CALIBRATION: words.calibration(),
        shares.SKY: _sky(of_a, of_b),
        shares.APERTURE: _aperture(of_a, of_b),
        shares.CENTRE: _became("", _centre(of_a), _centre(of_b)),
        shares.PLANES: _joined(
            [
                _became("planes ", of_a.planes, of_b.planes),
                _became("mask ", of_a.mask or "none", of_b.mask or "none"),
            ]
        ),
        shares.PIXELS: words.pixels(),
        shares.MOVED: words.moved(),
        shares.PAIRING: words.pairing(),
        shares.LOCATION: words.tables("array_location"),
        shares.PHASE: words.tables("pixel_phase"),
        shares.KEPT: words.kept(),
        shares.AREA: _became("arcsec a pixel: ", of_a.pixel_size, of_b.pixel_size),
        shares.COLOUR: _became("K ", of_a.colour_correction, of_b.colour_correction),
        shares.REMAINING: words.remaining(),
    }


def other_choice(a: Side, b: Side, pairs: shares.Pairs) -> str:
    """Say which images the same rule of rejection leaves out in one run and keeps in the other.

    Parameters
    ----------
    a, b : Side
        The average in either run.
    pairs : sequence of tuple of int
        Indices in A and in B of the rows of one image.

    Returns
    -------
    str
        "" where there is none, or where the rules differ.
    """
    if a.ingredients.method.rejection != b.ingredients.method.rejection:
        return ""
    return _Words(a, b, pairs).choice()


def why_no_flux(side: Side, index: int) -> str:
    """Say why an image has no flux.

    Parameters
    ----------
    side : Side
        The average.
    index : int
        Which of its images.

    Returns
    -------
    str
        Its flags, by the titles of their columns.
    """
    names = flags.decode(side.images[index].flags & flags.DECIDING)
    if "not_in_fov" in names:
        # Then the aperture is out of bounds too, which says nothing more.
        names = ("not_in_fov",)
    return ", ".join(_TITLES[name] for name in names) or "no corrected flux"


def counted(reasons: Iterable[str]) -> str:
    """Count reasons.

    Parameters
    ----------
    reasons : iterable of str
        One an image.

    Returns
    -------
    str
        Such as ``10 Not In FOV, 2 Centroiding Issue``.
    """
    return ", ".join(f"{number} {reason}" for reason, number in Counter(reasons).most_common())


def _became(what: str, before: Any, after: Any) -> str:
    return "" if before == after else f"{what}{_shown(before)} -> {_shown(after)}"


def _shown(value: Any) -> str:
    if isinstance(value, tuple):
        return " ".join(map(_shown, value))
    return f"{value:g}" if isinstance(value, float) and float(f"{value:g}") == value else str(value)


def _joined(parts: Iterable[str]) -> str:
    return "; ".join(part for part in parts if part)


def _centre(method: Method) -> str:
    return "the WCS" if method.position == "forced" else method.centre


def _sky(a: Method, b: Method) -> str:
    annulus = ""
    if a.radii is not None and b.radii is not None:
        annulus = _became("annulus ", a.radii[1:], b.radii[1:])
    return _joined([_became("", a.sky, b.sky), annulus, _became("bounds ", a.bounds, b.bounds)])


def _aperture(a: Method, b: Method) -> str:
    radii = _became("radii ", a.radii, b.radii) if shares.radii_differ(a, b) else ""
    correction = _became("correction ", a.aperture_correction, b.aperture_correction)
    return _joined([radii, correction])


class _Words:
    """Words that need the images."""

    def __init__(self, a: Side, b: Side, pairs: shares.Pairs) -> None:
        self.a, self.b = a, b
        self.of_a, self.of_b = a.ingredients, b.ingredients
        self.row_in_b = dict(pairs)
        self.row_in_a = {other: one for one, other in pairs}
        source = shares.counterparts(self.of_a, self.of_b, pairs)
        self.in_b = np.flatnonzero(source >= 0)
        self.in_a = source[self.in_b]

    def images(self) -> str:
        lost = self._missing(self.a, self.in_a, self.b, self.row_in_b)
        gained = self._missing(self.b, self.in_b, self.a, self.row_in_a)
        return _joined([self._told(lost, "lost"), self._told(gained, "gained")])

    @staticmethod
    def _missing(
        here: Side, common: IndexArray, there: Side, row_there: dict[int, int]
    ) -> list[tuple[str, str]]:
        """Name the images that only one side has a flux of, and say why the other has none."""
        alone = np.setdiff1d(np.flatnonzero(here.ingredients.usable), common).tolist()
        return [
            (
                here.label(index),
                why_no_flux(there, row_there[index])
                if index in row_there
                else f"not in {there.run}",
            )
            for index in alone
        ]

    @staticmethod
    def _told(missing: list[tuple[str, str]], what: str) -> str:
        if not missing:
            return ""
        if len(missing) <= _NAMED:
            said = ", ".join(f"{label}: {reason}" for label, reason in missing)
        else:
            reasons = [reason for _, reason in missing]
            said = counted(reasons) if len(set(reasons)) > 1 else reasons[0]
        return f"{len(missing)} {what} ({said})"

    def _differ(self, one: Any, other: Any) -> BoolArray:
        return np.asarray(one[self.in_a] != other[self.in_b])

    def calibration(self) -> str:
        before, after = self.of_a.fluxconv[self.in_a], self.of_b.fluxconv[self.in_b]
        other = self._other_pixels() & np.isfinite(before) & np.isfinite(after) & (before != after)
        sets = (sorted(set(values[other].tolist())) for values in (before, after))
        texts = [", ".join(map(_shown, values)) for values in sets]
        scales = (sorted(set(of.rescaled[rows].tolist())) for of, rows in
                  ((self.of_a, self.in_a), (self.of_b, self.in_b)))  # fmt: skip
        rescaled = [", ".join(map(_shown, values)) for values in scales]
        return _joined([_became("FLUXCONV ", *texts), _became("rescaled by ", *rescaled)])

    def _other_pixels(self) -> BoolArray:
        before, after = self.of_a.content, self.of_b.content
        pairs = zip(self.in_a.tolist(), self.in_b.tolist(), strict=True)
        return np.array(
            [None not in (before[i], after[k]) and before[i] != after[k] for i, k in pairs],
            dtype=bool,
        )

    def pixels(self) -> str:
        other = self._other_pixels()
        if not other.any():
            return ""
        files = (
            {(side.images[i].name, side.images[i].creator) for i in rows[other].tolist()}
            for side, rows in ((self.a, self.in_a), (self.b, self.in_b))
        )
        kinds, versions = zip(*(_kinds_and_versions(each) for each in files), strict=True)
        details = _joined([_became("", *kinds), _became("", *versions)])
        said = f"{_many(int(other.sum()), 'image')} in files of other pixels"
        return f"{said} ({details})" if details else said

    def moved(self) -> str:
        by = np.maximum(
            np.abs(self.of_b.x[self.in_b] - self.of_a.x[self.in_a]),
            np.abs(self.of_b.y[self.in_b] - self.of_a.y[self.in_a]),
        )
        if not np.any(by > 0):
            return ""
        farthest = float(np.nanmax(by))
        return f"{_many(int((by > 0).sum()), 'centre')} moved by up to {farthest:.2g} px"

    def pairing(self) -> str:
        rules = self.of_a.method.pairing, self.of_b.method.pairing
        away = [self._displaced(side) for side in (self.a, self.b)]
        if rules[0] == rules[1] and not any(away):
            return ""
        rule = f"{rules[0]} in both" if rules[0] == rules[1] else _became("", *rules)
        return f"{rule}; fluxes at another image's centre: {away[0]} -> {away[1]}"

    @staticmethod
    def _displaced(side: Side) -> int:
        of_x, of_y = side.ingredients.sources()
        own = np.arange(len(of_x))
        return int((side.ingredients.usable & ((of_x != own) | (of_y != own))).sum())

    def tables(self, factor: str) -> str:
        before, after = self.of_a.method, self.of_b.method
        said = [_became("engine ", before.engine, after.engine)]
        if self._differ(self.of_a.tables, self.of_b.tables).any():
            said.append(_became("tables ", before.tables, after.tables) or "other mission's tables")
        for part, title in (("array_location", "array location"), ("pixel_phase", "pixel phase")):
            if part == factor:
                was, now = getattr(before, part), getattr(after, part)
                said.append(_became(f"{title} corrected: ", was, now))
        if self._differ(self.of_a.subarray, self.of_b.subarray).any():
            said.append("read as full array or subarray")
        recomputed = self.of_a.can_be_recomputed() and self.of_b.can_be_recomputed()
        other = self._differ(getattr(self.of_a, factor), getattr(self.of_b, factor))
        if not recomputed and other.any():
            said.append("the factors stored, which cannot be recomputed here")
        return _joined(said)

    def kept(self) -> str:
        rules = self.of_a.method.rejection, self.of_b.method.rejection
        by_rule = self.of_a.is_kept_by_rule() and self.of_b.is_kept_by_rule()
        if rules[0] == rules[1] and by_rule:
            return ""
        return _joined([_became("", *rules), self.choice()])

    def choice(self) -> str:
        """Tell which images one run keeps and the other leaves out."""
        before, after = self.of_a.kept[self.in_a], self.of_b.kept[self.in_b]
        out, back = self.in_b[before & ~after], self.in_b[~before & after]
        return _joined([self._listed(out, "rejected"), self._listed(back, "taken back")])

    def _listed(self, rows: IndexArray, what: str) -> str:
        if not len(rows):
            return ""
        named = f" ({', '.join(map(self.b.label, rows.tolist()))})" if len(rows) <= _NAMED else ""
        return f"{len(rows)} {what}{named}"

    def remaining(self) -> str:
        return _joined([_off(self.a), _off(self.b), self._unexplained()])

    def _unexplained(self) -> str:
        """Count the images whose sums differ for no recorded reason."""
        a, b = self.of_a, self.of_b
        before, after = a.method, b.method
        if (
            shares.radii_differ(before, after)
            or shares.centres_differ(before, after)
            or (before.planes, before.mask) != (after.planes, after.mask)
        ):
            return ""
        explained = self._other_pixels() | self._differ(a.x, b.x) | self._differ(a.y, b.y)
        other = self._differ(a.raw, b.raw)
        if not shares.sky_differs(a.method, b.method) and a.method.bounds == b.method.bounds:
            other |= self._differ(a.background, b.background)
        number = int((other & ~explained).sum())
        said = f"the sums of {_many(number, 'image')} differ, and nothing tells why"
        return said if number else ""


def _off(side: Side) -> str:
    stored, made = side.ingredients.flux, side.ingredients.replayed
    if not math.isfinite(made):
        return f"{side.run} has no image to replay its flux from"
    if abs(stored - made) <= SAME * abs(stored):
        return ""
    return f"{side.run}'s flux is {stored - made:+.4g} mJy off what its images give"


def _kinds_and_versions(files: Iterable[tuple[str, str | None]]) -> tuple[str, str]:
    known = list(files)
    kinds = {name.removesuffix(".fits").rpartition("_")[2] for name, _ in known}
    versions = {creator or "no CREATOR" for _, creator in known}
    return ", ".join(sorted(kinds)), ", ".join(sorted(versions))


def _many(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
