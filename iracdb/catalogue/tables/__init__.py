"""The tables, one module a room. Migrations make them; this is what they must come to."""

from iracdb.catalogue.tables.file import file, file_location, file_problem, header
from iracdb.catalogue.tables.metadata import metadata
from iracdb.catalogue.tables.observation import aor, frame
from iracdb.catalogue.tables.result import LATER_COLUMNS, aor_result, image_result
from iracdb.catalogue.tables.run import (
    activity,
    calibration,
    run,
    run_cell,
    run_input,
    run_log_field,
    run_parameter,
    run_problem,
    run_source,
    run_warning,
    software,
    study,
    study_run,
)
from iracdb.catalogue.tables.target import target, target_list

__all__ = [
    "LATER_COLUMNS",
    "activity",
    "aor",
    "aor_result",
    "calibration",
    "file",
    "file_location",
    "file_problem",
    "frame",
    "header",
    "image_result",
    "metadata",
    "run",
    "run_cell",
    "run_input",
    "run_log_field",
    "run_parameter",
    "run_problem",
    "run_source",
    "run_warning",
    "software",
    "study",
    "study_run",
    "target",
    "target_list",
]
