"""The first catalogue: every table, those that later work fills included."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make every table."""
    op.create_table(
        "aor",
        sa.Column(
            "aorkey",
            sa.BigInteger(),
            autoincrement=False,
            nullable=False,
            comment="AORKEY: key of the Astronomical Observation Request",
        ),
        sa.Column("label", sa.Text(), nullable=True, comment="AORLABEL"),
        sa.Column("program", sa.BigInteger(), nullable=True, comment="PROGID"),
        sa.Column("program_title", sa.Text(), nullable=True, comment="PROTITLE"),
        sa.Column("program_category", sa.BigInteger(), nullable=True, comment="PROGCAT"),
        sa.Column("cycle", sa.BigInteger(), nullable=True, comment="PROCYCL: proposal cycle"),
        sa.Column("observer", sa.Text(), nullable=True, comment="OBSRVR"),
        sa.Column("object", sa.Text(), nullable=True, comment="OBJECT: name of the target"),
        sa.Column("aot", sa.Text(), nullable=True, comment="AOT_TYPE: observation template"),
        sa.Column("request_type", sa.Text(), nullable=True, comment="REQTYPE: AOR, IER or SER"),
        sa.Column("campaign", sa.Text(), nullable=True, comment="CAMPAIGN"),
        sa.Column(
            "fov_name", sa.Text(), nullable=True, comment="FOVNAME: field of view that was pointed"
        ),
        sa.Column(
            "dither_scale", sa.Text(), nullable=True, comment="DITHSCAL: small, medium or large"
        ),
        sa.Column(
            "cycling",
            sa.Boolean(),
            nullable=True,
            comment="whether AORLABEL names a cycling dither; NULL without a label",
        ),
        sa.PrimaryKeyConstraint("aorkey", name=op.f("pk_aor")),
        comment="One Astronomical Observation Request, as its headers tell",
    )
    op.create_table(
        "calibration",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=False,
            comment="A calibration's number in this catalogue",
        ),
        sa.Column(
            "kind", sa.Text(), nullable=False, comment="response, aperture-correction, idl-source"
        ),
        sa.Column("name", sa.Text(), nullable=False, comment="such as 'native'"),
        sa.Column(
            "sha256", sa.Text(), nullable=False, comment="SHA-256 of its content, hexadecimal"
        ),
        sa.Column("origin", sa.Text(), nullable=True, comment="where it comes from"),
        sa.Column(
            "content",
            sa.JSON().with_variant(postgresql.JSONB(), "postgresql"),
            nullable=True,
            comment="its numbers",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_calibration")),
        sa.UniqueConstraint("sha256", name=op.f("uq_calibration_sha256")),
        comment="A correction table or engine, by its content",
    )
    op.create_table(
        "file_problem",
        sa.Column("path", sa.Text(), nullable=False, comment="absolute path"),
        sa.Column("code", sa.Text(), nullable=False, comment="why, in one word"),
        sa.Column("message", sa.Text(), nullable=False, comment="why, in a sentence"),
        sa.Column(
            "size",
            sa.BigInteger(),
            nullable=True,
            comment="bytes, as last seen; NULL where it could not be asked",
        ),
        sa.Column(
            "mtime_ns", sa.BigInteger(), nullable=True, comment="time of change, as last seen, ns"
        ),
        sa.Column("first_seen", sa.Text(), nullable=False, comment="UTC"),
        sa.Column("last_seen", sa.Text(), nullable=False, comment="UTC"),
        sa.Column(
            "resolved_at", sa.Text(), nullable=True, comment="when it was taken in or had gone, UTC"
        ),
        sa.PrimaryKeyConstraint("path", name=op.f("pk_file_problem")),
        comment="A file that could not be taken in, and why",
    )
    op.create_table(
        "software",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=False,
            comment="An environment's number in this catalogue",
        ),
        sa.Column(
            "digest", sa.Text(), nullable=False, comment="SHA-256 of all that follows, hexadecimal"
        ),
        sa.Column("iracdb", sa.Text(), nullable=False, comment="version"),
        sa.Column(
            "git_commit",
            sa.Text(),
            nullable=True,
            comment="commit of the source tree, where it is one",
        ),
        sa.Column(
            "git_clean",
            sa.Integer(),
            nullable=True,
            comment="1 where nothing was uncommitted, 0 where something was",
        ),
        sa.Column(
            "git_changes", sa.Text(), nullable=True, comment="what was uncommitted, as a diff"
        ),
        sa.Column("python", sa.Text(), nullable=False, comment="version"),
        sa.Column("platform", sa.Text(), nullable=False, comment="operating system and machine"),
        sa.Column(
            "packages",
            sa.JSON().with_variant(postgresql.JSONB(), "postgresql"),
            nullable=False,
            comment="versions by name: numpy, astropy, ...",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_software")),
        sa.UniqueConstraint("digest", name=op.f("uq_software_digest")),
        comment="The program and everything under it",
    )
    op.create_table(
        "study",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=False,
            comment="A study's number in this catalogue",
        ),
        sa.Column("name", sa.Text(), nullable=False, comment="such as rad_test_hd"),
        sa.Column("kind", sa.Text(), nullable=False, comment="such as radius-test"),
        sa.Column("comment", sa.Text(), nullable=True, comment="why"),
        sa.Column("created_at", sa.Text(), nullable=False, comment="UTC"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_study")),
        sa.UniqueConstraint("name", name=op.f("uq_study_name")),
        comment="Runs that belong together",
    )
    op.create_table(
        "target",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=False,
            comment="A target's number in this catalogue",
        ),
        sa.Column(
            "identity",
            sa.Text(),
            nullable=False,
            comment="position, motion and epoch in one text; the name, where there is no position",
        ),
        sa.Column("name", sa.Text(), nullable=False, comment="as first given"),
        sa.Column(
            "ra",
            sa.Double(),
            nullable=True,
            comment="ICRS right ascension at the epoch, degrees; NULL if unknown",
        ),
        sa.Column(
            "dec",
            sa.Double(),
            nullable=True,
            comment="ICRS declination at the epoch, degrees; NULL if unknown",
        ),
        sa.Column(
            "pm_ra",
            sa.Double(),
            nullable=True,
            comment="proper motion in RA times cos(Dec), mas/yr",
        ),
        sa.Column("pm_dec", sa.Double(), nullable=True, comment="proper motion in Dec, mas/yr"),
        sa.Column("parallax", sa.Double(), nullable=True, comment="mas"),
        sa.Column(
            "epoch",
            sa.Double(),
            nullable=True,
            comment="Julian year of the position; NULL: as observed",
        ),
        sa.CheckConstraint("(ra IS NULL) = (dec IS NULL)", name=op.f("ck_target_position")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_target")),
        sa.UniqueConstraint("identity", name=op.f("uq_target_identity")),
        comment="A position to measure",
    )
    op.create_table(
        "target_list",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=False,
            comment="A list's number in this catalogue",
        ),
        sa.Column(
            "sha256", sa.Text(), nullable=False, comment="SHA-256 of the list's bytes, hexadecimal"
        ),
        sa.Column("path", sa.Text(), nullable=False, comment="where it was first read"),
        sa.Column(
            "rows",
            sa.JSON().with_variant(postgresql.JSONB(), "postgresql"),
            nullable=False,
            comment="[AORKEY, RA, Dec, name, text] of each row",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_target_list")),
        sa.UniqueConstraint("sha256", name=op.f("uq_target_list_sha256")),
        comment="A list of AORs and targets, as read from a file",
    )
    op.create_table(
        "frame",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=False,
            comment="A frame's number in this catalogue",
        ),
        sa.Column("channel", sa.Integer(), nullable=False, comment="IRAC channel, 1 to 4"),
        sa.Column("aorkey", sa.BigInteger(), nullable=True, comment="AORKEY, where it is known"),
        sa.Column("expid", sa.Integer(), nullable=True, comment="EXPID, where it is known"),
        sa.Column("dcenum", sa.Integer(), nullable=True, comment="DCENUM, where it is known"),
        sa.Column(
            "mjd_obs",
            sa.Double(),
            nullable=True,
            comment="MJD_OBS: UTC at the start of the exposure, days",
        ),
        sa.Column("date_obs", sa.Text(), nullable=True, comment="DATE_OBS, as printed"),
        sa.Column("read_mode", sa.Text(), nullable=True, comment="READMODE: FULL or SUB"),
        sa.Column("frame_time", sa.Double(), nullable=True, comment="FRAMTIME, seconds"),
        sa.Column(
            "hdr_part",
            sa.Text(),
            nullable=True,
            comment="HDRFRAME: part of a high-dynamic-range set, short or long",
        ),
        sa.Column("dither_position", sa.Integer(), nullable=True, comment="DITHPOS"),
        sa.Column("dither_scale", sa.Text(), nullable=True, comment="DITHSCAL"),
        sa.Column("object", sa.Text(), nullable=True, comment="OBJECT"),
        sa.Column(
            "ra_ref", sa.Double(), nullable=True, comment="RA_REF: commanded position, ICRS degrees"
        ),
        sa.Column(
            "dec_ref",
            sa.Double(),
            nullable=True,
            comment="DEC_REF: commanded position, ICRS degrees",
        ),
        sa.CheckConstraint("(expid IS NULL) = (dcenum IS NULL)", name=op.f("ck_frame_exposure")),
        sa.CheckConstraint("channel BETWEEN 1 AND 4", name=op.f("ck_frame_channel")),
        sa.CheckConstraint("expid IS NULL OR aorkey IS NOT NULL", name=op.f("ck_frame_identity")),
        sa.ForeignKeyConstraint(["aorkey"], ["aor.aorkey"], name=op.f("fk_frame_aorkey_aor")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_frame")),
        comment="One exposure of one array: what the sky saw, whatever files show it",
    )
    with op.batch_alter_table("frame", schema=None) as batch_op:
        batch_op.create_index("ix_frame_aorkey", ["aorkey"], unique=False)
        batch_op.create_index("ix_frame_mjd_obs", ["mjd_obs"], unique=False)
        batch_op.create_index(
            "uq_frame_exposure",
            ["channel", "aorkey", "expid", "dcenum"],
            unique=True,
            sqlite_where=sa.text("expid IS NOT NULL"),
            postgresql_where=sa.text("expid IS NOT NULL"),
        )
        batch_op.create_index(
            "uq_frame_time",
            ["channel", "mjd_obs"],
            unique=True,
            sqlite_where=sa.text("expid IS NULL"),
            postgresql_where=sa.text("expid IS NULL"),
        )

    op.create_table(
        "run",
        sa.Column(
            "run_id",
            sa.BigInteger(),
            autoincrement=False,
            nullable=False,
            comment="the run's number in this catalogue",
        ),
        sa.Column("uuid", sa.Text(), nullable=False, comment="the same in every catalogue"),
        sa.Column("name", sa.Text(), nullable=False, comment="such as run13"),
        sa.Column(
            "name_key", sa.Text(), nullable=False, comment="the name in lower case, which is unique"
        ),
        sa.Column("origin", sa.Text(), nullable=False, comment="executed or imported"),
        sa.Column("state", sa.Text(), nullable=False, comment="running or finished"),
        sa.Column("recipe", sa.Text(), nullable=True, comment="named set of measuring parameters"),
        sa.Column("channel", sa.Integer(), nullable=True, comment="IRAC channel, 1 to 4"),
        sa.Column("kind", sa.Text(), nullable=True, comment="kind of file measured"),
        sa.Column("layout", sa.Text(), nullable=False, comment="layout of its tables"),
        sa.Column("command", sa.Text(), nullable=True, comment="the command or call as typed"),
        sa.Column(
            "parameters_typed",
            sa.JSON().with_variant(postgresql.JSONB(), "postgresql"),
            nullable=True,
            comment="parameters as typed",
        ),
        sa.Column(
            "parameters",
            sa.JSON().with_variant(postgresql.JSONB(), "postgresql"),
            nullable=False,
            comment="parameters as applied",
        ),
        sa.Column(
            "parameters_digest", sa.Text(), nullable=False, comment="SHA-256 of them, hexadecimal"
        ),
        sa.Column(
            "aors",
            sa.JSON().with_variant(postgresql.JSONB(), "postgresql"),
            nullable=True,
            comment="keys of the AORs that it is over, in order",
        ),
        sa.Column(
            "inputs_digest",
            sa.Text(),
            nullable=True,
            comment="SHA-256 of the inputs' hashes and roles, hexadecimal",
        ),
        sa.Column(
            "software_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=True,
            comment="what it was made with",
        ),
        sa.Column(
            "response_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=True,
            comment="the response correction applied",
        ),
        sa.Column(
            "target_list_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=True,
            comment="the list of targets, if any",
        ),
        sa.Column(
            "parent_run_id",
            sa.BigInteger(),
            nullable=True,
            comment="the run it was made from, if any",
        ),
        sa.Column("operator", sa.Text(), nullable=True, comment="who"),
        sa.Column("host", sa.Text(), nullable=True, comment="where"),
        sa.Column("comment", sa.Text(), nullable=True, comment="why"),
        sa.Column("started_at", sa.Text(), nullable=True, comment="UTC"),
        sa.Column("finished_at", sa.Text(), nullable=True, comment="UTC"),
        sa.Column("result_digest", sa.Text(), nullable=True, comment="digest of its results"),
        sa.Column("withdrawn_at", sa.Text(), nullable=True, comment="UTC; NULL where it stands"),
        sa.Column("withdrawn_reason", sa.Text(), nullable=True, comment="why it was withdrawn"),
        sa.CheckConstraint("origin IN ('executed', 'imported')", name=op.f("ck_run_origin")),
        sa.CheckConstraint("state IN ('running', 'finished')", name=op.f("ck_run_state")),
        sa.CheckConstraint("run_id > 0", name=op.f("ck_run_run_id")),
        sa.ForeignKeyConstraint(
            ["parent_run_id"], ["run.run_id"], name=op.f("fk_run_parent_run_id_run")
        ),
        sa.ForeignKeyConstraint(
            ["response_id"], ["calibration.id"], name=op.f("fk_run_response_id_calibration")
        ),
        sa.ForeignKeyConstraint(
            ["software_id"], ["software.id"], name=op.f("fk_run_software_id_software")
        ),
        sa.ForeignKeyConstraint(
            ["target_list_id"], ["target_list.id"], name=op.f("fk_run_target_list_id_target_list")
        ),
        sa.PrimaryKeyConstraint("run_id", name=op.f("pk_run")),
        sa.UniqueConstraint("name_key", name=op.f("uq_run_name_key")),
        sa.UniqueConstraint("uuid", name=op.f("uq_run_uuid")),
        comment="One run of photometry, with all that made it",
    )
    op.create_table(
        "activity",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=False,
            comment="An activity's number in this catalogue",
        ),
        sa.Column(
            "kind",
            sa.Text(),
            nullable=False,
            comment="verify, withdraw, restore, relink, export, ...",
        ),
        sa.Column("run_id", sa.BigInteger(), nullable=True, comment="the run it was done to"),
        sa.Column("started_at", sa.Text(), nullable=False, comment="UTC"),
        sa.Column("ended_at", sa.Text(), nullable=True, comment="UTC"),
        sa.Column("operator", sa.Text(), nullable=True, comment="who"),
        sa.Column("host", sa.Text(), nullable=True, comment="where"),
        sa.Column("outcome", sa.Text(), nullable=True, comment="such as exact or differs"),
        sa.Column(
            "detail",
            sa.JSON().with_variant(postgresql.JSONB(), "postgresql"),
            nullable=True,
            comment="the rest",
        ),
        sa.ForeignKeyConstraint(["run_id"], ["run.run_id"], name=op.f("fk_activity_run_id_run")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_activity")),
        comment="What was done to a run or a link",
    )
    with op.batch_alter_table("activity", schema=None) as batch_op:
        batch_op.create_index("ix_activity_run_id", ["run_id"], unique=False)

    op.create_table(
        "aor_result",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=False,
            comment="An average's number in this catalogue",
        ),
        sa.Column("run_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "target_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("aorkey", sa.BigInteger(), nullable=False, comment="AORKEY"),
        sa.Column("channel", sa.Integer(), nullable=False, comment="IRAC channel, 1 to 4"),
        sa.Column(
            "frame_group",
            sa.Text(),
            nullable=False,
            comment="read mode, frame time and HDR part of the frames averaged: like with like",
        ),
        sa.Column("repeat", sa.Integer(), nullable=False, comment="0; more only in imported runs"),
        sa.Column(
            "row_number",
            sa.BigInteger(),
            nullable=False,
            comment="order in the run's table, from 1",
        ),
        sa.Column(
            "listed",
            sa.Boolean(),
            nullable=False,
            comment="whether the AOR table has a row for it: older ones leave out empty AORs",
        ),
        sa.Column("state", sa.Text(), nullable=False, comment="measured or empty"),
        sa.Column("reason", sa.Text(), nullable=True, comment="why it is empty"),
        sa.Column(
            "target_name", sa.Text(), nullable=False, comment="the target's name in this run"
        ),
        sa.Column(
            "target_ra", sa.Double(), nullable=True, comment="position as measured, ICRS degrees"
        ),
        sa.Column(
            "target_dec", sa.Double(), nullable=True, comment="position as measured, ICRS degrees"
        ),
        sa.Column(
            "target_text",
            sa.Text(),
            nullable=True,
            comment="both coordinates in degrees, as the older tables print",
        ),
        sa.Column("mission", sa.Text(), nullable=True, comment="CRYO or WARM"),
        sa.Column("read_mode", sa.Text(), nullable=True, comment="READMODE"),
        sa.Column("frame_time", sa.Double(), nullable=True, comment="FRAMTIME, seconds"),
        sa.Column("hdr_part", sa.Text(), nullable=True, comment="HDRFRAME"),
        sa.Column(
            "cycling",
            sa.Boolean(),
            nullable=True,
            comment="whether AORLABEL names a cycling dither",
        ),
        sa.Column("dither_scale", sa.Text(), nullable=True, comment="DITHSCAL of the last frame"),
        sa.Column(
            "dither_position", sa.Integer(), nullable=True, comment="DITHPOS of the last frame"
        ),
        sa.Column("date_obs", sa.Text(), nullable=True, comment="DATE_OBS of the last frame"),
        sa.Column(
            "mjd_obs", sa.Double(), nullable=True, comment="MJD_OBS of the last frame, days UTC"
        ),
        sa.Column("n_total", sa.BigInteger(), nullable=True, comment="images"),
        sa.Column("n_workable", sa.BigInteger(), nullable=True, comment="images with a flux"),
        sa.Column(
            "n_rejected",
            sa.BigInteger(),
            nullable=True,
            comment="workable images left out as outliers",
        ),
        sa.Column(
            "n_coordinate_conversion",
            sa.BigInteger(),
            nullable=True,
            comment="images whose WCS failed",
        ),
        sa.Column(
            "n_not_in_fov", sa.BigInteger(), nullable=True, comment="images that miss the target"
        ),
        sa.Column(
            "n_centroiding", sa.BigInteger(), nullable=True, comment="images without a centre"
        ),
        sa.Column(
            "n_aperture_out_of_bounds",
            sa.BigInteger(),
            nullable=True,
            comment="images that cut the annulus",
        ),
        sa.Column(
            "n_bad_center_guess",
            sa.BigInteger(),
            nullable=True,
            comment="images with a centre far from the WCS",
        ),
        sa.Column(
            "n_nan_in_aperture",
            sa.BigInteger(),
            nullable=True,
            comment="images with a hole in the source circle",
        ),
        sa.Column("n_no_background", sa.BigInteger(), nullable=True, comment="images without sky"),
        sa.Column(
            "aperture_correction",
            sa.Double(),
            nullable=True,
            comment="factor applied to every flux",
        ),
        sa.Column(
            "pixel_size", sa.Double(), nullable=True, comment="arcsec, of the conversion to mJy"
        ),
        sa.Column("flux", sa.Double(), nullable=True, comment="mean of the kept images, mJy"),
        sa.Column(
            "error", sa.Double(), nullable=True, comment="their population standard deviation, mJy"
        ),
        sa.Column(
            "standard_error", sa.Double(), nullable=True, comment="standard error of the mean, mJy"
        ),
        sa.Column(
            "creators",
            sa.Text(),
            nullable=True,
            comment="CREATOR of the frames averaged, where they differ",
        ),
        sa.CheckConstraint("state IN ('measured', 'empty')", name=op.f("ck_aor_result_state")),
        sa.ForeignKeyConstraint(["run_id"], ["run.run_id"], name=op.f("fk_aor_result_run_id_run")),
        sa.ForeignKeyConstraint(
            ["target_id"], ["target.id"], name=op.f("fk_aor_result_target_id_target")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_aor_result")),
        sa.UniqueConstraint("run_id", "row_number", name=op.f("uq_aor_result_run_id_row_number")),
        sa.UniqueConstraint(
            "run_id",
            "target_id",
            "aorkey",
            "channel",
            "frame_group",
            "repeat",
            name="uq_aor_result_identity",
        ),
        comment="One average of like frames of one AOR for one target in one run",
    )
    with op.batch_alter_table("aor_result", schema=None) as batch_op:
        batch_op.create_index("ix_aor_result_aorkey", ["aorkey", "channel"], unique=False)

    op.create_table(
        "file",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=False,
            comment="A file content's number in this catalogue",
        ),
        sa.Column(
            "frame_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=False,
            comment="the frame that it shows",
        ),
        sa.Column("kind", sa.Text(), nullable=False, comment="bcd, cbcd, sub2d, bunc, bimsk, ..."),
        sa.Column(
            "version", sa.Integer(), nullable=False, comment="version number of the file's name"
        ),
        sa.Column("name", sa.Text(), nullable=False, comment="the archive's name for it"),
        sa.Column("size", sa.BigInteger(), nullable=False, comment="bytes"),
        sa.Column("sha256", sa.Text(), nullable=False, comment="SHA-256 of all bytes, hexadecimal"),
        sa.Column(
            "data_sha256",
            sa.Text(),
            nullable=False,
            comment="SHA-256 of the pixels as stored, without padding, hexadecimal",
        ),
        sa.Column("bitpix", sa.Integer(), nullable=False, comment="BITPIX: type of a pixel"),
        sa.Column("naxis1", sa.Integer(), nullable=False, comment="NAXIS1: columns"),
        sa.Column("naxis2", sa.Integer(), nullable=False, comment="NAXIS2: rows"),
        sa.Column(
            "naxis3",
            sa.Integer(),
            nullable=True,
            comment="NAXIS3: planes of a subarray cube; NULL for one image",
        ),
        sa.Column(
            "data_offset", sa.BigInteger(), nullable=False, comment="bytes before the first pixel"
        ),
        sa.Column(
            "creator",
            sa.Text(),
            nullable=True,
            comment="CREATOR: version of the processing pipeline",
        ),
        sa.Column(
            "mjd_obs", sa.Double(), nullable=True, comment="MJD_OBS of this header, days UTC"
        ),
        sa.Column(
            "date_obs", sa.Text(), nullable=True, comment="DATE_OBS of this header, as printed"
        ),
        sa.Column("read_mode", sa.Text(), nullable=True, comment="READMODE of this header"),
        sa.Column(
            "frame_time", sa.Double(), nullable=True, comment="FRAMTIME of this header, seconds"
        ),
        sa.Column(
            "exposure_time",
            sa.Double(),
            nullable=True,
            comment="EXPTIME: effective integration a pixel, seconds",
        ),
        sa.Column("hdr_part", sa.Text(), nullable=True, comment="HDRFRAME of this header"),
        sa.Column("dither_position", sa.Integer(), nullable=True, comment="DITHPOS of this header"),
        sa.Column("dither_scale", sa.Text(), nullable=True, comment="DITHSCAL of this header"),
        sa.Column("aor_label", sa.Text(), nullable=True, comment="AORLABEL of this header"),
        sa.Column("object", sa.Text(), nullable=True, comment="OBJECT of this header"),
        sa.Column(
            "ra_ref", sa.Double(), nullable=True, comment="RA_REF of this header, ICRS degrees"
        ),
        sa.Column(
            "dec_ref", sa.Double(), nullable=True, comment="DEC_REF of this header, ICRS degrees"
        ),
        sa.Column("bunit", sa.Text(), nullable=True, comment="BUNIT"),
        sa.Column("bscale", sa.Double(), nullable=True, comment="BSCALE, where pixels are scaled"),
        sa.Column("bzero", sa.Double(), nullable=True, comment="BZERO, where pixels are scaled"),
        sa.Column("fluxconv", sa.Double(), nullable=True, comment="FLUXCONV: MJy/sr per DN/s"),
        sa.Column("gain", sa.Double(), nullable=True, comment="GAIN: electrons per DN"),
        sa.Column("ronoise", sa.Double(), nullable=True, comment="RONOISE: electrons"),
        sa.Column(
            "wcs",
            sa.JSON().with_variant(postgresql.JSONB(), "postgresql"),
            nullable=True,
            comment="the cards of the world coordinate system, by keyword",
        ),
        sa.Column("first_seen", sa.Text(), nullable=False, comment="when it was taken in, UTC"),
        sa.CheckConstraint("size > 0", name=op.f("ck_file_size")),
        sa.ForeignKeyConstraint(["frame_id"], ["frame.id"], name=op.f("fk_file_frame_id_frame")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_file")),
        sa.UniqueConstraint("sha256", name=op.f("uq_file_sha256")),
        comment="The content of one file, wherever it lies",
    )
    with op.batch_alter_table("file", schema=None) as batch_op:
        batch_op.create_index("ix_file_frame_id_kind", ["frame_id", "kind"], unique=False)

    op.create_table(
        "run_cell",
        sa.Column("run_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("role", sa.Text(), nullable=False, comment="aor_data or img_data"),
        sa.Column("row_number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("title", sa.Text(), nullable=False, comment="title of the column"),
        sa.Column("printed", sa.Text(), nullable=False, comment="what was printed"),
        sa.ForeignKeyConstraint(["run_id"], ["run.run_id"], name=op.f("fk_run_cell_run_id_run")),
        sa.PrimaryKeyConstraint("run_id", "role", "row_number", "title", name=op.f("pk_run_cell")),
        comment="A cell of an imported table that is printed otherwise than its value would be",
    )
    op.create_table(
        "run_log_field",
        sa.Column("run_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False, comment="as printed before the colon"),
        sa.Column("value", sa.Text(), nullable=False, comment="as printed after it"),
        sa.ForeignKeyConstraint(
            ["run_id"], ["run.run_id"], name=op.f("fk_run_log_field_run_id_run")
        ),
        sa.PrimaryKeyConstraint("run_id", "position", name=op.f("pk_run_log_field")),
        comment="One line of an imported run's log",
    )
    op.create_table(
        "run_parameter",
        sa.Column("run_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False, comment="such as radius_source"),
        sa.Column("value", sa.Text(), nullable=True, comment="as text; NULL: not given"),
        sa.Column("number", sa.Double(), nullable=True, comment="as a number, where it is one"),
        sa.ForeignKeyConstraint(
            ["run_id"], ["run.run_id"], name=op.f("fk_run_parameter_run_id_run")
        ),
        sa.PrimaryKeyConstraint("run_id", "name", name=op.f("pk_run_parameter")),
        comment="One parameter of one run, as applied",
    )
    op.create_table(
        "run_problem",
        sa.Column("run_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column(
            "position", sa.Integer(), autoincrement=False, nullable=False, comment="order reported"
        ),
        sa.Column("aorkey", sa.BigInteger(), nullable=False, comment="AORKEY"),
        sa.Column("reason", sa.Text(), nullable=False, comment="why there is no flux"),
        sa.ForeignKeyConstraint(["run_id"], ["run.run_id"], name=op.f("fk_run_problem_run_id_run")),
        sa.PrimaryKeyConstraint("run_id", "position", name=op.f("pk_run_problem")),
        comment="An AOR that gave no flux",
    )
    op.create_table(
        "run_source",
        sa.Column("run_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("role", sa.Text(), nullable=False, comment="aor_data, img_data or log"),
        sa.Column("path", sa.Text(), nullable=False, comment="where it was read"),
        sa.Column("size", sa.BigInteger(), nullable=False, comment="bytes"),
        sa.Column("sha256", sa.Text(), nullable=False, comment="SHA-256 of its bytes, hexadecimal"),
        sa.Column("line_end", sa.Text(), nullable=False, comment="what ends its lines"),
        sa.Column("ended", sa.Boolean(), nullable=False, comment="whether its last line is ended"),
        sa.ForeignKeyConstraint(["run_id"], ["run.run_id"], name=op.f("fk_run_source_run_id_run")),
        sa.PrimaryKeyConstraint("run_id", "position", name=op.f("pk_run_source")),
        comment="A file that an imported run was read from",
    )
    op.create_table(
        "study_run",
        sa.Column(
            "study_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("run_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False, comment="order in the study"),
        sa.Column("label", sa.Text(), nullable=False, comment="such as '(10, 12, 20)'"),
        sa.ForeignKeyConstraint(["run_id"], ["run.run_id"], name=op.f("fk_study_run_run_id_run")),
        sa.ForeignKeyConstraint(
            ["study_id"], ["study.id"], name=op.f("fk_study_run_study_id_study")
        ),
        sa.PrimaryKeyConstraint("study_id", "run_id", name=op.f("pk_study_run")),
        comment="A run of a study",
    )
    op.create_table(
        "file_location",
        sa.Column("path", sa.Text(), nullable=False, comment="absolute path"),
        sa.Column(
            "file_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=False,
            comment="the content last seen there",
        ),
        sa.Column("size", sa.BigInteger(), nullable=False, comment="bytes, as last seen"),
        sa.Column(
            "mtime_ns", sa.BigInteger(), nullable=False, comment="time of change, as last seen, ns"
        ),
        sa.Column(
            "present",
            sa.Boolean(),
            nullable=False,
            comment="whether it was there when last looked for",
        ),
        sa.Column("first_seen", sa.Text(), nullable=False, comment="UTC"),
        sa.Column("last_seen", sa.Text(), nullable=False, comment="UTC"),
        sa.ForeignKeyConstraint(
            ["file_id"], ["file.id"], name=op.f("fk_file_location_file_id_file")
        ),
        sa.PrimaryKeyConstraint("path", name=op.f("pk_file_location")),
        comment="Where a file's content was seen",
    )
    with op.batch_alter_table("file_location", schema=None) as batch_op:
        batch_op.create_index("ix_file_location_file_id", ["file_id"], unique=False)

    op.create_table(
        "header",
        sa.Column(
            "file_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
            comment="the file whose header it is",
        ),
        sa.Column(
            "verbatim",
            sa.LargeBinary(),
            nullable=False,
            comment="the header's blocks, compressed by zlib",
        ),
        sa.Column(
            "cards",
            sa.JSON().with_variant(postgresql.JSONB(), "postgresql"),
            nullable=False,
            comment="[keyword, printed value, number or null] of each card, in order",
        ),
        sa.ForeignKeyConstraint(["file_id"], ["file.id"], name=op.f("fk_header_file_id_file")),
        sa.PrimaryKeyConstraint("file_id", name=op.f("pk_header")),
        comment="One file's header",
    )
    op.create_table(
        "image_result",
        sa.Column(
            "aor_result_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
            comment="the average it counts in",
        ),
        sa.Column(
            "frame_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column(
            "plane",
            sa.Integer(),
            autoincrement=False,
            nullable=False,
            comment="plane of a subarray cube, from 0; -1 for a whole frame",
        ),
        sa.Column(
            "repeat", sa.Integer(), autoincrement=False, nullable=False, comment="0; see aor_result"
        ),
        sa.Column(
            "file_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=True,
            comment="the file measured; NULL if only imported",
        ),
        sa.Column(
            "row_number",
            sa.BigInteger(),
            nullable=False,
            comment="order in the run's table, from 1",
        ),
        sa.Column(
            "file_number",
            sa.BigInteger(),
            nullable=True,
            comment="order within the average, from 1",
        ),
        sa.Column(
            "mjd_obs",
            sa.Double(),
            nullable=True,
            comment="MJD_OBS, days UTC: of the file measured, or as the imported table prints it",
        ),
        sa.Column(
            "flags", sa.BigInteger(), nullable=False, comment="quality flags: see view quality_flag"
        ),
        sa.Column(
            "x_wcs",
            sa.Double(),
            nullable=True,
            comment="WCS position of the target, 0-based pixels",
        ),
        sa.Column(
            "y_wcs",
            sa.Double(),
            nullable=True,
            comment="WCS position of the target, 0-based pixels",
        ),
        sa.Column("x", sa.Double(), nullable=True, comment="fitted centre, 0-based pixels"),
        sa.Column("y", sa.Double(), nullable=True, comment="fitted centre, 0-based pixels"),
        sa.Column(
            "fwhm_x",
            sa.Double(),
            nullable=True,
            comment="full width at half maximum, wider axis, pixels",
        ),
        sa.Column(
            "fwhm_y",
            sa.Double(),
            nullable=True,
            comment="full width at half maximum, narrower axis, pixels",
        ),
        sa.Column("amplitude", sa.Double(), nullable=True, comment="fitted peak, MJy/sr"),
        sa.Column(
            "angle", sa.Double(), nullable=True, comment="of the wider axis from +x, radians"
        ),
        sa.Column(
            "residual_sum",
            sa.Double(),
            nullable=True,
            comment="sum of squared residuals of the fit, (MJy/sr)^2",
        ),
        sa.Column("sky", sa.Double(), nullable=True, comment="background a pixel, MJy/sr"),
        sa.Column(
            "sky_pixels",
            sa.Double(),
            nullable=True,
            comment="area of the annulus that has values, pixels",
        ),
        sa.Column(
            "nan_in_aperture",
            sa.Integer(),
            nullable=True,
            comment="pixels without a value in the source circle",
        ),
        sa.Column(
            "nan_in_annulus",
            sa.Integer(),
            nullable=True,
            comment="pixels without a value in the annulus",
        ),
        sa.Column(
            "raw", sa.Double(), nullable=True, comment="sum in the source circle, MJy/sr x pixel"
        ),
        sa.Column("background", sa.Double(), nullable=True, comment="sky in it, MJy/sr x pixel"),
        sa.Column(
            "array_location_factor",
            sa.Double(),
            nullable=True,
            comment="array-location-dependent response",
        ),
        sa.Column(
            "pixel_phase_factor", sa.Double(), nullable=True, comment="response within the pixel"
        ),
        sa.Column(
            "corrected",
            sa.Double(),
            nullable=True,
            comment="(raw - background) / both factors, MJy/sr x pixel",
        ),
        sa.Column(
            "kept",
            sa.Boolean(),
            nullable=True,
            comment="whether it counts in the average; NULL if not known",
        ),
        sa.Column(
            "rejected_by",
            sa.Text(),
            nullable=True,
            comment="min, max, low or high: the bound that left it out",
        ),
        sa.Column(
            "link_grade",
            sa.Text(),
            nullable=True,
            comment="imported: how sure the link to the frame is, A to D",
        ),
        sa.Column("link_evidence", sa.Text(), nullable=True, comment="imported: why"),
        sa.ForeignKeyConstraint(
            ["aor_result_id"],
            ["aor_result.id"],
            name=op.f("fk_image_result_aor_result_id_aor_result"),
        ),
        sa.ForeignKeyConstraint(
            ["file_id"], ["file.id"], name=op.f("fk_image_result_file_id_file")
        ),
        sa.ForeignKeyConstraint(
            ["frame_id"], ["frame.id"], name=op.f("fk_image_result_frame_id_frame")
        ),
        sa.PrimaryKeyConstraint(
            "aor_result_id", "frame_id", "plane", "repeat", name=op.f("pk_image_result")
        ),
        comment="One measurement of one target on one frame in one run",
    )
    with op.batch_alter_table("image_result", schema=None) as batch_op:
        batch_op.create_index(
            "ix_image_result_file_id",
            ["file_id"],
            unique=False,
            sqlite_where=sa.text("file_id IS NOT NULL"),
            postgresql_where=sa.text("file_id IS NOT NULL"),
        )
        batch_op.create_index("ix_image_result_frame_id", ["frame_id"], unique=False)

    op.create_table(
        "run_input",
        sa.Column("run_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column(
            "file_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("role", sa.Text(), nullable=False, comment="science, wcs, mask or uncertainty"),
        sa.Column(
            "position", sa.BigInteger(), nullable=False, comment="order in which it is measured"
        ),
        sa.ForeignKeyConstraint(["file_id"], ["file.id"], name=op.f("fk_run_input_file_id_file")),
        sa.ForeignKeyConstraint(["run_id"], ["run.run_id"], name=op.f("fk_run_input_run_id_run")),
        sa.PrimaryKeyConstraint("run_id", "file_id", "role", name=op.f("pk_run_input")),
        comment="A file that a run declared before anything was measured",
    )
    with op.batch_alter_table("run_input", schema=None) as batch_op:
        batch_op.create_index("ix_run_input_file_id", ["file_id"], unique=False)


def downgrade() -> None:
    """Drop every table."""
    with op.batch_alter_table("run_input", schema=None) as batch_op:
        batch_op.drop_index("ix_run_input_file_id")

    op.drop_table("run_input")
    with op.batch_alter_table("image_result", schema=None) as batch_op:
        batch_op.drop_index("ix_image_result_frame_id")
        batch_op.drop_index(
            "ix_image_result_file_id",
            sqlite_where=sa.text("file_id IS NOT NULL"),
            postgresql_where=sa.text("file_id IS NOT NULL"),
        )

    op.drop_table("image_result")
    op.drop_table("header")
    with op.batch_alter_table("file_location", schema=None) as batch_op:
        batch_op.drop_index("ix_file_location_file_id")

    op.drop_table("file_location")
    op.drop_table("study_run")
    op.drop_table("run_source")
    op.drop_table("run_problem")
    op.drop_table("run_parameter")
    op.drop_table("run_log_field")
    op.drop_table("run_cell")
    with op.batch_alter_table("file", schema=None) as batch_op:
        batch_op.drop_index("ix_file_frame_id_kind")

    op.drop_table("file")
    with op.batch_alter_table("aor_result", schema=None) as batch_op:
        batch_op.drop_index("ix_aor_result_aorkey")

    op.drop_table("aor_result")
    with op.batch_alter_table("activity", schema=None) as batch_op:
        batch_op.drop_index("ix_activity_run_id")

    op.drop_table("activity")
    op.drop_table("run")
    with op.batch_alter_table("frame", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_frame_time",
            sqlite_where=sa.text("expid IS NULL"),
            postgresql_where=sa.text("expid IS NULL"),
        )
        batch_op.drop_index(
            "uq_frame_exposure",
            sqlite_where=sa.text("expid IS NOT NULL"),
            postgresql_where=sa.text("expid IS NOT NULL"),
        )
        batch_op.drop_index("ix_frame_mjd_obs")
        batch_op.drop_index("ix_frame_aorkey")

    op.drop_table("frame")
    op.drop_table("target_list")
    op.drop_table("target")
    op.drop_table("study")
    op.drop_table("software")
    op.drop_table("file_problem")
    op.drop_table("calibration")
    op.drop_table("aor")
