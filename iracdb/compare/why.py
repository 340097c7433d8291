"""Why one AOR's flux is not the same in two runs: its change in shares, each with its cause."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from sqlalchemy import Connection

from iracdb.catalogue.database import Database
from iracdb.catalogue.targets import SAME_TARGET_ARCSEC, separation_arcsec
from iracdb.compare.choosing import Wanted, choose_two
from iracdb.compare.ingredients import SAME
from iracdb.compare.matching import TargetKey, match_images
from iracdb.compare.reasons import counted, other_choice, what_changed, why_no_flux
from iracdb.compare.shares import Pairs, split
from iracdb.compare.sides import Side, read_side, replay_notes
from iracdb.compare.which_frame import images_meant
from iracdb.errors import InputRefused, NotFound
from iracdb.runs import registry

if TYPE_CHECKING:
    from astropy.table import QTable


@dataclass(frozen=True)
class Share:
    """The part of a change that one cause makes.

    Parameters
    ----------
    cause : str
        One of `iracdb.compare.shares.CAUSES`.
    mjy : float
        By how much the cause changed the flux.
    percent : float or None
        The same in percent of the first run's flux; None where that is zero.
    what : str
        What is different; "" where nothing is.
    """

    cause: str
    mjy: float
    percent: float | None
    what: str


@dataclass(frozen=True)
class Half:
    """An average in one of the two runs.

    Parameters
    ----------
    run_id : int
        The run.
    run : str
        Its name.
    target : str or None
        The target's name in this run; None where the run does not hold the AOR.
    flux : float or None
        mJy; None for none.
    images, usable, kept : int
        Images in all, those with a flux, those that the flux is the mean of.
    without : str or None
        Why there is no flux.
    """

    run_id: int
    run: str
    target: str | None
    flux: float | None
    images: int
    usable: int
    kept: int
    without: str | None


@dataclass(frozen=True)
class Explanation:
    """What changed an AOR's flux from one run to another.

    Parameters
    ----------
    aorkey : int
        The AOR.
    frame : str or None
        The frame that it is of; None for the whole AOR.
    a, b : Half
        The average in either run.
    shares : tuple of Share
        In the order in which they were taken; they add up to the change. Empty where a run has
        no flux.
    notes : tuple of str
        What else is to be known.
    """

    aorkey: int
    frame: str | None
    a: Half
    b: Half
    shares: tuple[Share, ...]
    notes: tuple[str, ...]

    @property
    def change(self) -> float | None:
        """Flux in the second run less that in the first, mJy; None where one has none."""
        if self.a.flux is None or self.b.flux is None:
            return None
        return self.b.flux - self.a.flux

    @property
    def percent(self) -> float | None:
        """The change in percent of the first run's flux; None where there is no such number."""
        return None if self.change is None else _percent(self.change, self.a.flux)

    @property
    def telling(self) -> tuple[Share, ...]:
        """The shares that are more than rounding."""
        fluxes = [abs(half.flux) for half in (self.a, self.b) if half.flux is not None]
        least = SAME * max(fluxes, default=0.0)
        return tuple(share for share in self.shares if abs(share.mjy) > least)

    @property
    def table(self) -> QTable:
        """The shares as a table: cause, mJy, percent, what changed."""
        from astropy.table import QTable

        rows = self.shares
        table = QTable(
            {
                "cause": [share.cause for share in rows],
                "mJy": np.array([share.mjy for share in rows], dtype=float),
                "percent": [math.nan if s.percent is None else s.percent for s in rows],
                "what changed": [share.what for share in rows],
            },
            meta={"aorkey": self.aorkey, "run_a": self.a.run, "run_b": self.b.run},
        )
        table["mJy"].unit = "mJy"
        return table


def why(
    database: Database,
    run: int | str,
    aorkey: int,
    against: int | str,
    *,
    target: str | None = None,
    row: int | None = None,
    frame: str | None = None,
) -> Explanation:
    """Split the change of an AOR's flux between two runs into shares by cause.

    Parameters
    ----------
    database : Database
        A catalogue.
    run : int or str
        Number or name of the run before.
    aorkey : int
        The AOR.
    against : int or str
        Number or name of the run after.
    target : str, optional
        Name of the target, where the AOR has several.
    row : int, optional
        Row of the first run's AOR table, where the AOR has several.
    frame : str, optional
        One frame alone: its name, number, EXPID/DCENUM or time.

    Returns
    -------
    Explanation
        The shares add up to the change.

    Raises
    ------
    InputRefused
        Where there is nothing to explain, or it is not clear what is meant.
    """
    wanted = Wanted(aorkey, target, row)
    with database.read() as connection:
        runs = registry.find(connection, run), registry.find(connection, against)
        if runs[0].run_id == runs[1].run_id:
            raise InputRefused(f"{run} and {against} are one run: name two, or leave out --against")
        chosen = choose_two(connection, *runs, wanted)
        a, b = (
            _side(connection, each, average) for each, average in zip(runs, chosen, strict=True)
        )
    if a is None or b is None:
        return _in_one_run(runs, wanted, frame, a, b)
    return _in_both(a, b, wanted, frame, [note for each in runs for note in _state_of(each)])


def _side(connection: Connection, run: Any, average: Any | None) -> Side | None:
    return None if average is None else read_side(connection, run, average)


def _in_one_run(
    runs: Sequence[Any], wanted: Wanted, frame: str | None, a: Side | None, b: Side | None
) -> Explanation:
    if frame is not None:
        run = runs[0] if a is None else runs[1]
        raise NotFound(f"Run {run.name} does not hold AOR {wanted.aorkey}: leave out --frame")
    one, other = (
        Half(run.run_id, run.name, None, None, 0, 0, 0, "does not hold the AOR")
        if side is None
        else _half(side, None)
        for run, side in zip(runs, (a, b), strict=True)
    )
    if one.flux is other.flux:
        raise InputRefused(f"AOR {wanted.aorkey}: {_without(one, other)}: nothing to explain")
    notes = tuple(note for run in runs for note in _state_of(run))
    return Explanation(wanted.aorkey, None, one, other, (), notes)


def _in_both(
    a: Side, b: Side, wanted: Wanted, frame: str | None, notes: Sequence[str]
) -> Explanation:
    pairs = match_images(a.keys(a.target), b.keys(a.target)).pairs
    replays = replay_notes(a, b)
    label = None
    if frame is not None:
        a, b, label = _only_frame(a, b, pairs, frame)
    halves = _half(a, label), _half(b, label)
    said = (*notes, *_targets(a, b), *replays, *(_fates(a, b) if label else ()))
    if halves[0].flux is None or halves[1].flux is None:
        if halves[0].flux is halves[1].flux:
            what = f"{label} of AOR {wanted.aorkey}" if label else f"AOR {wanted.aorkey}"
            raise InputRefused(f"{what}: {_without(*halves)}: nothing to explain")
        return Explanation(wanted.aorkey, label, *halves, (), said)
    words = what_changed(a, b, pairs)
    shares = tuple(
        Share(cause, mjy, _percent(mjy, halves[0].flux), words[cause])
        for cause, mjy in split(a.ingredients, b.ingredients, pairs).items()
    )
    return Explanation(wanted.aorkey, label, *halves, shares, (*said, *_choices(a, b, pairs)))


def _only_frame(a: Side, b: Side, pairs: Pairs, frame: str) -> tuple[Side, Side, str]:
    """Look at one frame alone: rows that are asked for in one run, and their counterparts."""
    in_a, in_b = images_meant(a.images, frame), images_meant(b.images, frame)
    in_a |= {one for one, other in pairs if other in in_b}
    in_b |= {other for one, other in pairs if one in in_a}
    if not in_a and not in_b:
        shown = next((side.label(0) for side in (a, b) if side.images), "none")
        raise NotFound(
            f"{frame} is no frame of AOR {a.average.aorkey} in {a.run} or {b.run}: "
            f"their frames are like {shown}"
        )
    label = a.label(min(in_a)) if in_a else b.label(min(in_b))
    return a.only(in_a), b.only(in_b), label


def _half(side: Side, frame: str | None) -> Half:
    made = side.ingredients
    flux = made.flux if math.isfinite(made.flux) else None
    return Half(
        side.run_id,
        side.run,
        side.average.target_name,
        flux,
        int(made.chosen.sum()),
        int(made.usable.sum()),
        int((made.kept & made.usable).sum()),
        None if flux is not None else _why_none(side, frame),
    )


def _why_none(side: Side, frame: str | None) -> str:
    looked_at = np.flatnonzero(side.ingredients.chosen & ~side.ingredients.usable).tolist()
    each = [why_no_flux(side, index) for index in looked_at]
    if frame is not None:
        return (
            f"has no flux of it: {', '.join(dict.fromkeys(each))}" if each else "does not hold it"
        )
    reasons = counted(each)
    told = side.average.reason or "no image has one"
    return f"has no flux: {told}" + (f" ({reasons})" if reasons and reasons not in told else "")


def _without(a: Half, b: Half) -> str:
    return "; ".join(f"{half.run} {half.without}" for half in (a, b) if half.without is not None)


def _state_of(run: Any) -> list[str]:
    said = []
    if run.state != "finished":
        said.append(f"{run.name} is not finished")
    if run.withdrawn_at is not None:
        said.append(f"{run.name} is withdrawn: {run.withdrawn_reason}")
    return said


def _targets(a: Side, b: Side) -> list[str]:
    if a.target == b.target or _unknown_or_near(a.target, b.target):
        return []
    return [f"The targets differ: {_place(a)} in {a.run}, {_place(b)} in {b.run}"]


def _unknown_or_near(a: TargetKey, b: TargetKey) -> bool:
    if a.ra is None or a.dec is None or b.ra is None or b.dec is None:
        return True
    same_motion = a[4:] == b[4:]
    return same_motion and separation_arcsec(a.ra, a.dec, b.ra, b.dec) <= SAME_TARGET_ARCSEC


def _place(side: Side) -> str:
    target = side.target
    place = f"{side.average.target_name} at {target.ra!r} {target.dec!r}"
    if target.epoch is None:
        return place
    pm = "" if target.pm_ra is None else f" by {target.pm_ra!r} {target.pm_dec!r} mas/yr"
    parallax = "" if target.parallax is None else f", with a parallax of {target.parallax!r} mas"
    return f"{place}, moved from {target.epoch!r}{pm}{parallax}"


def _choices(a: Side, b: Side, pairs: Pairs) -> list[str]:
    """Tell of images that the same rule leaves out because the fluxes changed."""
    said = other_choice(a, b, pairs)
    rule = a.ingredients.method.rejection
    return [f"By the same rule ({rule}) other images are left out: {said}"] if said else []


def _fates(a: Side, b: Side) -> list[str]:
    """Tell what became of a frame in the averages that it is looked at without."""
    said = [f"{fate} in {side.run}" for side in (a, b) if (fate := side.fate)]
    return [f"The frame was {', '.join(said)}"] if said else []


def _percent(mjy: float, flux: float | None) -> float | None:
    return None if not flux else mjy / abs(flux) * 100
