"""Files: their content, their headers, the places they lie in, and those set aside."""

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
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
)

from iracdb.catalogue.tables.metadata import Json, identifier, metadata

file = Table(
    "file",
    metadata,
    identifier("A file content's number in this catalogue"),
    Column("frame_id", ForeignKey("frame.id"), nullable=False, comment="the frame that it shows"),
    Column("kind", Text, nullable=False, comment="bcd, cbcd, sub2d, bunc, bimsk, ..."),
    Column("version", Integer, nullable=False, comment="version number of the file's name"),
    Column("name", Text, nullable=False, comment="the archive's name for it"),
    Column("size", BigInteger, nullable=False, comment="bytes"),
    Column("sha256", Text, nullable=False, comment="SHA-256 of all bytes, hexadecimal"),
    Column(
        "data_sha256",
        Text,
        nullable=False,
        comment="SHA-256 of the pixels as stored, without padding, hexadecimal",
    ),
    Column("bitpix", Integer, nullable=False, comment="BITPIX: type of a pixel"),
    Column("naxis1", Integer, nullable=False, comment="NAXIS1: columns"),
    Column("naxis2", Integer, nullable=False, comment="NAXIS2: rows"),
    Column("naxis3", Integer, comment="NAXIS3: planes of a subarray cube; NULL for one image"),
    Column("data_offset", BigInteger, nullable=False, comment="bytes before the first pixel"),
    Column("creator", Text, comment="CREATOR: version of the processing pipeline"),
    Column("mjd_obs", Double, comment="MJD_OBS of this header, days UTC"),
    Column("date_obs", Text, comment="DATE_OBS of this header, as printed"),
    Column("read_mode", Text, comment="READMODE of this header"),
    Column("frame_time", Double, comment="FRAMTIME of this header, seconds"),
    Column("exposure_time", Double, comment="EXPTIME: effective integration a pixel, seconds"),
    Column("hdr_part", Text, comment="HDRFRAME of this header"),
    Column("dither_position", Integer, comment="DITHPOS of this header"),
    Column("dither_scale", Text, comment="DITHSCAL of this header"),
    Column("aor_label", Text, comment="AORLABEL of this header"),
    Column("object", Text, comment="OBJECT of this header"),
    Column("ra_ref", Double, comment="RA_REF of this header, ICRS degrees"),
    Column("dec_ref", Double, comment="DEC_REF of this header, ICRS degrees"),
    Column("bunit", Text, comment="BUNIT"),
    Column("bscale", Double, comment="BSCALE, where pixels are scaled"),
    Column("bzero", Double, comment="BZERO, where pixels are scaled"),
    Column("fluxconv", Double, comment="FLUXCONV: MJy/sr per DN/s"),
    Column("gain", Double, comment="GAIN: electrons per DN"),
    Column("ronoise", Double, comment="RONOISE: electrons"),
    Column("wcs", Json, comment="the cards of the world coordinate system, by keyword"),
    Column("first_seen", Text, nullable=False, comment="when it was taken in, UTC"),
    Column("pixel_scale_x", Double, comment="PXSCAL1, arcsec a pixel; its sign is the axis's"),
    Column("pixel_scale_y", Double, comment="PXSCAL2, arcsec a pixel"),
    Column("utcs_obs", Double, comment="UTCS_OBS: start, s from noon of 2000-01-01, UTC, to 1 ms"),
    Column("spacecraft_x", Double, comment="SPTZR_X: from the Sun's centre, J2000 axes, km"),
    Column("spacecraft_y", Double, comment="SPTZR_Y, km"),
    Column("spacecraft_z", Double, comment="SPTZR_Z, km"),
    Column("spacecraft_vx", Double, comment="SPTZR_VX: its velocity along these axes, km/s"),
    Column("spacecraft_vy", Double, comment="SPTZR_VY, km/s"),
    Column("spacecraft_vz", Double, comment="SPTZR_VZ, km/s"),
    Column(
        "header_marks", Integer, comment="what its header says is wrong: iracdb.irac.header_marks"
    ),
    Column("dark_sky", Double, comment="SKYDRKZB: sky that the dark took away, MJy/sr"),
    Column("fpa_temperature", Double, comment="AFPAT2B: temperature of the detector, kelvin"),
    Column("jitter", Double, comment="RMS_JIT: jitter of the pointing, arcsec"),
    UniqueConstraint("sha256"),
    CheckConstraint("size > 0", name="size"),
    comment="The content of one file, wherever it lies",
)
Index("ix_file_frame_id_kind", file.c.frame_id, file.c.kind)

header = Table(
    "header",
    metadata,
    Column(
        "file_id",
        ForeignKey("file.id"),
        primary_key=True,
        autoincrement=False,
        comment="the file whose header it is",
    ),
    Column(
        "verbatim", LargeBinary, nullable=False, comment="the header's blocks, compressed by zlib"
    ),
    Column(
        "cards",
        Json,
        nullable=False,
        comment="[keyword, printed value, number or null] of each card, in order",
    ),
    comment="One file's header",
)

file_location = Table(
    "file_location",
    metadata,
    Column("path", Text, primary_key=True, comment="absolute path"),
    Column("file_id", ForeignKey("file.id"), nullable=False, comment="the content last seen there"),
    Column("size", BigInteger, nullable=False, comment="bytes, as last seen"),
    Column("mtime_ns", BigInteger, nullable=False, comment="time of change, as last seen, ns"),
    Column("present", Boolean, nullable=False, comment="whether it was there when last looked for"),
    Column("first_seen", Text, nullable=False, comment="UTC"),
    Column("last_seen", Text, nullable=False, comment="UTC"),
    comment="Where a file's content was seen",
)
Index("ix_file_location_file_id", file_location.c.file_id)

file_problem = Table(
    "file_problem",
    metadata,
    Column("path", Text, primary_key=True, comment="absolute path"),
    Column("code", Text, nullable=False, comment="why, in one word"),
    Column("message", Text, nullable=False, comment="why, in a sentence"),
    Column("size", BigInteger, comment="bytes, as last seen; NULL where it could not be asked"),
    Column("mtime_ns", BigInteger, comment="time of change, as last seen, ns"),
    Column("first_seen", Text, nullable=False, comment="UTC"),
    Column("last_seen", Text, nullable=False, comment="UTC"),
    Column("resolved_at", Text, comment="when it was taken in or had gone, UTC"),
    comment="A file that could not be taken in, and why",
)
