"""What the recipe ``handbook`` needs: times, masks, errors, calibration, warnings kept."""

from __future__ import annotations

import json
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_ADDED: dict[str, tuple[tuple[str, type[Any], str], ...]] = {
    "file": (
        ("pixel_scale_x", sa.Double, "PXSCAL1, arcsec a pixel; its sign is the axis's"),
        ("pixel_scale_y", sa.Double, "PXSCAL2, arcsec a pixel"),
        ("utcs_obs", sa.Double, "UTCS_OBS: start, s from noon of 2000-01-01, UTC, to 1 ms"),
        ("spacecraft_x", sa.Double, "SPTZR_X: from the Sun's centre, J2000 axes, km"),
        ("spacecraft_y", sa.Double, "SPTZR_Y, km"),
        ("spacecraft_z", sa.Double, "SPTZR_Z, km"),
        ("spacecraft_vx", sa.Double, "SPTZR_VX: its velocity along these axes, km/s"),
        ("spacecraft_vy", sa.Double, "SPTZR_VY, km/s"),
        ("spacecraft_vz", sa.Double, "SPTZR_VZ, km/s"),
        (
            "header_marks",
            sa.Integer,
            "what its header says is wrong: iracdb.irac.header_marks",
        ),
        ("dark_sky", sa.Double, "SKYDRKZB: sky that the dark took away, MJy/sr"),
        ("fpa_temperature", sa.Double, "AFPAT2B: temperature of the detector, kelvin"),
        ("jitter", sa.Double, "RMS_JIT: jitter of the pointing, arcsec"),
    ),
    "aor_result": (
        ("n_fatal_in_aperture", sa.BigInteger, "images with a fatal pixel in the circle"),
        ("n_header_mark", sa.BigInteger, "images that their headers mark as bad"),
        ("mjd_mid", sa.Double, "mean of the kept images' middles, days UTC"),
        ("bjd_mid", sa.Double, "the same seen from the barycentre, Julian days TDB"),
        ("colour_correction", sa.Double, "K, by which every flux is divided"),
        ("expected_noise", sa.Double, "noise expected of one image, mJy: rms of the kept"),
        ("upper_limit", sa.Double, "of a flux not above 3 standard errors: 3 above it, mJy"),
        ("marks", sa.Text, "what to know of it, in words of iracdb.runs.marks"),
    ),
    "image_result": (
        ("mjd_start", sa.Double, "start of the exposure or of its plane, to 1 ms, days UTC"),
        ("mjd_mid", sa.Double, "middle of the exposure, or of the planes used, days UTC"),
        ("bjd_mid", sa.Double, "the same seen from the barycentre, Julian days TDB"),
        ("calibration_factor", sa.Double, "FLUXCONV asked for over the file's; 1 for none"),
        ("masked_in_aperture", sa.Integer, "fatal pixels in the source circle"),
        ("masked_in_annulus", sa.Integer, "fatal pixels in the annulus"),
        ("net_error", sa.Double, "of the net sum by the uncertainty file, MJy/sr x pixel"),
        ("expected_noise", sa.Double, "of the net sum by its electrons, MJy/sr x pixel"),
        ("peak", sa.Double, "brightest pixel of the source circle, MJy/sr"),
        ("well_fraction", sa.Double, "its electrons over the full well"),
        ("noise_pixels", sa.Double, "(sum of net values)^2 over the sum of their squares"),
    ),
}

_NUMBERS = {
    "pixel_scale_x": "PXSCAL1",
    "pixel_scale_y": "PXSCAL2",
    "utcs_obs": "UTCS_OBS",
    "spacecraft_x": "SPTZR_X",
    "spacecraft_y": "SPTZR_Y",
    "spacecraft_z": "SPTZR_Z",
    "spacecraft_vx": "SPTZR_VX",
    "spacecraft_vy": "SPTZR_VY",
    "spacecraft_vz": "SPTZR_VZ",
    "dark_sky": "SKYDRKZB",
    "fpa_temperature": "AFPAT2B",
    "jitter": "RMS_JIT",
}
_MANY = 200


def upgrade() -> None:
    """Add columns; those of files are read from the headers held, others stay empty."""
    for table, columns in _ADDED.items():
        for name, kind, comment in columns:
            op.add_column(table, sa.Column(name, kind(), nullable=True, comment=comment))
    op.create_table(
        "run_warning",
        sa.Column(
            "run_id", sa.BigInteger(), autoincrement=False, nullable=False, comment="the run"
        ),
        sa.Column(
            "position", sa.Integer(), autoincrement=False, nullable=False, comment="order told"
        ),
        sa.Column(
            "sentence",
            sa.Text(),
            nullable=False,
            comment="what the user was told before it was made",
        ),
        sa.ForeignKeyConstraint(["run_id"], ["run.run_id"], name=op.f("fk_run_warning_run_id_run")),
        sa.PrimaryKeyConstraint("run_id", "position", name=op.f("pk_run_warning")),
        comment="What was to be known of a run before it was made",
    )
    _fill_files()


def _fill_files() -> None:
    connection = op.get_bind()
    header = sa.table("header", sa.column("file_id"), sa.column("cards"))
    file = sa.table("file", sa.column("id"), sa.column("header_marks"),
                    *(sa.column(name) for name in _NUMBERS))  # fmt: skip
    last = 0
    while True:
        rows = connection.execute(
            sa.select(header.c.file_id, header.c.cards)
            .where(header.c.file_id > last)
            .order_by(header.c.file_id)
            .limit(_MANY)
        ).all()
        if not rows:
            return
        last = rows[-1].file_id
        told = [_told(row.cards) | {"this_file": row.file_id} for row in rows]
        names = (*_NUMBERS, "header_marks")
        connection.execute(
            sa.update(file)
            .where(file.c.id == sa.bindparam("this_file"))
            .values({name: sa.bindparam(f"new_{name}") for name in names}),
            told,
        )


def _told(cards: Any) -> dict[str, Any]:
    """Read what the new columns hold from a header's cards."""
    first: dict[str, tuple[str, float | None]] = {}
    for keyword, text, number in json.loads(cards) if isinstance(cards, str) else cards:
        first.setdefault(keyword, (text, number))
    told = {f"new_{name}": first.get(key, ("", None))[1] for name, key in _NUMBERS.items()}
    return {**told, "new_header_marks": _marks(first)}


# The answer with which each card marks a frame, and its bit.
_MARKS = {
    "MISSDATA": (1, True),
    "MISS_LCT": (2, True),
    "BADTRIG": (4, True),
    "ZEROPIX": (8, True),
    "PTGCPD": (16, True),
    "USEDBPHF": (32, False),
}
_WORDS = {"T": True, "TRUE": True, "Y": True, "YES": True,
          "F": False, "FALSE": False, "N": False, "NO": False}  # fmt: skip


def _marks(first: dict[str, tuple[str, float | None]]) -> int:
    def answer(keyword: str) -> bool | None:
        text, number = first.get(keyword, ("", None))
        return _WORDS.get(text.strip().upper(), None if number is None else number != 0)

    return sum(bit for keyword, (bit, bad) in _MARKS.items() if answer(keyword) is bad)


def downgrade() -> None:
    """Drop them."""
    op.drop_table("run_warning")
    for table, columns in _ADDED.items():
        for name, _, _ in columns:
            op.drop_column(table, name)
