"""A run's plan: every average that it will make and every file that it will read.

The plan is a value. ``--dry-run`` prints it; executing it and resuming it take the same one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import groupby

from sqlalchemy import Connection

from iracdb.catalogue import selection
from iracdb.catalogue.newest import newest_files
from iracdb.catalogue.selection import ScienceFile
from iracdb.engines.choosing import engine_named
from iracdb.errors import RunRefused, UsageError
from iracdb.irac.handbook import APERTURE_CORRECTION
from iracdb.photometry.aperture import Aperture
from iracdb.photometry.response import NATIVE, Response
from iracdb.runs.calibrating import check_calibration
from iracdb.runs.cautions import check_tables, method_cautions, response_cautions
from iracdb.runs.choosing import Choice, Step
from iracdb.runs.companions import SCIENCE, Companions, find_companions, without_companion
from iracdb.runs.moving import without_place
from iracdb.runs.parameters import Parameters, apply, shown_radii
from iracdb.runs.planned import PlannedAverage, averages_of, averages_without_files, problem_of
from iracdb.runs.recipes import recipe_named
from iracdb.runs.request import Request
from iracdb.runs.target_lists import FromList
from iracdb.runs.targets import TargetChoice, choose

_OF_FILES = ("inputs", "declared", "inputs_digest")


@dataclass(frozen=True)
class Plan:
    """What a run will do.

    Parameters
    ----------
    parameters : Parameters
        As applied.
    choice : TargetChoice
        Where the targets come from.
    aors : tuple of int
        In order.
    averages : tuple of PlannedAverage
        In the order of the AOR table's rows.
    warnings : tuple of str
        What the user should know.
    engine : Response
        What gives the response.
    companions : mapping
        Other files of the frames that are read, by role and frame.
    conditions : tuple of Step
        What each condition left of the frames there were, where some were chosen now.
    """

    parameters: Parameters
    choice: TargetChoice
    aors: tuple[int, ...]
    averages: tuple[PlannedAverage, ...]
    warnings: tuple[str, ...]
    engine: Response = field(default=NATIVE, compare=False)
    companions: Companions = field(default_factory=dict)
    conditions: tuple[Step, ...] = field(default=(), compare=False)

    @cached_property
    def inputs(self) -> tuple[ScienceFile, ...]:
        """Every file that will be measured, once, in order."""
        files = {f.file_id: f for average in self.averages for f in average.files}
        return tuple(sorted(files.values(), key=lambda f: (f.aorkey, f.expid, f.dcenum)))

    @cached_property
    def declared(self) -> tuple[tuple[str, int, ScienceFile], ...]:
        """Every file that will be read: role, position of its frame from 1, and the file."""
        places = {file.frame_id: place for place, file in enumerate(self.inputs, start=1)}
        beside = (
            (role, places[frame_id], file)
            for role, by_frame in self.companions.items()
            for frame_id, file in by_frame.items()
            if frame_id in places
        )
        measured = ((SCIENCE, places[file.frame_id], file) for file in self.inputs)
        return tuple(sorted((*measured, *beside), key=lambda one: (one[1], one[0])))

    @cached_property
    def inputs_digest(self) -> str:
        """SHA-256 over the hashes of the inputs and their role, sorted; hexadecimal."""
        lines = sorted(f"{file.sha256} {role}\n" for role, _, file in self.declared)
        return hashlib.sha256("".join(lines).encode()).hexdigest()

    @property
    def images(self) -> int:
        """How many rows the image table will have."""
        planes = self.parameters.planes
        return sum(len(average.images(planes)) for average in self.averages)

    def of_aor(self, aorkey: int) -> tuple[PlannedAverage, ...]:
        """List the averages of one AOR.

        Parameters
        ----------
        aorkey : int
            Its key.

        Returns
        -------
        tuple of PlannedAverage
            In the order of the rows.
        """
        return self._by_aor.get(aorkey, ())

    def through(self, parameters: Parameters) -> Plan:
        """Make the same plan with another aperture.

        Parameters
        ----------
        parameters : Parameters
            Like this plan's, but for the aperture and its correction.

        Returns
        -------
        Plan
            The same AORs, targets and files; what cannot be measured may be other.
        """
        averages = tuple(
            replace(each, problem=problem_of(parameters, each.target, each.files[0].shape))
            if each.files
            else each
            for each in self.averages
        )
        mine = method_cautions(self.parameters, self.inputs)
        others = [said for said in self.warnings if said not in mine]
        cautions = method_cautions(parameters, self.inputs)
        made = replace(
            self, parameters=parameters, averages=averages, warnings=(*others, *cautions)
        )
        # Of the same files: through ten apertures they are sorted and hashed once.
        vars(made).update({name: getattr(self, name) for name in _OF_FILES})
        return made

    @cached_property
    def _by_aor(self) -> dict[int, tuple[PlannedAverage, ...]]:
        grouped = groupby(self.averages, key=lambda average: average.aorkey)
        return {aorkey: tuple(averages) for aorkey, averages in grouped}


def make_plan(connection: Connection, request: Request) -> Plan:
    """Plan a run over what the catalogue holds now.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue.
    request : Request
        What was asked.

    Returns
    -------
    Plan
        Complete; nothing has been read but the catalogue.

    Raises
    ------
    UsageError
        Where the channel must be named, or no aperture correction is known.
    RunRefused
        Where there is nothing to measure, or the aperture fits no array.
    InputsChanged
        Where a frame's newest file is gone.
    """
    choice = choose(request.target, request.coord, request.targets, request.motion())
    wanted = _wanted(connection, request, choice)
    channel = _channel(connection, request, wanted)
    engine = engine_named(
        request.engine or recipe_named(request.recipe).engine,
        idl_source=request.idl_source,
        idl_python=request.idl_python,
    )
    chosen = Choice(connection, request.where)
    parameters = apply(replace(request, where=chosen.canonical), channel, choice, engine)
    aors = wanted or tuple(selection.aors_held(connection, channel))
    files = newest_files(connection, channel, request.kind, aors, chosen)
    if not files:
        raise RunRefused(chosen.nothing_left or _nothing(channel, request.kind, wanted))
    if chosen.canonical and not wanted:
        # Conditions choose AORs too; one that was named is told of, though nothing is left of it.
        aors = tuple(dict.fromkeys(file.aorkey for file in files))
    _check_aperture(request.aperture(), files)
    check_tables(engine, parameters, files)
    check_calibration(parameters, files)
    companions = find_companions(connection, parameters, files)
    plan = assemble(connection, parameters, choice, aors, files, companions)
    return replace(plan, engine=engine, conditions=chosen.steps)


def _wanted(connection: Connection, request: Request, choice: TargetChoice) -> tuple[int, ...]:
    """Tell the AORs that are named; none means all."""
    held = set(selection.aors_held(connection))
    if not held:
        raise RunRefused("The catalogue holds no frames yet: take some in with 'iracdb ingest'")
    missing = sorted(set(request.aors) - held)
    if missing:
        raise RunRefused(
            f"AOR {', '.join(map(str, missing))} is not in this catalogue: ingest it, "
            "or see 'iracdb aors' for those that are"
        )
    if not isinstance(choice, FromList):
        return tuple(sorted(set(request.aors)))
    listed = tuple(sorted(choice.aors))
    if held.isdisjoint(listed):
        which = "its AOR" if len(listed) == 1 else f"none of its {len(listed):,} AORs"
        verb = "is not" if len(listed) == 1 else "is"
        raise RunRefused(
            f"The target list {choice.path} is of other frames: {which} {verb} in this catalogue; "
            "ingest them, or see 'iracdb aors' for those that are"
        )
    strangers = sorted(set(request.aors) - set(listed))
    if strangers:
        raise RunRefused(
            f"AOR {', '.join(map(str, strangers))} is not in the target list {choice.path}"
        )
    return tuple(key for key in listed if key in request.aors) if request.aors else listed


def _channel(connection: Connection, request: Request, aors: Sequence[int]) -> int:
    if request.channel is not None:
        return request.channel
    held = selection.channels_held(connection, aors)
    if len(held) == 1:
        return held[0]
    if not held:
        raise RunRefused("None of the AORs asked for is in this catalogue")
    shown = ", ".join(map(str, held))
    raise UsageError(f"There are frames of channels {shown}: name one with --channel")


def _nothing(channel: int, kind: str, aors: Sequence[int]) -> str:
    where = "this catalogue"
    if aors:
        few = f"AOR {', '.join(map(str, aors))}"
        where = few if len(aors) <= 5 else f"any of the {len(aors)} AORs asked for"
    return f"There is no {kind} file of channel {channel} in {where}: see 'iracdb status'"


def _check_aperture(aperture: Aperture, files: Sequence[ScienceFile]) -> None:
    shapes = {file.shape for file in files}
    if any(aperture.fits(shape) for shape in shapes):
        return
    rows, columns = max(shapes)
    fitting = [
        shown_radii(Aperture(*radii))
        for radii in APERTURE_CORRECTION
        if Aperture(*radii).fits((rows, columns))
    ]
    raise RunRefused(
        f"Radii {shown_radii(aperture)} cannot fit the {rows} x {columns} array of these frames. "
        f"Of the manual's, these fit: {'; '.join(fitting)} (--radius)"
    )


def assemble(
    connection: Connection,
    parameters: Parameters,
    choice: TargetChoice,
    aors: Sequence[int],
    files: Iterable[ScienceFile],
    companions: Companions,
) -> Plan:
    """Put a plan together from chosen files.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue.
    parameters : Parameters
        As applied.
    choice : TargetChoice
        Where the targets come from.
    aors : sequence of int
        In order.
    files : iterable of ScienceFile
        In (AORKEY, EXPID, DCENUM) order.
    companions : mapping
        Of these files, by role and frame.

    Returns
    -------
    Plan
        The same for the same arguments.
    """
    by_aor = {key: tuple(group) for key, group in groupby(files, key=lambda f: f.aorkey)}
    averages: list[PlannedAverage] = []
    warnings: list[str] = list(choice.repeats) if isinstance(choice, FromList) else []
    kind = parameters["kind"]
    held = selection.frame_counts(connection, parameters["channel"], aors)
    for aorkey in aors:
        mine = by_aor.get(aorkey, ())
        # Of frames that were chosen it is not told which others there were.
        if mine and len(mine) < held[aorkey] and parameters["where"] is None:
            lacking = held[aorkey] - len(mine)
            warnings.append(f"AOR {aorkey} has {lacking} of {held[aorkey]} frames without a {kind}")
        if mine:
            made = averages_of(parameters, choice, aorkey, mine)
        else:
            made = averages_without_files(connection, parameters, choice, aorkey)
        averages += made
        warnings += without_companion(companions, parameters, aorkey, mine)
        warnings += _warnings(made)
    measured = [file for each in by_aor.values() for file in each]
    warnings += response_cautions(parameters, measured)
    warnings += without_place((one.target, one.files) for one in averages)
    # Last: another aperture changes these alone.
    warnings += method_cautions(parameters, measured)
    said = tuple(dict.fromkeys(warnings))
    return Plan(
        parameters,
        choice,
        tuple(aors),
        tuple(averages),
        said,
        companions=companions,
    )


def _warnings(averages: Iterable[PlannedAverage]) -> list[str]:
    said = [
        f"AOR {average.aorkey} ({average.group}) averages frames of different pipeline "
        f"versions: {average.facts.creators}"
        for average in averages
        if average.facts.creators is not None
    ]
    groups = {average.group for average in averages if average.files}
    if len(groups) > 1:
        aorkey = next(average.aorkey for average in averages)
        said.append(f"AOR {aorkey} has unlike frames, averaged apart: {', '.join(sorted(groups))}")
    return said
