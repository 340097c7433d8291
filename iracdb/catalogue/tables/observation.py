"""What the telescope did: AORs and frames."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
)

from iracdb.catalogue.tables.metadata import identifier, metadata

aor = Table(
    "aor",
    metadata,
    Column(
        "aorkey",
        BigInteger,
        primary_key=True,
        autoincrement=False,
        comment="AORKEY: key of the Astronomical Observation Request",
    ),
    Column("label", Text, comment="AORLABEL"),
    Column("program", BigInteger, comment="PROGID"),
    Column("program_title", Text, comment="PROTITLE"),
    Column("program_category", BigInteger, comment="PROGCAT"),
    Column("cycle", BigInteger, comment="PROCYCL: proposal cycle"),
    Column("observer", Text, comment="OBSRVR"),
    Column("object", Text, comment="OBJECT: name of the target"),
    Column("aot", Text, comment="AOT_TYPE: observation template"),
    Column("request_type", Text, comment="REQTYPE: AOR, IER or SER"),
    Column("campaign", Text, comment="CAMPAIGN"),
    Column("fov_name", Text, comment="FOVNAME: field of view that was pointed"),
    Column("dither_scale", Text, comment="DITHSCAL: small, medium or large"),
    Column(
        "cycling", Boolean, comment="whether AORLABEL names a cycling dither; NULL without a label"
    ),
    comment="One Astronomical Observation Request, as its headers tell",
)

frame = Table(
    "frame",
    metadata,
    identifier("A frame's number in this catalogue"),
    Column("channel", Integer, nullable=False, comment="IRAC channel, 1 to 4"),
    Column("aorkey", ForeignKey("aor.aorkey"), comment="AORKEY, where it is known"),
    Column("expid", Integer, comment="EXPID, where it is known"),
    Column("dcenum", Integer, comment="DCENUM, where it is known"),
    Column("mjd_obs", Double, comment="MJD_OBS: UTC at the start of the exposure, days"),
    Column("date_obs", Text, comment="DATE_OBS, as printed"),
    Column("read_mode", Text, comment="READMODE: FULL or SUB"),
    Column("frame_time", Double, comment="FRAMTIME, seconds"),
    Column("hdr_part", Text, comment="HDRFRAME: part of a high-dynamic-range set, short or long"),
    Column("dither_position", Integer, comment="DITHPOS"),
    Column("dither_scale", Text, comment="DITHSCAL"),
    Column("object", Text, comment="OBJECT"),
    Column("ra_ref", Double, comment="RA_REF: commanded position, ICRS degrees"),
    Column("dec_ref", Double, comment="DEC_REF: commanded position, ICRS degrees"),
    CheckConstraint("channel BETWEEN 1 AND 4", name="channel"),
    CheckConstraint("(expid IS NULL) = (dcenum IS NULL)", name="exposure"),
    CheckConstraint("expid IS NULL OR aorkey IS NOT NULL", name="identity"),
    comment="One exposure of one array: what the sky saw, whatever files show it",
)
Index(
    "uq_frame_exposure",
    frame.c.channel,
    frame.c.aorkey,
    frame.c.expid,
    frame.c.dcenum,
    unique=True,
    sqlite_where=frame.c.expid.is_not(None),
    postgresql_where=frame.c.expid.is_not(None),
)
Index(
    "uq_frame_time",
    frame.c.channel,
    frame.c.mjd_obs,
    unique=True,
    sqlite_where=frame.c.expid.is_(None),
    postgresql_where=frame.c.expid.is_(None),
)
Index("ix_frame_aorkey", frame.c.aorkey)
Index("ix_frame_mjd_obs", frame.c.mjd_obs)
