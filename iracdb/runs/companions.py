"""Companions: other files of the same frames that a run reads beside those that it measures.

Each has a role. ``wcs``: its header gives the coordinate system in place of the measured file's
own, as the sub2d of a subarray cube does. ``mask``: its bits tell which pixels are bad.
``uncertainty``: how sure each pixel is.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from sqlalchemy import Connection, select

from iracdb.catalogue import selection
from iracdb.catalogue import tables as t
from iracdb.catalogue.newest import newest_files
from iracdb.catalogue.selection import ScienceFile
from iracdb.errors import RunRefused
from iracdb.irac.frames import FrameFile
from iracdb.runs.parameters import Parameters

SCIENCE = "science"
"""The role of the files that are measured."""

WCS = "wcs"

MASK, UNCERTAINTY = "mask", "uncertainty"

PURPOSES = {WCS: "the coordinate system", MASK: "the bad pixels", UNCERTAINTY: "the uncertainties"}
"""Every role of a companion, and what it serves for."""

Companions = Mapping[str, Mapping[int, ScienceFile]]
"""By role and frame. A role without files is one that was asked for and found nothing."""


def kinds_by_role(parameters: Parameters) -> dict[str, str]:
    """Tell which companions a run has.

    Parameters
    ----------
    parameters : Parameters
        As applied.

    Returns
    -------
    dict
        Kind of file by role; none for what the measured file tells itself.
    """
    kinds = {role: parameters.values.get(role) for role in PURPOSES}
    return {role: kind for role, kind in kinds.items() if kind not in (None, parameters["kind"])}


def find_companions(
    connection: Connection, parameters: Parameters, files: Sequence[ScienceFile]
) -> Companions:
    """Choose the newest companion of each frame.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue.
    parameters : Parameters
        As applied.
    files : sequence of ScienceFile
        What is measured.

    Returns
    -------
    mapping
        By role and frame; a frame of which no such file is held is left out.

    Raises
    ------
    InputsChanged
        Where the newest version of a companion is gone.
    RunRefused
        Where a companion is not of the pixels of the file that it goes with.
    """
    frames = {file.frame_id: file for file in files}
    aors = {file.aorkey for file in files}
    found: dict[str, dict[int, ScienceFile]] = {}
    for role, kind in kinds_by_role(parameters).items():
        newest = newest_files(
            connection, parameters["channel"], kind, aors,
            lambda held: [one for one in held if one.frame_id in frames],
        )  # fmt: skip
        found[role] = {one.frame_id: one for one in newest}
        for one in newest:
            _check_shape(role, one, frames[one.frame_id])
    return found


def _check_shape(role: str, one: ScienceFile, measured: ScienceFile) -> None:
    if one.shape != measured.shape:
        shown = [" x ".join(map(str, each.shape)) for each in (one, measured)]
        raise RunRefused(
            f"{one.name} cannot give {PURPOSES[role]} of {measured.name}: it has {shown[0]} "
            f"pixels, not {shown[1]}. Leave out its AOR, or choose frames with --where"
        )


def declared_files(
    connection: Connection, run_id: int, parameters: Parameters
) -> tuple[list[ScienceFile], Companions]:
    """Fetch the files that a run declared.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue.
    run_id : int
        The run.
    parameters : Parameters
        Its own.

    Returns
    -------
    tuple
        What it measures, in (AORKEY, EXPID, DCENUM) order, and the companions.
    """
    inputs = t.run_input.c
    by_role: dict[str, list[int]] = defaultdict(list)
    query = select(inputs.role, inputs.file_id).where(inputs.run_id == run_id)
    for role, number in connection.execute(query.order_by(inputs.position)):
        by_role[role].append(number)
    files = selection.files_by_id(connection, by_role[SCIENCE])
    companions = {
        role: {one.frame_id: one for one in selection.files_by_id(connection, by_role[role])}
        for role in kinds_by_role(parameters)
    }
    return files, companions


def without_companion(
    companions: Companions, parameters: Parameters, aorkey: int, files: Sequence[ScienceFile]
) -> list[str]:
    """Say which frames of an AOR lack a companion.

    Parameters
    ----------
    companions : mapping
        By role and frame.
    parameters : Parameters
        As applied.
    aorkey : int
        The AOR.
    files : sequence of ScienceFile
        What is measured of it.

    Returns
    -------
    list of str
        A sentence for each role that some frames lack.
    """
    said = []
    for role, kind in kinds_by_role(parameters).items():
        lacking = sum(file.frame_id not in companions.get(role, {}) for file in files)
        if lacking:
            said.append(
                f"AOR {aorkey} has {lacking} of {len(files)} frames without a {kind} for "
                f"{PURPOSES[role]}"
            )
    return said


def companions_of(companions: Companions, files: Iterable[ScienceFile]) -> list[ScienceFile]:
    """List the companions of some files.

    Parameters
    ----------
    companions : mapping
        By role and frame.
    files : iterable of ScienceFile
        What is measured.

    Returns
    -------
    list of ScienceFile
        Role by role, in the order of the files.
    """
    wanted = list(files)
    return [
        by_frame[file.frame_id]
        for by_frame in companions.values()
        for file in wanted
        if file.frame_id in by_frame
    ]


def with_companions(
    companions: Companions, files: Sequence[ScienceFile], places: Mapping[int, FrameFile]
) -> tuple[FrameFile, ...]:
    """Give each file what its companions tell.

    Parameters
    ----------
    companions : mapping
        By role and frame.
    files : sequence of ScienceFile
        What is measured.
    places : mapping
        `FrameFile` by file, of these and of their companions.

    Returns
    -------
    tuple of FrameFile
        In the order of the files. One without the companion that was to give its coordinate
        system has none.
    """
    if not companions:
        return tuple(places[file.file_id] for file in files)
    return tuple(_with_companions(companions, file, places) for file in files)


def _with_companions(
    companions: Companions, file: ScienceFile, places: Mapping[int, FrameFile]
) -> FrameFile:
    found = {
        role: places[by_frame[file.frame_id].file_id]
        for role, by_frame in companions.items()
        if file.frame_id in by_frame
    }
    place = replace(places[file.file_id], mask=found.get(MASK), uncertainty=found.get(UNCERTAINTY))
    if WCS not in companions:
        return place
    return replace(place, wcs=found[WCS].wcs if WCS in found else None)
