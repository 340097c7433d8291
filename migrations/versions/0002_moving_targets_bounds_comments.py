"""Targets that move, the bound beyond which an image was left out, comments that lacked."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_ADDED = {
    "aor_result": (
        ("target_pm_ra", "proper motion in RA times cos(Dec), mas/yr"),
        ("target_pm_dec", "proper motion in Dec, mas/yr"),
        ("target_parallax", "mas"),
        ("target_epoch", "Julian year of the position; NULL: as observed, and not moved"),
    ),
    "image_result": (
        ("motion_x", "how far proper motion and parallax moved the WCS position, pixels"),
        ("motion_y", "the same in y, pixels"),
        ("sky_sigma", "scatter of the pixels that the sky rests on, MJy/sr"),
        ("rejection_bound", "the bound that it lies beyond, mJy"),
    ),
}

_DESCRIBED = (
    ("aor_result", "run_id", "the run that made it"),
    ("aor_result", "target_id", "what was measured"),
    ("run_cell", "run_id", "the imported run"),
    ("run_cell", "row_number", "row of that table, from 1"),
    ("run_log_field", "run_id", "the imported run"),
    ("run_log_field", "position", "order of the line, from 1"),
    ("run_parameter", "run_id", "the run"),
    ("run_problem", "run_id", "the run"),
    ("run_source", "run_id", "the imported run"),
    ("run_source", "position", "order in which it was read, from 1"),
    ("study_run", "study_id", "the study"),
    ("study_run", "run_id", "the run"),
    ("image_result", "frame_id", "the frame measured"),
    ("run_input", "run_id", "the run"),
    ("run_input", "file_id", "the file"),
)

_OF_LIST = "[AORKEY, RA, Dec, name, text] of each row"


def upgrade() -> None:
    """Add columns, which are empty for all that was measured before, and comments that lacked."""
    for table, columns in _ADDED.items():
        for name, comment in columns:
            op.add_column(table, sa.Column(name, sa.Double(), nullable=True, comment=comment))
    for table, name, comment in _DESCRIBED:
        _describe(table, name, comment)
    _describe("target_list", "rows", f"{_OF_LIST}, and the motion of one that moves")


def downgrade() -> None:
    """Drop them."""
    for table, name, _ in _DESCRIBED:
        _describe(table, name, None)
    _describe("target_list", "rows", _OF_LIST)
    # Not in a batch, which would make the table anew, and rows that refer to it are in the way.
    for table, columns in _ADDED.items():
        for name, _ in columns:
            op.drop_column(table, name)


def _describe(table: str, name: str, comment: str | None) -> None:
    """Write a column's comment, where the database keeps comments."""
    if op.get_bind().dialect.name == "postgresql":
        op.alter_column(table, name, comment=comment)
