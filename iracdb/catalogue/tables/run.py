"""Runs: what was asked, of what, with what, and what was done with it since."""

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
    UniqueConstraint,
)

from iracdb.catalogue.tables.metadata import Json, identifier, metadata

calibration = Table(
    "calibration",
    metadata,
    identifier("A calibration's number in this catalogue"),
    Column("kind", Text, nullable=False, comment="response, aperture-correction, idl-source"),
    Column("name", Text, nullable=False, comment="such as 'native'"),
    Column("sha256", Text, nullable=False, comment="SHA-256 of its content, hexadecimal"),
    Column("origin", Text, comment="where it comes from"),
    Column("content", Json, comment="its numbers"),
    UniqueConstraint("sha256"),
    comment="A correction table or engine, by its content",
)

software = Table(
    "software",
    metadata,
    identifier("An environment's number in this catalogue"),
    Column("digest", Text, nullable=False, comment="SHA-256 of all that follows, hexadecimal"),
    Column("iracdb", Text, nullable=False, comment="version"),
    Column("git_commit", Text, comment="commit of the source tree, where it is one"),
    Column("git_clean", Integer, comment="1 where nothing was uncommitted, 0 where something was"),
    Column("git_changes", Text, comment="what was uncommitted, as a diff"),
    Column("python", Text, nullable=False, comment="version"),
    Column("platform", Text, nullable=False, comment="operating system and machine"),
    Column("packages", Json, nullable=False, comment="versions by name: numpy, astropy, ..."),
    UniqueConstraint("digest"),
    comment="The program and everything under it",
)

run = Table(
    "run",
    metadata,
    Column(
        "run_id",
        BigInteger,
        primary_key=True,
        autoincrement=False,
        comment="the run's number in this catalogue",
    ),
    Column("uuid", Text, nullable=False, comment="the same in every catalogue"),
    Column("name", Text, nullable=False, comment="such as run13"),
    Column("name_key", Text, nullable=False, comment="the name in lower case, which is unique"),
    Column("origin", Text, nullable=False, comment="executed or imported"),
    Column("state", Text, nullable=False, comment="running or finished"),
    Column("recipe", Text, comment="named set of measuring parameters"),
    Column("channel", Integer, comment="IRAC channel, 1 to 4"),
    Column("kind", Text, comment="kind of file measured"),
    Column("layout", Text, nullable=False, comment="layout of its tables"),
    Column("command", Text, comment="the command or call as typed"),
    Column("parameters_typed", Json, comment="parameters as typed"),
    Column("parameters", Json, nullable=False, comment="parameters as applied"),
    Column("parameters_digest", Text, nullable=False, comment="SHA-256 of them, hexadecimal"),
    Column("aors", Json, comment="keys of the AORs that it is over, in order"),
    Column("inputs_digest", Text, comment="SHA-256 of the inputs' hashes and roles, hexadecimal"),
    Column("software_id", ForeignKey("software.id"), comment="what it was made with"),
    Column("response_id", ForeignKey("calibration.id"), comment="the response correction applied"),
    Column("target_list_id", ForeignKey("target_list.id"), comment="the list of targets, if any"),
    Column("parent_run_id", ForeignKey("run.run_id"), comment="the run it was made from, if any"),
    Column("operator", Text, comment="who"),
    Column("host", Text, comment="where"),
    Column("comment", Text, comment="why"),
    Column("started_at", Text, comment="UTC"),
    Column("finished_at", Text, comment="UTC"),
    Column("result_digest", Text, comment="digest of its results"),
    Column("withdrawn_at", Text, comment="UTC; NULL where it stands"),
    Column("withdrawn_reason", Text, comment="why it was withdrawn"),
    UniqueConstraint("uuid"),
    UniqueConstraint("name_key"),
    CheckConstraint("run_id > 0", name="run_id"),
    CheckConstraint("state IN ('running', 'finished')", name="state"),
    CheckConstraint("origin IN ('executed', 'imported')", name="origin"),
    comment="One run of photometry, with all that made it",
)

run_parameter = Table(
    "run_parameter",
    metadata,
    Column(
        "run_id", ForeignKey("run.run_id"), primary_key=True, autoincrement=False, comment="the run"
    ),
    Column("name", Text, primary_key=True, comment="such as radius_source"),
    Column("value", Text, comment="as text; NULL: not given"),
    Column("number", Double, comment="as a number, where it is one"),
    comment="One parameter of one run, as applied",
)

run_input = Table(
    "run_input",
    metadata,
    Column(
        "run_id", ForeignKey("run.run_id"), primary_key=True, autoincrement=False, comment="the run"
    ),
    Column(
        "file_id", ForeignKey("file.id"), primary_key=True, autoincrement=False, comment="the file"
    ),
    Column("role", Text, primary_key=True, comment="science, wcs, mask or uncertainty"),
    Column("position", BigInteger, nullable=False, comment="order in which it is measured"),
    comment="A file that a run declared before anything was measured",
)
Index("ix_run_input_file_id", run_input.c.file_id)

run_problem = Table(
    "run_problem",
    metadata,
    Column(
        "run_id", ForeignKey("run.run_id"), primary_key=True, autoincrement=False, comment="the run"
    ),
    Column("position", Integer, primary_key=True, autoincrement=False, comment="order reported"),
    Column("aorkey", BigInteger, nullable=False, comment="AORKEY"),
    Column("reason", Text, nullable=False, comment="why there is no flux"),
    comment="An AOR that gave no flux",
)

run_warning = Table(
    "run_warning",
    metadata,
    Column(
        "run_id", ForeignKey("run.run_id"), primary_key=True, autoincrement=False, comment="the run"
    ),
    Column("position", Integer, primary_key=True, autoincrement=False, comment="order told"),
    Column("sentence", Text, nullable=False, comment="what the user was told before it was made"),
    comment="What was to be known of a run before it was made",
)

run_source = Table(
    "run_source",
    metadata,
    Column(
        "run_id",
        ForeignKey("run.run_id"),
        primary_key=True,
        autoincrement=False,
        comment="the imported run",
    ),
    Column(
        "position",
        Integer,
        primary_key=True,
        autoincrement=False,
        comment="order in which it was read, from 1",
    ),
    Column("role", Text, nullable=False, comment="aor_data, img_data or log"),
    Column("path", Text, nullable=False, comment="where it was read"),
    Column("size", BigInteger, nullable=False, comment="bytes"),
    Column("sha256", Text, nullable=False, comment="SHA-256 of its bytes, hexadecimal"),
    Column("line_end", Text, nullable=False, comment="what ends its lines"),
    Column("ended", Boolean, nullable=False, comment="whether its last line is ended"),
    comment="A file that an imported run was read from",
)

run_cell = Table(
    "run_cell",
    metadata,
    Column(
        "run_id",
        ForeignKey("run.run_id"),
        primary_key=True,
        autoincrement=False,
        comment="the imported run",
    ),
    Column("role", Text, primary_key=True, comment="aor_data or img_data"),
    Column(
        "row_number",
        BigInteger,
        primary_key=True,
        autoincrement=False,
        comment="row of that table, from 1",
    ),
    Column("title", Text, primary_key=True, comment="title of the column"),
    Column("printed", Text, nullable=False, comment="what was printed"),
    comment="A cell of an imported table that is printed otherwise than its value would be",
)

run_log_field = Table(
    "run_log_field",
    metadata,
    Column(
        "run_id",
        ForeignKey("run.run_id"),
        primary_key=True,
        autoincrement=False,
        comment="the imported run",
    ),
    Column(
        "position",
        Integer,
        primary_key=True,
        autoincrement=False,
        comment="order of the line, from 1",
    ),
    Column("name", Text, nullable=False, comment="as printed before the colon"),
    Column("value", Text, nullable=False, comment="as printed after it"),
    comment="One line of an imported run's log",
)

study = Table(
    "study",
    metadata,
    identifier("A study's number in this catalogue"),
    Column("name", Text, nullable=False, comment="such as rad_test_hd"),
    Column("kind", Text, nullable=False, comment="such as radius-test"),
    Column("comment", Text, comment="why"),
    Column("created_at", Text, nullable=False, comment="UTC"),
    UniqueConstraint("name"),
    comment="Runs that belong together",
)

study_run = Table(
    "study_run",
    metadata,
    Column(
        "study_id",
        ForeignKey("study.id"),
        primary_key=True,
        autoincrement=False,
        comment="the study",
    ),
    Column(
        "run_id", ForeignKey("run.run_id"), primary_key=True, autoincrement=False, comment="the run"
    ),
    Column("position", Integer, nullable=False, comment="order in the study"),
    Column("label", Text, nullable=False, comment="such as '(10, 12, 20)'"),
    comment="A run of a study",
)

activity = Table(
    "activity",
    metadata,
    identifier("An activity's number in this catalogue"),
    Column("kind", Text, nullable=False, comment="verify, withdraw, restore, relink, export, ..."),
    Column("run_id", ForeignKey("run.run_id"), comment="the run it was done to"),
    Column("started_at", Text, nullable=False, comment="UTC"),
    Column("ended_at", Text, comment="UTC"),
    Column("operator", Text, comment="who"),
    Column("host", Text, comment="where"),
    Column("outcome", Text, comment="such as exact or differs"),
    Column("detail", Json, comment="the rest"),
    comment="What was done to a run or a link",
)
Index("ix_activity_run_id", activity.c.run_id)
