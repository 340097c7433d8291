"""The averages of one AOR that a run will make: which frames, which target, or why none."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

from sqlalchemy import Connection

from iracdb.catalogue import selection
from iracdb.catalogue.selection import AorGlimpse, ScienceFile
from iracdb.catalogue.targets import Position
from iracdb.irac.files import is_cycling
from iracdb.irac.handbook import is_cryogenic
from iracdb.photometry.planes import Planes
from iracdb.runs.likeness import Facts, facts_of, group_name, likeness
from iracdb.runs.parameters import Parameters, shown_radii
from iracdb.runs.target_lists import FromList
from iracdb.runs.targets import Fixed, FromHeaders, TargetChoice

NOT_HELD = "not in this catalogue"
"""Why an AOR of a list that was not ingested gives nothing."""


@dataclass(frozen=True)
class PlannedAverage:
    """One row of the AOR table to come.

    Parameters
    ----------
    aorkey : int
        Whose.
    target : Position
        What is measured.
    group : str
        Read mode, frame time and HDR part: what the frames have in common.
    files : tuple of ScienceFile
        What is averaged; empty for an AOR without a file of the kind.
    facts : Facts
        What its row says beside its numbers.
    problem : str or None
        Why nothing can be measured, where that is known beforehand.
    """

    aorkey: int
    target: Position
    group: str
    files: tuple[ScienceFile, ...]
    facts: Facts
    problem: str | None = None

    def images(self, planes: Planes) -> list[tuple[ScienceFile, int]]:
        """List the images that its files give.

        Parameters
        ----------
        planes : Planes
            How cubes are reduced.

        Returns
        -------
        list of tuple
            File and plane, in order; the plane is -1 for a whole frame, or for a cube that is
            reduced to one image.
        """
        return [
            (file, plane)
            for file in self.files
            for plane in (planes.made if file.planes is not None else (-1,))
        ]


def averages_of(
    parameters: Parameters, choice: TargetChoice, aorkey: int, files: tuple[ScienceFile, ...]
) -> list[PlannedAverage]:
    """Plan the averages of an AOR: one for each target and each group of like frames.

    Parameters
    ----------
    parameters : Parameters
        As applied.
    choice : TargetChoice
        Where the targets come from.
    aorkey : int
        The AOR's key.
    files : tuple of ScienceFile
        In order; not empty.

    Returns
    -------
    list of PlannedAverage
        In the order of the AOR table.
    """
    if parameters["grouping"] == "all":
        groups = [files]
    else:
        by_group = sorted(files, key=likeness)
        groups = [tuple(group) for _, group in groupby(by_group, key=likeness)]
    made = []
    for target in _targets(choice, aorkey, files[0].object, files[0].ra_ref, files[0].dec_ref):
        for group in groups:
            problem = problem_of(parameters, target, group[0].shape)
            name = "all" if parameters["grouping"] == "all" else group_name(group[0])
            made.append(PlannedAverage(aorkey, target, name, group, facts_of(group), problem))
    return made


def problem_of(parameters: Parameters, target: Position, shape: tuple[int, int]) -> str | None:
    """Tell why a target cannot be measured on an array, where that is known beforehand.

    Parameters
    ----------
    parameters : Parameters
        As applied.
    target : Position
        The target.
    shape : tuple of int
        Rows and columns of the array.

    Returns
    -------
    str or None
        A few words.
    """
    if target.ra is None:
        return "no position: its headers have no RA_REF and DEC_REF"
    if not parameters.aperture.fits(shape):
        radii = shown_radii(parameters.aperture)
        return f"radii {radii} cannot fit the {shape[0]} x {shape[1]} array"
    return None


def _targets(
    choice: TargetChoice, aorkey: int, name: str | None, ra: float | None, dec: float | None
) -> tuple[Position, ...]:
    match choice:
        case FromHeaders():
            return (Position(choice.name or name or f"AOR {aorkey}", ra, dec),)
        case Fixed():
            return (Position(choice.name, choice.ra, choice.dec, choice.motion),)
        case FromList():
            return choice.of(aorkey)


def averages_without_files(
    connection: Connection, parameters: Parameters, choice: TargetChoice, aorkey: int
) -> list[PlannedAverage]:
    """Plan the rows of an AOR that has no file to be measured.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue.
    parameters : Parameters
        As applied.
    choice : TargetChoice
        Where the targets come from.
    aorkey : int
        The AOR's key.

    Returns
    -------
    list of PlannedAverage
        Empty ones, each with the reason.
    """
    known = selection.glimpse(connection, aorkey, parameters["channel"])
    problem = _why_empty(known, parameters)
    facts = Facts()
    name, ra, dec = None, None, None
    if known is not None:
        name = known.object
        facts = Facts(cycling=is_cycling(known.label))
        if known.first is not None and known.last is not None:
            name, ra, dec = known.first.object or name, known.first.ra_ref, known.first.dec_ref
            last = known.last
            facts = Facts(
                mission=None if last.mjd_obs is None
                else "CRYO" if is_cryogenic(last.mjd_obs) else "WARM",
                read_mode=last.read_mode,
                frame_time=last.frame_time,
                hdr_part=last.hdr_part,
                cycling=is_cycling(known.label),
                dither_scale=last.dither_scale,
                dither_position=last.dither_position,
                date_obs=last.date_obs,
                mjd_obs=last.mjd_obs,
            )  # fmt: skip
    return [
        PlannedAverage(aorkey, target, "none", (), facts, problem)
        for target in _targets(choice, aorkey, name, ra, dec)
    ]


def _why_empty(known: AorGlimpse | None, parameters: Parameters) -> str:
    if known is None:
        return NOT_HELD
    channel, kind = parameters["channel"], parameters["kind"]
    if not known.kinds:
        return f"no frames of channel {channel}"
    if kind in known.kinds and parameters["where"] is not None:
        return f"no frame where {parameters['where']}"
    return f"no {kind} file of channel {channel}, only {', '.join(known.kinds)}"
