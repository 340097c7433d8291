"""What must hold of frames before their fluxes are averaged, or a run is refused."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import groupby

from iracdb.catalogue.selection import ScienceFile
from iracdb.errors import RunRefused
from iracdb.irac.pipeline_versions import mission_of, science_exists
from iracdb.runs.factors import pixel_sizes
from iracdb.runs.likeness import calibrations_of, group_name, likeness
from iracdb.runs.parameters import Parameters, aperture_correction_of, shown_radii
from iracdb.runs.recipes import recipe_named


def check_calibration(parameters: Parameters, files: Collection[ScienceFile]) -> None:
    """Refuse frames whose fluxes would not be what they are called.

    Parameters
    ----------
    parameters : Parameters
        As applied. The recipe of the original's code mixes missions and calibrations as it did;
        of what it did not have, options of today, everything is held to.
    files : collection of ScienceFile
        That will be measured.

    Raises
    ------
    RunRefused
        Where frames are no science, where an average would mix calibrations or pixel scales, where
        no factor is known for a mission, or one typed would have to serve for two.
    """
    _check_fluxconv(parameters, files)
    if parameters["pixel_size"] is None:
        for mine in _averaged_together(parameters, files):
            _check_pixel_size(mine)
    if parameters["recipe"] == "published-2018":
        return
    _check_science(parameters, files)
    check_correction(parameters, files)
    if parameters["mixed_calibration"] == "refused":
        for mine in _averaged_together(parameters, files):
            _check_alike(parameters, mine)


def _averaged_together(
    parameters: Parameters, files: Collection[ScienceFile]
) -> list[list[ScienceFile]]:
    everything = parameters["grouping"] == "all"

    def key(file: ScienceFile) -> tuple[int, tuple[str, float, str]]:
        return file.aorkey, ("", 0.0, "") if everything else likeness(file)

    return [list(group) for _, group in groupby(sorted(files, key=key), key=key)]


def _check_science(parameters: Parameters, files: Collection[ScienceFile]) -> None:
    channel = parameters["channel"]
    without = [file for file in files if not science_exists(channel, file.mjd_obs)]
    if without:
        raise RunRefused(
            f"Channel {channel} saw no sky after the cryogen ran out on 15 May 2009: "
            f"{_of_aors(without)} cannot be measured. Leave them out with --where 'mission = CRYO'"
        )


def check_correction(parameters: Parameters, files: Collection[ScienceFile]) -> None:
    """Refuse an aperture of which no correction is known: all of it that depends on the aperture.

    Parameters
    ----------
    parameters : Parameters
        As applied, with the aperture.
    files : collection of ScienceFile
        That will be measured.

    Raises
    ------
    RunRefused
        Where no factor is known for a mission, or one typed would have to serve for two.
    """
    if parameters["recipe"] == "published-2018":
        return
    missions = sorted({mission_of(file.mjd_obs) for file in files})
    if parameters["aperture_correction_from"] == "given":
        by_mission = recipe_named(parameters["recipe"]).aperture_table != "manual"
        if by_mission and len(missions) > 1:
            raise RunRefused(
                "One aperture correction cannot serve for both missions, whose stars are not "
                "alike: make a run for each (--where 'mission = WARM'), or leave it to the table"
            )
        return
    for mission in missions:
        if aperture_correction_of(parameters, mission) is None:
            raise RunRefused(
                f"The table {parameters['aperture_correction_from']} has no aperture correction "
                f"of the {'cryogenic' if mission == 'cryo' else 'warm'} mission for radii "
                f"{shown_radii(parameters.aperture)} in channel {parameters['channel']}: give one "
                "with --aperture-correction"
            )


def _check_fluxconv(parameters: Parameters, files: Collection[ScienceFile]) -> None:
    silent = [file for file in files if not file.fluxconv]
    if parameters["fluxconv"] is not None and silent:
        raise RunRefused(
            f"{_of_aors(silent)} do not tell FLUXCONV, so that they cannot be rescaled to "
            f"{parameters['fluxconv']:g}: leave --fluxconv out, or choose frames with --where"
        )


def _check_alike(parameters: Parameters, files: Sequence[ScienceFile]) -> None:
    said = []
    creators, values = calibrations_of(files, parameters["fluxconv"])
    if len(creators) > 1:
        said.append(f"CREATOR {', '.join(creators)}")
    if len(values) > 1:
        said.append(f"FLUXCONV {', '.join(f'{value:g}' if value else 'none' for value in values)}")
    if said:
        raise RunRefused(
            f"AOR {files[0].aorkey} ({group_name(files[0])}) would average frames of different "
            f"calibration: {'; '.join(said)}. Choose some with --where 'creator = ...', or say "
            "--allow-mixed-calibration"
        )


def _check_pixel_size(files: Sequence[ScienceFile]) -> None:
    silent = [file for file in files if not (file.pixel_scale_x and file.pixel_scale_y)]
    if silent:
        raise RunRefused(
            f"{silent[0].name} does not tell PXSCAL1 and PXSCAL2: leave --pixel-area header out"
        )
    sizes = pixel_sizes(files)
    if len(sizes) > 1:
        raise RunRefused(
            f"AOR {files[0].aorkey} ({group_name(files[0])}) has frames of {len(sizes)} pixel "
            f"sizes, {sizes[0]:.5f} to {sizes[-1]:.5f} arcsec by their headers: leave "
            "--pixel-area header out, or choose some with --where"
        )


def _of_aors(files: Collection[ScienceFile]) -> str:
    aors = sorted({file.aorkey for file in files})
    few = ", ".join(map(str, aors[:3])) + (f" and {len(aors) - 3} more" if len(aors) > 3 else "")
    frames = "1 frame" if len(files) == 1 else f"{len(files):,} frames"
    return f"{frames} of AOR {few}"
