"""The files that a run measures, and what their headers say of the exposures."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, bindparam, func, select

from iracdb.catalogue.database import in_batches
from iracdb.catalogue.tables import aor, file, frame
from iracdb.irac import motion

MANY = 500
"""How many values one statement may name: their number is limited on both databases."""


class ScienceFile(NamedTuple):
    """One file to be measured, and what its header says of the exposure.

    Parameters
    ----------
    frame_id, file_id : int
        In the catalogue.
    aorkey, expid, dcenum : int
        Whose exposure it is.
    version : int
        Of the file's name.
    sha256 : str
        Of its bytes.
    name : str
        The archive's name for it.
    creator : str or None
        Version of the processing pipeline.
    mjd_obs : float
        Start of the exposure, days UTC.
    date_obs : str or None
        The same, as printed.
    read_mode : str
        FULL or SUB; by the shape where the header is silent.
    frame_time, exposure_time : float or None
        Seconds.
    hdr_part : str or None
        Short or long, of a high-dynamic-range set.
    dither_position : int or None
        As its header says.
    dither_scale : str or None
        As its header says.
    aor_label : str or None
        As its header says.
    object : str or None
        As its header says.
    ra_ref, dec_ref : float or None
        Commanded position, ICRS degrees.
    fluxconv, gain, ronoise : float or None
        MJy/sr per DN/s, electrons per DN, electrons.
    pixel_scale_x, pixel_scale_y : float or None
        Arcsec a pixel, signed.
    utcs_obs : float or None
        Start of the exposure to 1 ms, s from noon of 1 January 2000, UTC.
    spacecraft_x, spacecraft_y, spacecraft_z : float or None
        Where the telescope was at the start, from the Sun's centre, km.
    dark_sky : float or None
        Sky that the pipeline took away with its dark, MJy/sr.
    header_marks : int or None
        What its header says is wrong: bits of `iracdb.irac.header_marks`.
    shape : tuple of int
        Rows and columns of an image.
    planes : int or None
        Of a cube; None for one image.
    spacecraft_vx, spacecraft_vy, spacecraft_vz : float or None, optional
        How the telescope moved, km/s.
    """

    frame_id: int
    file_id: int
    aorkey: int
    expid: int
    dcenum: int
    version: int
    sha256: str
    name: str
    creator: str | None
    mjd_obs: float
    date_obs: str | None
    read_mode: str
    frame_time: float | None
    exposure_time: float | None
    hdr_part: str | None
    dither_position: int | None
    dither_scale: str | None
    aor_label: str | None
    object: str | None
    ra_ref: float | None
    dec_ref: float | None
    fluxconv: float | None
    gain: float | None
    ronoise: float | None
    pixel_scale_x: float | None
    pixel_scale_y: float | None
    utcs_obs: float | None
    spacecraft_x: float | None
    spacecraft_y: float | None
    spacecraft_z: float | None
    dark_sky: float | None
    header_marks: int | None
    shape: tuple[int, int]
    planes: int | None
    spacecraft_vx: float | None = None
    spacecraft_vy: float | None = None
    spacecraft_vz: float | None = None

    @property
    def subarray(self) -> bool:
        """Whether it shows the 32 x 32 subarray."""
        return self.shape == (32, 32)

    @property
    def place(self) -> motion.Place | None:
        """Where the telescope was; None where the header does not tell."""
        coordinates = self.spacecraft_x, self.spacecraft_y, self.spacecraft_z
        return motion.place_of(dict(zip(motion.PLACE_KEYWORDS, coordinates, strict=True)))

    @property
    def velocity(self) -> motion.Place | None:
        """How the telescope moved, km/s; None where the header does not tell."""
        parts = self.spacecraft_vx, self.spacecraft_vy, self.spacecraft_vz
        return motion.place_of(dict(zip(motion.PLACE_KEYWORDS, parts, strict=True)))


COLUMNS = (
    frame.c.id.label("frame_id"), file.c.id.label("file_id"), frame.c.aorkey, frame.c.expid,
    frame.c.dcenum, file.c.version, file.c.sha256, file.c.name, file.c.creator, file.c.mjd_obs,
    file.c.date_obs, file.c.read_mode, file.c.frame_time, file.c.exposure_time,
    file.c.hdr_part, file.c.dither_position, file.c.dither_scale, file.c.aor_label, file.c.object,
    file.c.ra_ref, file.c.dec_ref, file.c.fluxconv, file.c.gain, file.c.ronoise,
    file.c.pixel_scale_x, file.c.pixel_scale_y, file.c.utcs_obs,
    file.c.spacecraft_x, file.c.spacecraft_y, file.c.spacecraft_z, file.c.dark_sky,
    file.c.header_marks, file.c.naxis2, file.c.naxis3,
    file.c.spacecraft_vx, file.c.spacecraft_vy, file.c.spacecraft_vz, file.c.naxis1,
)  # fmt: skip
"""What is read of a file and its frame to make a `ScienceFile`: its fields, the shape's rows in
place of the shape; its columns last."""

_READ_MODE = ScienceFile._fields.index("read_mode")
_SHAPE = ScienceFile._fields.index("shape")


def science_file(row: Iterable[Any]) -> ScienceFile:
    """Make a file of its row.

    Parameters
    ----------
    row : iterable
        Values of `COLUMNS`.

    Returns
    -------
    ScienceFile
        What the row says.
    """
    *told, columns = row
    told[_SHAPE] = shape = told[_SHAPE], columns
    if told[_READ_MODE] is None:
        # The shape tells what the header does not.
        told[_READ_MODE] = "SUB" if shape == (32, 32) else "FULL"
    return ScienceFile._make(told)


# A frame that only an imported table knows cannot be measured.
_SHOWN = frame.c.expid.is_not(None)


def channels_held(connection: Connection, aors: Sequence[int] = ()) -> list[int]:
    """List the channels of which there are frames that files show.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue.
    aors : sequence of int, optional
        Only in these AORs.

    Returns
    -------
    list of int
        Sorted.
    """
    query = select(frame.c.channel).where(_SHOWN).distinct().order_by(frame.c.channel)
    if aors:
        query = query.where(frame.c.aorkey.in_(aors))
    return list(connection.execute(query).scalars())


def aors_held(connection: Connection, channel: int | None = None) -> list[int]:
    """List the AORs of which there are frames that files show.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue.
    channel : int, optional
        Only in this channel.

    Returns
    -------
    list of int
        Sorted.
    """
    query = (
        select(frame.c.aorkey)
        .where(frame.c.aorkey.is_not(None), _SHOWN)
        .distinct()
        .order_by(frame.c.aorkey)
    )
    if channel is not None:
        query = query.where(frame.c.channel == channel)
    return [key for key in connection.execute(query).scalars() if key is not None]


def files_by_id(connection: Connection, file_ids: Sequence[int]) -> list[ScienceFile]:
    """Fetch given files.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue.
    file_ids : sequence of int
        Such as a run's declared inputs.

    Returns
    -------
    list of ScienceFile
        In (AORKEY, EXPID, DCENUM) order.
    """
    found = []
    for batch in in_batches(list(file_ids), MANY):
        query = (
            select(*COLUMNS).join(file, file.c.frame_id == frame.c.id).where(file.c.id.in_(batch))
        )
        found += [science_file(row) for row in connection.execute(query)]
    return sorted(found, key=place_of)


def place_of(one: ScienceFile) -> tuple[int, int, int]:
    """Tell where a file stands among others.

    Parameters
    ----------
    one : ScienceFile
        Of one channel.

    Returns
    -------
    tuple of int
        AORKEY, EXPID, DCENUM.
    """
    return one.aorkey, one.expid, one.dcenum


def frame_counts(connection: Connection, channel: int, aors: Sequence[int]) -> dict[int, int]:
    """Count the frames of AORs, whatever files show them.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue.
    channel : int
        1 to 4.
    aors : sequence of int
        Their keys.

    Returns
    -------
    dict
        Number of exposures by AORKEY.
    """
    counts: dict[int, int] = {}
    for batch in in_batches(list(aors), MANY):
        query = (
            select(frame.c.aorkey, func.count())
            .where(frame.c.channel == channel, frame.c.aorkey.in_(batch), _SHOWN)
            .group_by(frame.c.aorkey)
        )
        counts |= {int(row[0]): int(row[1]) for row in connection.execute(query)}
    return counts


@dataclass(frozen=True)
class AorGlimpse:
    """What is known of an AOR in a channel, whatever files show it.

    Parameters
    ----------
    label, object : str or None
        Of the AOR.
    kinds : tuple of str
        Kinds of file held of it in the channel, sorted.
    first : Row or None
        The first frame's facts.
    last : Row or None
        The last frame's facts.
    """

    label: str | None
    object: str | None
    kinds: tuple[str, ...]
    first: Row[Any] | None
    last: Row[Any] | None


_AOR = select(aor).where(aor.c.aorkey == bindparam("aorkey"))


def glimpse(connection: Connection, aorkey: int, channel: int) -> AorGlimpse | None:
    """Tell what is known of an AOR that has no file of the kind asked for.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue.
    aorkey : int
        Its key.
    channel : int
        1 to 4.

    Returns
    -------
    AorGlimpse or None
        None where the AOR is not held at all.
    """
    held = connection.execute(_AOR, {"aorkey": aorkey}).one_or_none()
    if held is None:
        return None
    mine = (frame.c.aorkey == aorkey, frame.c.channel == channel)
    rows = connection.execute(
        select(frame).where(*mine).order_by(frame.c.expid, frame.c.dcenum)
    ).all()
    kinds = connection.execute(
        select(file.c.kind).join(frame, frame.c.id == file.c.frame_id).where(*mine).distinct()
    ).scalars()
    return AorGlimpse(
        label=held.label,
        object=held.object,
        kinds=tuple(sorted(kinds)),
        first=rows[0] if rows else None,
        last=rows[-1] if rows else None,
    )
