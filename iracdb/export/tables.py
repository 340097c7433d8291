"""A run's tables as files, in any of the formats."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterable
from pathlib import Path

from astropy.io.votable.exceptions import W03
from astropy.io.votable.tree import Param, Resource, TableElement, VOTableFile
from astropy.table import QTable

from iracdb.catalogue.clock import now
from iracdb.errors import RunRefused, UsageError
from iracdb.export.csv_tables import csv_content
from iracdb.export.log import log_text
from iracdb.export.recording import record_export
from iracdb.export.writing import write_files
from iracdb.layouts import LAYOUTS, Layout
from iracdb.runs.digest import ResultDigest
from iracdb.runs.results import Run
from iracdb.runs.stored_columns import read_columns
from iracdb.runs.tables import Which, columns_of

FORMATS = {"csv": "csv", "ecsv": "ecsv", "votable": "vot"}
"""Formats by name, and the ending of their files."""


def export_run(
    run: Run,
    folder: str | Path,
    *,
    formats: Iterable[str] = ("csv",),
    layout: str | None = None,
    overwrite: bool = False,
) -> list[Path]:
    """Write a run's AOR table, image table and log, and note that as an activity.

    Parameters
    ----------
    run : Run
        A finished run.
    folder : path
        Where to; made where it is not there.
    formats : iterable of str, optional
        Of `FORMATS`.
    layout : str, optional
        Name of another layout than the run's own, for CSV.
    overwrite : bool, optional
        Whether files that hold something else may be replaced.

    Returns
    -------
    list of Path
        The files written.

    Raises
    ------
    RunRefused
        Where the run is not finished.
    UsageError
        Where there is no such format or layout, or the layout cannot hold the run.
    CannotWrite
        Where a file cannot be written.
    """
    if run.row.state != "finished":
        raise RunRefused(
            f"Run {run.row.run_id} ({run.row.name}) is not finished: "
            "repeat the command that began it"
        )
    started_at, formats = now(), list(dict.fromkeys(formats))
    for name in formats:
        if name not in FORMATS:
            raise UsageError(f"There is no format {name!r}: {', '.join(FORMATS)}")
    # All tables but the plain ones repeat it; a finished run's rows do not change.
    digest = None if set(formats) <= {"csv"} else run.digest
    contents: dict[str, bytes] = {}
    for name in formats:
        for which in ("aor", "img"):
            file_name = f"{run.row.name}_{which}_data.{FORMATS[name]}"
            contents[file_name] = _table_bytes(run, which, name, layout, digest)
    contents[f"{run.row.name}_log.txt"] = _log_bytes(run)
    written = write_files(folder, contents, overwrite=overwrite)
    record_export(run, folder, contents, formats=formats, layout=layout, started_at=started_at)
    return written


def file_names(run_name: str, formats: Iterable[str] = ("csv",)) -> list[str]:
    """Tell what files an export would write.

    Parameters
    ----------
    run_name : str
        The run's name.
    formats : iterable of str, optional
        Of `FORMATS`.

    Returns
    -------
    list of str
        Names without folder.
    """
    names = [
        f"{run_name}_{which}_data.{FORMATS[name]}" for name in formats for which in ("aor", "img")
    ]
    return [*names, f"{run_name}_log.txt"]


def _table_bytes(
    run: Run,
    which: Which,
    format_name: str,
    layout: str | None,
    digest: ResultDigest | None = None,
) -> bytes:
    if format_name == "csv":
        return _csv(run, which, layout)
    table = run.full_table(which, digest=digest)
    return _ecsv(table) if format_name == "ecsv" else _votable(table, run)


def _csv(run: Run, which: Which, layout: str | None) -> bytes:
    """Write a table as it was published, or in another layout that can hold it."""
    own = LAYOUTS[run.row.layout]
    chosen = own if layout is None else layout_for(run, layout)
    columns = columns_of(chosen, which)
    with run._database.read() as connection:
        table = read_columns(connection, run.run_id, which, columns, chosen)
    content = csv_content(columns, table, run.printed_cells(f"{which}_data"))
    source = run.source(f"{which}_data")
    if source is not None and chosen is own:
        content = content if source.ended else content.removesuffix(b"\n")
        content = content.replace(b"\n", source.line_end.encode())
    return content


def layout_for(run: Run, name: str) -> Layout:
    """Find a layout that can hold a run.

    Parameters
    ----------
    run : Run
        To be written.
    name : str
        Of a layout.

    Returns
    -------
    Layout
        Of that name.

    Raises
    ------
    UsageError
        Where there is none, or it has columns of which the run knows nothing.
    """
    if name not in LAYOUTS:
        raise UsageError(f"There is no layout {name!r}: {', '.join(LAYOUTS)}")
    chosen, own = LAYOUTS[name], LAYOUTS[run.row.layout]
    if run.row.origin == "imported" or run.row.parent_run_id is not None:
        known = {column.key for column in (*own.aor, *own.img)}
        # Either form of the coordinates tells the other.
        if known & {"target_ra", "target_text"}:
            known |= {"target_ra", "target_dec", "target_text"}
        lacking = [c.title for c in (*chosen.aor, *chosen.img) if c.key not in known]
        if lacking:
            raise UsageError(
                f"Layout {name} cannot hold {run.name}, whose tables say nothing of "
                f"{', '.join(dict.fromkeys(lacking))}"
            )
    return chosen


def _log_bytes(run: Run) -> bytes:
    source = run.source("log")
    if source is None:
        return log_text(run).encode()
    text = "\n".join(f"{name}:{value}" for name, value in run.log_fields())
    text += "\n" if source.ended else ""
    return text.replace("\n", source.line_end).encode()


def _ecsv(table: QTable) -> bytes:
    out = io.StringIO()
    table.write(out, format="ascii.ecsv")
    return out.getvalue().encode()


def _params(document: VOTableFile, table: QTable) -> list[Param]:
    """Write what a table says of itself, but its parameters, which have a digest."""
    told = {name: value for name, value in table.meta.items() if isinstance(value, str | int)}
    return [
        Param(document, name=name, datatype="char", arraysize="*", value=str(value))
        for name, value in told.items()
    ]


def _votable(table: QTable, run: Run) -> bytes:
    # In 1.3 units are those of the CDS, which know the percent sign; astropy's VOUnits, of 1.4
    # and later, do not.
    document = VOTableFile(version="1.3")
    resource = Resource()
    resource.description = f"Run {run.row.run_id} ({run.row.name}) of iracdb"
    document.resources.append(resource)
    with warnings.catch_warnings():
        # The IDs are made from the titles, which hold blanks.
        warnings.simplefilter("ignore", W03)
        element = TableElement.from_table(document, table)
        element.params.extend(_params(document, table))
        resource.tables.append(element)
    out = io.BytesIO()
    document.to_xml(out)
    return out.getvalue()
