"""Which frames may be averaged together, and what their row says of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from iracdb.catalogue.selection import ScienceFile
from iracdb.irac.files import is_cycling
from iracdb.irac.handbook import is_cryogenic


@dataclass(frozen=True)
class Facts:
    """What the row of an average says beside its numbers.

    Parameters
    ----------
    mission, read_mode : str or None
        Of the last frame.
    frame_time : float or None
        Of the last frame, seconds.
    hdr_part : str or None
        Of the last frame.
    cycling : bool or None
        Whether AORLABEL names a cycling dither.
    dither_scale : str or None
        Of the last frame.
    dither_position : int or None
        Of the last frame.
    date_obs : str or None
        Of the last frame.
    mjd_obs : float or None
        Of the last frame, days UTC.
    creators : str or None
        The versions of the frames' pipeline, where they differ.
    """

    mission: str | None = None
    read_mode: str | None = None
    frame_time: float | None = None
    hdr_part: str | None = None
    cycling: bool | None = None
    dither_scale: str | None = None
    dither_position: int | None = None
    date_obs: str | None = None
    mjd_obs: float | None = None
    creators: str | None = None


def likeness(file: ScienceFile) -> tuple[str, float, str]:
    """Tell what a frame must have in common with those it is averaged with.

    Parameters
    ----------
    file : ScienceFile
        A frame's file.

    Returns
    -------
    tuple
        Read mode, frame time and HDR part; equal for like frames, and a key to sort by.
    """
    return file.read_mode, file.frame_time or 0.0, file.hdr_part or ""


def group_name(file: ScienceFile) -> str:
    """Name what frames must have in common to be averaged.

    Parameters
    ----------
    file : ScienceFile
        One of them.

    Returns
    -------
    str
        Such as ``FULL 12.0 s long``.
    """
    words = [file.read_mode]
    if file.frame_time is not None:
        words.append(f"{file.frame_time!r} s")
    if file.hdr_part is not None:
        words.append(file.hdr_part)
    return " ".join(words)


def facts_of(files: tuple[ScienceFile, ...]) -> Facts:
    """Tell what the row of an average of like frames says beside its numbers.

    Parameters
    ----------
    files : tuple of ScienceFile
        In order; not empty.

    Returns
    -------
    Facts
        Those of the last frame.
    """
    last = files[-1]
    creators, _ = calibrations_of(files, None)
    return Facts(
        mission="CRYO" if is_cryogenic(last.mjd_obs) else "WARM",
        read_mode=last.read_mode,
        frame_time=last.frame_time,
        hdr_part=last.hdr_part,
        cycling=is_cycling(last.aor_label),
        dither_scale=last.dither_scale,
        dither_position=last.dither_position,
        date_obs=last.date_obs,
        mjd_obs=last.mjd_obs,
        creators=", ".join(creators) if len(creators) > 1 else None,
    )


def calibrations_of(
    files: Iterable[ScienceFile], fluxconv: float | None
) -> tuple[list[str], list[float | None]]:
    """List the calibrations of frames: of one kind may be averaged.

    Parameters
    ----------
    files : iterable of ScienceFile
        Frames.
    fluxconv : float or None
        To which they are rescaled, so that their own does not count.

    Returns
    -------
    creators : list of str
        CREATOR of each, once, sorted; ``none`` where there is no such card.
    fluxconvs : list of float or None
        FLUXCONV of each, once, sorted; None where there is no such card.
    """
    mine = list(files)
    creators = sorted({file.creator or "none" for file in mine})
    if fluxconv is not None:
        return creators, [fluxconv]
    return creators, sorted({file.fluxconv for file in mine}, key=lambda value: value or 0.0)
