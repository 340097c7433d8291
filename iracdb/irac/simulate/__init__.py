"""A simulated archive: frames of stars whose place and flux density are known.

`simulate_archive` writes a whole small archive with the truth beside it. `simulate_frame` makes
one frame of whatever is asked for with a `FrameSpec`, and `write_fits` writes it. `write_series`
writes an archive of frames of one's own choice.
"""

from iracdb.irac.simulate.archive import (
    TRUTH_NAME,
    BadPath,
    SimulatedArchive,
    file_path,
    read_truth,
    simulate_archive,
    write_series,
)
from iracdb.irac.simulate.cards import Card, write_fits
from iracdb.irac.simulate.companions import companions
from iracdb.irac.simulate.frame import (
    FrameTruth,
    frame_truth,
    light,
    plane_light,
    simulate_frame,
)
from iracdb.irac.simulate.planes import eclipse, follow, plane_times, with_plane_habits
from iracdb.irac.simulate.response import location_factor, phase_factor
from iracdb.irac.simulate.series import hdr_pairs
from iracdb.irac.simulate.spec import ExtraStar, FrameSpec
from iracdb.irac.simulate.star import calibrated_fraction, encircled_energy, total_light
from iracdb.irac.simulate.table_star import (
    table_calibrated_fraction,
    table_encircled_energy,
    table_total_light,
)

__all__ = [
    "TRUTH_NAME",
    "BadPath",
    "Card",
    "ExtraStar",
    "FrameSpec",
    "FrameTruth",
    "SimulatedArchive",
    "calibrated_fraction",
    "companions",
    "eclipse",
    "encircled_energy",
    "file_path",
    "follow",
    "frame_truth",
    "hdr_pairs",
    "light",
    "location_factor",
    "phase_factor",
    "plane_light",
    "plane_times",
    "read_truth",
    "simulate_archive",
    "simulate_frame",
    "table_calibrated_fraction",
    "table_encircled_energy",
    "table_total_light",
    "total_light",
    "with_plane_habits",
    "write_fits",
    "write_series",
]
