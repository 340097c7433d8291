"""Carrying out what an old call asks for: frames are ingested, then a run is made and recorded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from iracdb.api import Catalogue
from iracdb.compat.asked import Asked
from iracdb.errors import RunRefused
from iracdb.irac.handbook import is_cryogenic

if TYPE_CHECKING:
    from iracdb.runs.plan import Plan
    from iracdb.runs.results import Run

_SHOWN = 5


@dataclass(frozen=True)
class Measured:
    """What came of it.

    Parameters
    ----------
    run : Run
        Finished.
    absent : tuple of int
        AORs that were asked for and of which there is not one file.
    """

    run: Run
    absent: tuple[int, ...]

    @property
    def problem_aors(self) -> list[int]:
        """AORs that gave no flux, one entry an empty row, then those without a file."""
        return [*self.run.problem_aors, *self.absent]


def take_in(
    catalogue: Catalogue, asked: Asked, *, on_note: Callable[[str], None], **more: Any
) -> None:
    """Ingest the frames of a call.

    Parameters
    ----------
    catalogue : Catalogue
        Where they are recorded.
    asked : Asked
        What is to be done.
    on_note : callable
        Told, in a sentence each, what the user should know.
    **more
        Further options of `iracdb.Catalogue.ingest`.
    """
    for sentence in asked.places.notes:
        on_note(sentence)
    if not asked.places.there:
        return
    aside = catalogue.ingest(*asked.places.there, **more).of("set aside")
    for outcome in aside[:_SHOWN]:
        on_note(f"{outcome.path} is set aside: {outcome.note}")
    if len(aside) > _SHOWN:
        on_note(f"{len(aside) - _SHOWN} more files are set aside: see 'iracdb problems'")


def measure(
    catalogue: Catalogue,
    asked: Asked,
    *,
    command: str,
    on_note: Callable[[str], None],
    on_plan: Any = None,
    **more: Any,
) -> Measured:
    """Make the run of a call, after its frames were taken in.

    Parameters
    ----------
    catalogue : Catalogue
        Where it is recorded.
    asked : Asked
        What is to be done.
    command : str
        For the log.
    on_note : callable
        Told, in a sentence each, what the user should know.
    on_plan : callable, optional
        As of `iracdb.Catalogue.run`.
    **more
        Further options of `iracdb.Catalogue.run`.

    Returns
    -------
    Measured
        The run, and what it is not over.

    Raises
    ------
    RunRefused
        Where none of the AORs is there, the frames are not of the mission named, or frames would
        be measured that were not.
    iracdb.errors.IracdbError
        Where the run cannot be made.
    """
    aors, absent = _held(catalogue, asked)

    def check(run_id: int, name: str, plan: Plan, resumed: bool) -> None:
        _check_mission(asked.mission, plan)
        _check_frames(asked, plan, on_note)
        if on_plan is not None:
            on_plan(run_id, name, plan, resumed)

    run = catalogue.run(**asked.options, aors=aors, command=command, on_plan=check, **more)
    return Measured(run, absent)


def _held(catalogue: Catalogue, asked: Asked) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Tell which of the AORs can be planned for, and which have no file at all."""
    wanted = asked.places.aors
    if not wanted:
        return (), ()
    files = catalogue.holdings()
    place = files.columns.index("aorkey")
    held = {int(row[place]) for row in files.rows}
    aors = tuple(key for key in wanted if key in held)
    if not aors:
        raise RunRefused(
            f"AOR {_few(wanted)} has no frames, neither at its path nor in the catalogue"
        )
    return aors, tuple(key for key in wanted if key not in held)


def _check_mission(mission: str | None, plan: Plan) -> None:
    if mission is None:
        return
    cold = mission == "Cryogenic"
    wrong = sorted({f.aorkey for f in plan.inputs if is_cryogenic(f.mjd_obs) is not cold})
    if wrong:
        raise RunRefused(
            f"AOR {_few(wrong)} has frames that are not of the {mission} mission: "
            "name the other one, or leave it out"
        )


def _check_frames(asked: Asked, plan: Plan, on_note: Callable[[str], None]) -> None:
    """Say where a run, which is over all frames of its AORs, is over more than was named."""
    measured = [f.name for f in plan.inputs]
    strangers = asked.places.strangers(measured)
    shown = _few(strangers)
    if strangers and asked.places.exact:
        raise RunRefused(
            f"The catalogue holds other files of these AORs than the lists name, and would measure "
            f"them: {shown}. Name them too, or another catalogue (catalogue='other.sqlite')"
        )
    if strangers:
        on_note(f"The catalogue holds more of these AORs than the paths, measured too: {shown}")
    left = sorted(asked.places.names - set(measured)) if asked.places.exact else []
    if left:
        on_note(f"Named but not measured, since set aside or replaced by a newer: {_few(left)}")


def _few(things: Any) -> str:
    some = [str(thing) for thing in things]
    more = f" and {len(some) - _SHOWN} more" if len(some) > _SHOWN else ""
    return ", ".join(some[:_SHOWN]) + more
