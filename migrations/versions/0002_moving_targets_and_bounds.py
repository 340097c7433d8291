"""Targets that move, and the bound beyond which an image was left out."""

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
        ("rejection_bound", "the bound that it lies beyond, mJy"),
    ),
}


def upgrade() -> None:
    """Add columns; they are empty for all that was measured before."""
    for table, columns in _ADDED.items():
        for name, comment in columns:
            op.add_column(table, sa.Column(name, sa.Double(), nullable=True, comment=comment))


def downgrade() -> None:
    """Drop them."""
    # Not in a batch, which would make the table anew, and rows that refer to it are in the way.
    for table, columns in _ADDED.items():
        for name, _ in columns:
            op.drop_column(table, name)
