"""The views: everything that can be derived is.

Views are never migrated. They are dropped before an upgrade and rebuilt from the layouts at head;
a run that finishes calls the same function. Each column's SQL is the same on both databases.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, exc, inspect, select

from iracdb.catalogue import obscore
from iracdb.catalogue.tables import run
from iracdb.errors import CannotWrite, RunRefused
from iracdb.flags import FLAGS, flag_of_column
from iracdb.layouts import DEFAULT_LAYOUT, LAYOUTS, MISSING_TEXT, Column, Layout
from iracdb.more_columns import AOR_MORE

AOR_SQL: dict[str, str] = {
    "aorkey": "a.aorkey",
    "target_ra": "a.target_ra",
    "target_dec": "a.target_dec",
    "target_text": "a.target_text",
    "date_obs": "a.date_obs",
    "mission": "a.mission",
    "read_mode": "a.read_mode",
    "workable_total": "CAST(a.n_workable AS TEXT) || '/' || CAST(a.n_total AS TEXT)",
    "cycling": "CASE WHEN a.cycling THEN 'YES' ELSE 'NO' END",
    "dither_scale": f"COALESCE(a.dither_scale, '{MISSING_TEXT}')",
    "dither_position": f"COALESCE(CAST(a.dither_position AS TEXT), '{MISSING_TEXT}')",
    "frame_time": "a.frame_time",
    "mjd": "a.mjd_obs",
    "flux": "a.flux",
    "error": "a.error",
    "spread": "a.error / NULLIF(a.flux, 0) * 100 + 0.0",
    "rejected": "a.n_rejected",
    "noise_ratio": "a.error / NULLIF(a.expected_noise, 0)",
    "target": "a.target_name",
    "group": "a.frame_group",
    **{
        name: f"a.{name}"
        for name in (
            "channel",
            "repeat",
            "target_pm_ra",
            "target_pm_dec",
            "target_parallax",
            "target_epoch",
            "state",
            "reason",
            "hdr_part",
            "n_total",
            "n_workable",
            "n_coordinate_conversion",
            "n_not_in_fov",
            "n_centroiding",
            "n_aperture_out_of_bounds",
            "n_bad_center_guess",
            "n_nan_in_aperture",
            "n_no_background",
            "aperture_correction",
            "pixel_size",
            "standard_error",
            "creators",
            "n_fatal_in_aperture",
            "n_header_mark",
            "mjd_mid",
            "bjd_mid",
            "colour_correction",
            "expected_noise",
            "upper_limit",
            "marks",
        )
    },
}
"""Where the database keeps what a column of averages shows; ``a`` is ``aor_result``."""

IMG_SQL: dict[str, str] = {
    "file_number": "i.file_number",
    "x": "i.x",
    "y": "i.y",
    "fwhm_x": "i.fwhm_x",
    "fwhm_y": "i.fwhm_y",
    "mjd": "COALESCE(i.mjd_obs, f.mjd_obs, e.mjd_obs)",
    "raw": "i.raw",
    "background": "i.background",
    "net": "i.raw - i.background",
    "target": "a.target_name",
    "aorkey": "a.aorkey",
    "group": "a.frame_group",
    "expid": "e.expid",
    "dcenum": "e.dcenum",
    "file": "f.name",
    "sha256": "f.sha256",
    "creator": "f.creator",
    "fluxconv": "f.fluxconv",
    "kept": "CASE WHEN i.kept THEN 1 WHEN NOT i.kept THEN 0 END",
    **{
        name: f"i.{name}"
        for name in (
            "plane",
            "flags",
            "x_wcs",
            "y_wcs",
            "motion_x",
            "motion_y",
            "amplitude",
            "angle",
            "residual_sum",
            "sky",
            "sky_sigma",
            "sky_pixels",
            "nan_in_aperture",
            "nan_in_annulus",
            "array_location_factor",
            "pixel_phase_factor",
            "corrected",
            "rejected_by",
            "rejection_bound",
            "link_grade",
            "mjd_start",
            "mjd_mid",
            "bjd_mid",
            "calibration_factor",
            "masked_in_aperture",
            "masked_in_annulus",
            "net_error",
            "expected_noise",
            "peak",
            "well_fraction",
            "noise_pixels",
        )
    },
}
"""The same for images; ``i`` is ``image_result``, ``e`` the frame, ``f`` the file."""

AOR_SOURCE = "aor_result a JOIN run r ON r.run_id = a.run_id"
"""The tables behind an AOR table."""

IMG_SOURCE = (
    "image_result i JOIN aor_result a ON a.id = i.aor_result_id "
    "JOIN run r ON r.run_id = a.run_id "
    "JOIN frame e ON e.id = i.frame_id LEFT JOIN file f ON f.id = i.file_id"
)
"""The tables behind an image table."""

_STANDING = "r.state = 'finished' AND r.withdrawn_at IS NULL"
# An imported table may lack the row of an AOR whose images it has.
_LISTED = "a.listed"

_HEADER_CARD = {
    "sqlite": (
        "SELECT h.file_id, f.name AS file, json_extract(c.value, '$[0]') AS keyword, "
        "c.key AS position, json_extract(c.value, '$[1]') AS text, "
        "CAST(json_extract(c.value, '$[2]') AS REAL) AS number "
        "FROM header h JOIN file f ON f.id = h.file_id, json_each(h.cards) c"
    ),
    "postgresql": (
        "SELECT h.file_id, f.name AS file, c.card ->> 0 AS keyword, "
        "CAST(c.place - 1 AS INTEGER) AS position, c.card ->> 1 AS text, "
        "CAST(c.card ->> 2 AS DOUBLE PRECISION) AS number "
        "FROM header h JOIN file f ON f.id = h.file_id "
        "CROSS JOIN LATERAL jsonb_array_elements(h.cards) WITH ORDINALITY AS c (card, place)"
    ),
}

# What PostgreSQL says where a view cannot be dropped: something depends on it, it is not ours.
_DEPENDED_ON, _NOT_OURS = "2BP01", "42501"

_ALL_RUNS = ("run_aor_data", "run_img_data")
_FIXED = (*_ALL_RUNS, "header_card", "quality_flag", obscore.NAME)


def view_names(run_name: str) -> tuple[str, str]:
    """Names of the two views of one run.

    Parameters
    ----------
    run_name : str
        Such as ``'run13'``; its case does not matter.

    Returns
    -------
    tuple of str
        Of the AOR table and of the image table.
    """
    return f"{run_name.lower()}_aor_data", f"{run_name.lower()}_img_data"


def drop_all(connection: Connection) -> None:
    """Drop every view of ours.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        In a transaction that may write.
    """
    for name in inspect(connection).get_view_names():
        if name in _FIXED or name.endswith(("_aor_data", "_img_data")):
            _execute(connection, f'DROP VIEW "{name}"')


def rebuild_all(connection: Connection) -> None:
    """Make every view anew, from the layouts and the runs held.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        In a transaction that may write, at head.
    """
    drop_all(connection)
    dialect = connection.dialect.name
    _create(connection, "quality_flag", _quality_flag_sql())
    _create(connection, "header_card", _HEADER_CARD[dialect])
    _create(connection, obscore.NAME, obscore.view_sql(dialect))
    layout = LAYOUTS[DEFAULT_LAYOUT]
    _create(
        connection,
        "run_aor_data",
        f"SELECT r.run_id, r.name AS run_name, a.target_name AS target, a.channel, "
        f"{_columns(layout.aor, layout)} FROM {AOR_SOURCE} WHERE {_STANDING} AND {_LISTED}",
    )
    _create(
        connection,
        "run_img_data",
        f'SELECT r.run_id, r.name AS run_name, a.target_name AS target, a.aorkey AS "AORKEY", '
        f"a.channel, f.name AS file_name, f.sha256, i.frame_id, i.plane, i.row_number, "
        f"{_columns_where_told(layout)} FROM {IMG_SOURCE} WHERE {_STANDING}",
    )
    finished = select(run.c.run_id).where(run.c.state == "finished", run.c.withdrawn_at.is_(None))
    for run_id in connection.execute(finished.order_by(run.c.run_id)).scalars().all():
        create_run_views(connection, run_id)


def create_run_views(connection: Connection, run_id: int) -> None:
    """Make the two views of one finished run.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        In a transaction that may write.
    run_id : int
        A run that is held.
    """
    row = connection.execute(select(run.c.name, run.c.layout).where(run.c.run_id == run_id)).one()
    layout = LAYOUTS[row.layout]
    aor_view, img_view = view_names(row.name)
    this_run = f"a.run_id = {int(run_id)}"
    for view, columns, source, which in (
        (aor_view, layout.aor, AOR_SOURCE, f"{this_run} AND {_LISTED}"),
        (img_view, layout.img, IMG_SOURCE, this_run),
    ):
        _create(connection, view, f"SELECT {_columns(columns, layout)} FROM {source} WHERE {which}")


def drop_run_views(connection: Connection, run_name: str) -> None:
    """Drop the two views of one run.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        In a transaction that may write.
    run_name : str
        Its name; the case does not matter.

    Raises
    ------
    RunRefused
        Where another view names one of them, which PostgreSQL does not allow to be dropped then.
    CannotWrite
        Where they are another user's.
    """
    for view in view_names(run_name):
        try:
            _execute(connection, f'DROP VIEW IF EXISTS "{view}"')
        except exc.DBAPIError as problem:
            state = getattr(problem.orig, "sqlstate", None)
            if state == _DEPENDED_ON:
                who = " ".join(str(problem.orig.diag.message_detail).split())  # type: ignore[union-attr]
                raise RunRefused(f"Drop what others made of its views first: {who}") from None
            if state == _NOT_OURS:
                raise CannotWrite(f"The view {view} is another user's: ask its owner") from None
            raise


_OF_AVERAGES = frozenset((*(c for layout in LAYOUTS.values() for c in layout.aor), *AOR_MORE))
"""Columns of tables of averages. Those that tables of images have too, target and AORKEY, are told
by the average."""


def column_sql(column: Column, layout: Layout) -> str:
    """Write the expression behind a column of a layout.

    Parameters
    ----------
    column : iracdb.layouts.Column
        Of an AOR or an image table.
    layout : iracdb.layouts.Layout
        Whose flags have letters.

    Returns
    -------
    str
        SQL over the aliases a, i, e and f.
    """
    if column.key.startswith("flag:"):
        bit = flag_of_column(column.key.removeprefix("flag:")).bit
        return f"CASE WHEN (i.flags & {bit}) <> 0 THEN '{layout.yes}' ELSE '{layout.no}' END"
    return AOR_SQL[column.key] if column in _OF_AVERAGES else IMG_SQL[column.key]


def _columns(columns: Iterable[Column], layout: Layout) -> str:
    return ", ".join(f'{column_sql(column, layout)} AS "{column.title}"' for column in columns)


def _columns_where_told(layout: Layout) -> str:
    """Write the image columns for all runs: NULL where a run's own table has no such column."""
    written = []
    for column in layout.img:
        titles = {name: [c.title for c in other.img] for name, other in LAYOUTS.items()}
        silent = sorted(name for name, told in titles.items() if column.title not in told)
        sql = column_sql(column, layout)
        if silent:
            names = ", ".join(f"'{name}'" for name in silent)
            sql = f"CASE WHEN r.layout IN ({names}) THEN NULL ELSE {sql} END"
        written.append(f'{sql} AS "{column.title}"')
    return ", ".join(written)


def _quality_flag_sql() -> str:
    rows = []
    for flag in FLAGS:
        shown = "NULL" if flag.column is None else f"'{flag.column}'"
        sentence = flag.sentence.replace("'", "''")
        rows.append(
            f"SELECT {flag.bit} AS bit, '{flag.name}' AS name, "
            f"CAST({shown} AS TEXT) AS column_title, '{sentence}' AS sentence"
        )
    return " UNION ALL ".join(rows)


def _create(connection: Connection, name: str, sql: str) -> None:
    _execute(connection, f'DROP VIEW IF EXISTS "{name}"')
    _execute(connection, f'CREATE VIEW "{name}" AS {sql}')


def _execute(connection: Connection, statement: str) -> None:
    # Titles hold % and :, so the text goes to the driver as it is.
    connection.exec_driver_sql(statement, execution_options={"no_parameters": True})
