"""Which row of one run is about the same as which row of another: by frame, plane and target.

Row numbers say nothing of what a row is about: they only order the rows of a frame that one run
counts several times.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from iracdb.catalogue.targets import SAME_TARGET_ARCSEC, separation_arcsec


class FrameKey(NamedTuple):
    """What tells one frame from another.

    Parameters
    ----------
    number : int
        In this catalogue.
    channel : int
        1 to 4.
    aorkey : int or None
        Its AOR, where that is known.
    shown : bool
        Whether files show it, so that its exposure is known; else only an imported table does.
    mjd : float or None
        MJD_OBS, days UTC.
    """

    number: int
    channel: int
    aorkey: int | None
    shown: bool
    mjd: float | None


class TargetKey(NamedTuple):
    """What tells one target from another.

    Parameters
    ----------
    number : int
        In this catalogue.
    name : str
        As the run gives it.
    ra, dec : float or None
        ICRS degrees; None where an imported run does not tell.
    pm_ra, pm_dec : float or None
        Proper motion, mas/yr; in right ascension times cos(Dec).
    parallax : float or None
        mas.
    epoch : float or None
        Julian year of the position; None for one as observed, which does not move.
    """

    number: int
    name: str
    ra: float | None
    dec: float | None
    pm_ra: float | None = None
    pm_dec: float | None = None
    parallax: float | None = None
    epoch: float | None = None


class ImageKey(NamedTuple):
    """What one image row is about, and its place among those about the same.

    Parameters
    ----------
    frame : FrameKey
        What was measured on.
    plane : int
        Of a cube; -1 for a whole frame.
    target : TargetKey
        What was measured.
    aorkey : int
        The AOR that it counts in.
    repeat : tuple of int
        Repeat of the average, and of the image in it.
    row_number : int
        Place in the run's table, from 1.
    """

    frame: FrameKey
    plane: int
    target: TargetKey
    aorkey: int
    repeat: tuple[int, int]
    row_number: int


class AverageKey(NamedTuple):
    """What one average is about, and its place among those about the same.

    Parameters
    ----------
    aorkey, channel : int
        The AOR and the array.
    target : TargetKey
        What was measured.
    alike : tuple
        Read mode, frame time and HDR part of the frames averaged; None for what is not told.
    repeat : int
        0; more only in imported runs.
    row_number : int
        Place in the run's table, from 1.
    mixed : bool
        Whether it is of all frames of its AOR, like or not: then what is told of them is true of
        the last.
    """

    aorkey: int
    channel: int
    target: TargetKey
    alike: tuple[str | None, float | None, str | None]
    repeat: int
    row_number: int
    mixed: bool = False


@dataclass(frozen=True)
class Matched:
    """Rows of two runs, by their indices.

    Parameters
    ----------
    pairs : list of tuple
        (index in A, index in B) of rows about the same, in the order of A.
    only_a, only_b : list of int
        Indices of the rows without a counterpart, in order.
    """

    pairs: list[tuple[int, int]]
    only_a: list[int]
    only_b: list[int]


def match_images(a: Sequence[ImageKey], b: Sequence[ImageKey]) -> Matched:
    """Match the image rows of two runs, or of one AOR in two runs.

    A frame that a run counts several times is matched occurrence by occurrence: those in the same
    AOR first, then in the order of AOR, repeat and row.

    Parameters
    ----------
    a, b : sequence of ImageKey
        The rows of each.

    Returns
    -------
    Matched
        Each row at most once.
    """
    frames = _frame_labels((*a, *b))
    targets = same_targets({key.target for key in a}, {key.target for key in b})

    def place(key: ImageKey) -> tuple[int, int]:
        return frames[key.frame], key.plane

    def exact(key: ImageKey) -> Hashable:
        return *place(key), targets[key.target], key.aorkey

    def in_any_aor(key: ImageKey) -> Hashable:
        return *place(key), targets[key.target]

    def order(key: ImageKey) -> Any:
        return key.aorkey, key.repeat, key.row_number

    pairing = _Pairing(a, b, order)
    pairing.by(exact)
    pairing.by(in_any_aor)
    pairing.with_unknown_targets(place)
    return pairing.matched()


def match_averages(a: Sequence[AverageKey], b: Sequence[AverageKey]) -> Matched:
    """Match the averages of two runs.

    Frames alike are those of one read mode, frame time and HDR part, where both runs tell them;
    an average of all frames of an AOR is the counterpart of whatever is left.

    Parameters
    ----------
    a, b : sequence of AverageKey
        The averages of each.

    Returns
    -------
    Matched
        Each average at most once.
    """
    targets = same_targets({key.target for key in a}, {key.target for key in b})

    def place(key: AverageKey) -> tuple[int, int]:
        return key.aorkey, key.channel

    def order(key: AverageKey) -> Any:
        return key.repeat, key.row_number

    pairing = _Pairing(a, b, order)
    pairing.by(lambda key: (*place(key), targets[key.target], key.alike))
    pairing.by(lambda key: (*place(key), targets[key.target]), where=_may_be_alike)
    pairing.by(lambda key: (*place(key), targets[key.target]), where=_either_is_mixed)
    pairing.with_unknown_targets(place, where=_may_be_alike)
    pairing.with_unknown_targets(place, where=_either_is_mixed)
    return pairing.matched()


def same_targets(a: Iterable[TargetKey], b: Iterable[TargetKey]) -> dict[TargetKey, int]:
    """Give the targets of two runs one number each, where they are the same.

    Parameters
    ----------
    a, b : iterable of TargetKey
        The targets of each run.

    Returns
    -------
    dict
        Numbers: equal for one target, or within 0.1 arcsec, or of one name where neither has a
        position. Positions are compared as they are given, each at its own epoch: who moves a
        star from where it was measured before means the same star. Where one of the two moves,
        one name is enough too, as its position at another epoch lies elsewhere. A target without
        a position is no other's here.
    """
    first = sorted(set(a), key=_order)
    numbers = {target: target.number for target in first}
    held = set(numbers.values())
    names = {plain_name(target.name): target.number for target in first if target.ra is None}
    placed = [target for target in first if target.ra is not None]
    named = {plain_name(target.name): target for target in reversed(placed)}
    near = _Near(first)
    for target in sorted(set(b), key=_order):
        if target in numbers or target.number in held:
            numbers.setdefault(target, target.number)
        elif target.ra is None:
            numbers[target] = names.get(plain_name(target.name), target.number)
        else:
            numbers[target] = near.of(target)
            alike = named.get(plain_name(target.name))
            if numbers[target] == target.number and alike is not None:
                moves = alike.epoch is not None or target.epoch is not None
                numbers[target] = alike.number if moves else target.number
    return numbers


def _order(target: TargetKey) -> tuple[int, str]:
    return target.number, target.name


def plain_name(name: str) -> str:
    """Write a target's name without what people write now so, now so.

    Parameters
    ----------
    name : str
        Such as ``HD 165459``.

    Returns
    -------
    str
        Such as ``hd165459``.
    """
    return "".join(character for character in name.lower() if character not in " _\t")


class _Near:
    """Finds the nearest of some targets."""

    def __init__(self, targets: Sequence[TargetKey]) -> None:
        # Strips of declination twice as high as the limit: what is near lies in one of three.
        self._strips: dict[int, list[TargetKey]] = defaultdict(list)
        for target in targets:
            if target.dec is not None:
                self._strips[self._strip(target.dec)].append(target)

    @staticmethod
    def _strip(dec: float) -> int:
        return int(dec * 3600 // (2 * SAME_TARGET_ARCSEC))

    def of(self, target: TargetKey) -> int:
        if target.ra is None or target.dec is None:
            return target.number
        strip = self._strip(target.dec)
        apart = [
            (separation_arcsec(target.ra, target.dec, other.ra, other.dec), other.number)
            for near in (strip - 1, strip, strip + 1)
            for other in self._strips.get(near, ())
            if other.ra is not None and other.dec is not None
        ]
        best = min(apart, default=None)
        return best[1] if best is not None and best[0] <= SAME_TARGET_ARCSEC else target.number


def _frame_labels(keys: Iterable[ImageKey]) -> dict[FrameKey, int]:
    """Give each frame one number, also where one run knows it by its time alone."""
    frames = {key.frame for key in keys}
    shown: dict[tuple[int, float], list[FrameKey]] = defaultdict(list)
    for frame in sorted(frame for frame in frames if frame.shown and frame.mjd is not None):
        shown[frame.channel, frame.mjd].append(frame)  # type: ignore[index]
    return {frame: _label(frame, shown) for frame in frames}


def _label(frame: FrameKey, shown: dict[tuple[int, float], list[FrameKey]]) -> int:
    if frame.shown or frame.mjd is None:
        return frame.number
    there = shown.get((frame.channel, frame.mjd), [])
    same_aor = [other for other in there if other.aorkey == frame.aorkey]
    return next((other.number for other in (*same_aor, *there)), frame.number)


def _may_be_alike(a: AverageKey, b: AverageKey) -> bool:
    return all(
        one == other or one is None or other is None
        for one, other in zip(a.alike, b.alike, strict=True)
    )


def _either_is_mixed(a: AverageKey, b: AverageKey) -> bool:
    return a.mixed or b.mixed


class _Pairing:
    """Rows paired so far, and those left over."""

    def __init__(self, a: Sequence[Any], b: Sequence[Any], order: Callable[[Any], Any]) -> None:
        self._a, self._b = a, b
        self._left_a = sorted(range(len(a)), key=lambda index: order(a[index]))
        self._left_b = sorted(range(len(b)), key=lambda index: order(b[index]))
        self._pairs: list[tuple[int, int]] = []

    def by(
        self,
        label: Callable[[Any], Hashable | None],
        label_b: Callable[[Any], Hashable | None] | None = None,
        where: Callable[[Any, Any], bool] | None = None,
    ) -> None:
        """Pair rows with one label, in order; None for a row that is not to be paired."""
        if not (self._left_a and self._left_b):
            return
        waiting: dict[Hashable, list[int]] = defaultdict(list)
        for index in self._left_b:
            found = (label_b or label)(self._b[index])
            if found is not None:
                waiting[found].append(index)
        taken_a, taken_b = set(), set()
        for index in self._left_a:
            found = label(self._a[index])
            candidates = waiting.get(found, []) if found is not None else []
            for place, other in enumerate(candidates):
                if where is None or where(self._a[index], self._b[other]):
                    self._pairs.append((index, candidates.pop(place)))
                    taken_a.add(index)
                    taken_b.add(other)
                    break
        self._left_a = [index for index in self._left_a if index not in taken_a]
        self._left_b = [index for index in self._left_b if index not in taken_b]

    def with_unknown_targets(
        self,
        place: Callable[[Any], Hashable],
        where: Callable[[Any, Any], bool] | None = None,
    ) -> None:
        """Pair rows whose target one run does not tell, where the other has only one there."""
        for unknown, known in ((self._a, self._b), (self._b, self._a)):
            if all(key.target.ra is not None for key in unknown):
                continue
            targets: dict[Hashable, set[TargetKey]] = defaultdict(set)
            for key in known:
                targets[place(key)].add(key.target)

            def of_unknown(key: Any) -> Hashable | None:
                return place(key) if key.target.ra is None else None

            def of_known(
                key: Any, targets: dict[Hashable, set[TargetKey]] = targets
            ) -> Hashable | None:
                alone = key.target.ra is not None and len(targets[place(key)]) == 1
                return place(key) if alone else None

            if unknown is self._a:
                self.by(of_unknown, of_known, where)
            else:
                self.by(of_known, of_unknown, where)

    def matched(self) -> Matched:
        """Give all in the order of the rows."""
        return Matched(sorted(self._pairs), sorted(self._left_a), sorted(self._left_b))
