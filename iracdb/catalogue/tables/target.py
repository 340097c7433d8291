"""What is measured: positions and lists of them."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, Double, Table, Text, UniqueConstraint

from iracdb.catalogue.tables.metadata import Json, identifier, metadata

target = Table(
    "target",
    metadata,
    identifier("A target's number in this catalogue"),
    Column(
        "identity",
        Text,
        nullable=False,
        comment="position, motion and epoch in one text; the name, where there is no position",
    ),
    Column("name", Text, nullable=False, comment="as first given"),
    Column("ra", Double, comment="ICRS right ascension at the epoch, degrees; NULL if unknown"),
    Column("dec", Double, comment="ICRS declination at the epoch, degrees; NULL if unknown"),
    Column("pm_ra", Double, comment="proper motion in RA times cos(Dec), mas/yr"),
    Column("pm_dec", Double, comment="proper motion in Dec, mas/yr"),
    Column("parallax", Double, comment="mas"),
    Column("epoch", Double, comment="Julian year of the position; NULL: as observed"),
    UniqueConstraint("identity"),
    CheckConstraint("(ra IS NULL) = (dec IS NULL)", name="position"),
    comment="A position to measure",
)

target_list = Table(
    "target_list",
    metadata,
    identifier("A list's number in this catalogue"),
    Column("sha256", Text, nullable=False, comment="SHA-256 of the list's bytes, hexadecimal"),
    Column("path", Text, nullable=False, comment="where it was first read"),
    Column(
        "rows",
        Json,
        nullable=False,
        comment="[AORKEY, RA, Dec, name, text] of each row, and the motion of one that moves",
    ),
    UniqueConstraint("sha256"),
    comment="A list of AORs and targets, as read from a file",
)
