"""A simulated archive: frames of stars whose place and flux density are known.

`simulate_archive` writes a whole small archive with the truth beside it. `simulate_frame` makes
one frame of whatever is asked for with a `FrameSpec`, and `write_fits` writes it.
"""

from iracdb.irac.simulate.archive import (
    TRUTH_NAME,
    BadPath,
    SimulatedArchive,
    file_path,
    read_truth,
    simulate_archive,
)
from iracdb.irac.simulate.cards import Card, write_fits
from iracdb.irac.simulate.companions import companions
from iracdb.irac.simulate.frame import FrameTruth, frame_truth, light, simulate_frame
from iracdb.irac.simulate.response import location_factor, phase_factor
from iracdb.irac.simulate.spec import ExtraStar, FrameSpec
from iracdb.irac.simulate.star import calibrated_fraction, encircled_energy, total_light

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
    "encircled_energy",
    "file_path",
    "frame_truth",
    "light",
    "location_factor",
    "phase_factor",
    "read_truth",
    "simulate_archive",
    "simulate_frame",
    "total_light",
    "write_fits",
]
