"""A published run becomes rows: nothing dropped, nothing guessed, the order kept."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import Connection, insert, update

from iracdb.catalogue import tables as t
from iracdb.catalogue import views
from iracdb.catalogue.activity import record_activity
from iracdb.catalogue.bulk import insert_columns, insert_rows
from iracdb.published.ahead import ReadRun
from iracdb.published.averages import AorRows, KnownAors
from iracdb.published.blocks import ImageBlock
from iracdb.published.digested import flag_bits
from iracdb.published.frames import KnownFrames, Links, link
from iracdb.published.reading import PublishedRun
from iracdb.published.sheets import plain_values
from iracdb.published.targets import KnownTargets
from iracdb.runs.digest import digest_averages, joined_digest
from iracdb.runs.digested import values_of_run
from iracdb.runs.parameters import BEFORE_HANDBOOK, Parameters
from iracdb.runs.registry import as_number, as_text, find
from iracdb.runs.results import AOR_NOTE
from iracdb.runs.target_lists import FromList

_MEASURED = ("x", "y", "fwhm_x", "fwhm_y", "raw", "background")


@dataclass(frozen=True)
class Imported:
    """What an import came to.

    Parameters
    ----------
    run_id : int
        The run's number.
    name : str
        Its name.
    averages, images : int
        Rows of its tables.
    grades : dict
        How many images are linked to their frame how surely.
    cells : int
        Cells kept as printed.
    new : bool
        False where the same files were imported before.
    """

    run_id: int
    name: str
    averages: int
    images: int
    grades: dict[str, int]
    cells: int
    new: bool = True


class Known:
    """What the catalogue holds already, read once for all runs of an import.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        In a transaction that may write.
    """

    def __init__(self, connection: Connection) -> None:
        self.frames = KnownFrames(connection)
        self.targets = KnownTargets(connection)
        self.aors = KnownAors(connection)


def store_run(
    connection: Connection,
    read: ReadRun,
    run_id: int,
    name: str,
    target_list: FromList | None,
    known: Known,
) -> Imported:
    """Store one run.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        In a transaction that may write.
    read : ReadRun
        What its files tell.
    run_id : int
        A free number.
    name : str
        A free name.
    target_list : FromList or None
        The list that it was given, where that is at hand.
    known : Known
        The frames and targets held.

    Returns
    -------
    Imported
        What was stored.
    """
    published, blocks = read.published, read.blocks
    parameters = parameters_of(published)
    _store_run_row(connection, published, run_id, name, parameters)
    results = AorRows(
        connection, published, run_id, blocks, target_list, known.targets, known.aors
    ).store()
    grades = _store_images(connection, published, blocks, results, known.frames)
    cells = [
        (run_id, role, row, title, printed)
        for role, table in (("aor_data", published.aor), ("img_data", published.img))
        for (row, title), printed in table.cells.items()
    ]
    cells += _derived_cells(published, run_id)
    columns = ("run_id", "role", "row_number", "title", "printed")
    insert_rows(connection, t.run_cell, columns, cells)
    _store_digest(connection, run_id, read.images_digest)
    views.create_run_views(connection, run_id)
    averages, images = len(published.aor), len(published.img)
    return Imported(run_id, name, averages, images, dict(grades), len(cells))


def parameters_of(published: PublishedRun) -> Parameters:
    """Tell the parameters of a published run, in the words of our own; None for what is not told.

    Parameters
    ----------
    published : PublishedRun
        As read.

    Returns
    -------
    iracdb.runs.parameters.Parameters
        Every name of `iracdb.runs.parameters.apply`.
    """
    log, command = published.log, published.log.command
    radii = command.radii or log.radii or (None, None, None)
    position = command.position
    single = command.coordinates is not None
    rejection = {True: "published", False: "none", None: None}[command.rejection]
    return Parameters(
        {
            "recipe": None,
            "recipe_version": None,
            "channel": log.channel,
            "kind": (log.value("File Type") or "").lower() or None,
            "wcs": None,
            "aors": " ".join(command.paths) or None,
            "where": None,
            "targets": None if command.form == "none" else "fixed" if single else "list",
            "target": log.value("Target"),
            "target_ra": position[0] if position else None,
            "target_dec": position[1] if position else None,
            "target_pm_ra": None,
            "target_pm_dec": None,
            "target_parallax": None,
            "target_epoch": None,
            "target_list": None if single or not command.paths else command.paths[0],
            "radius_source": radii[0],
            "radius_inner": radii[1],
            "radius_outer": radii[2],
            "aperture_correction": command.aperture_correction,
            "aperture_correction_from": "given" if command.aperture_correction else None,
            "pixel_size": command.pixel_size,
            "pixel_size_from": "given" if command.pixel_size else None,
            "centre": None,
            "sky": None,
            "subarray_planes": None,
            **BEFORE_HANDBOOK,
            "engine": None,
            "engine_version": None,
            "idl_source": None,
            "response": None,
            "pixel_phase": None,
            "array_location": None,
            "response_coefficients": None,
            "rejection": rejection,
            "pairing": None,
            "bounds": None,
            "grouping": None,
        }
    )


def _store_run_row(
    connection: Connection,
    published: PublishedRun,
    run_id: int,
    name: str,
    parameters: Parameters,
) -> None:
    log, command = published.log, published.log.command
    typed = next(
        (v for n, v in log.fields if n.strip() in ("Command Used", "Input Parameters")), None
    )
    reduced = log.value("Date Reduced")
    connection.execute(
        insert(t.run).values(
            run_id=run_id,
            uuid=str(uuid.uuid4()),
            name=name,
            name_key=name.lower(),
            origin="imported",
            state="finished",
            channel=log.channel,
            kind=parameters["kind"],
            layout=published.layout.name,
            command=None if typed is None else typed.strip(),
            parameters_typed={
                key: value for key, value in vars(command).items() if value not in (None, ())
            },
            parameters=parameters.values,
            parameters_digest=parameters.digest,
            comment=log.value("Comments"),
            finished_at=reduced,
        )
    )
    insert_rows(
        connection,
        t.run_parameter,
        ("run_id", "name", "value", "number"),
        [
            (run_id, key, as_text(value), as_number(value))
            for key, value in parameters.values.items()
        ],
    )
    connection.execute(
        insert(t.run_source),
        [
            {
                "run_id": run_id, "position": place, "role": source.role,
                "path": str(source.path.absolute()), "size": source.size,
                "sha256": source.sha256, "line_end": source.line_end, "ended": source.ended,
            }
            for place, source in enumerate(published.sources, start=1)
        ],
    )  # fmt: skip
    insert_rows(
        connection,
        t.run_log_field,
        ("run_id", "position", "name", "value"),
        [(run_id, place, *line) for place, line in enumerate(log.fields, start=1)],
    )
    insert_rows(
        connection,
        t.run_problem,
        ("run_id", "position", "aorkey", "reason"),
        [
            (run_id, place, aorkey, "in the log")
            for place, aorkey in enumerate(log.problem_aors, start=1)
        ],
    )
    record_activity(connection, "import", run_id, "imported")


def _store_digest(connection: Connection, run_id: int, images: str) -> None:
    averages = digest_averages(values_of_run(connection, find(connection, run_id), "aor"))
    digest = joined_digest(averages.sha256, images)
    connection.execute(update(t.run).where(t.run.c.run_id == run_id).values(result_digest=digest))


def _store_images(
    connection: Connection,
    published: PublishedRun,
    blocks: Sequence[ImageBlock],
    results: Sequence[int],
    known: KnownFrames,
) -> Counter[str]:
    table = published.img
    links = link(known, published.log.channel, table.column("mjd"), blocks)
    _tell_aors(links, blocks)
    lengths = [block.end - block.first for block in blocks]
    columns = {
        "aor_result_id": np.repeat(results, lengths).tolist(),
        "frame_id": links.frames,
        "plane": [-1] * len(table),
        "repeat": _repeats(links.frames, blocks),
        "row_number": range(1, len(table) + 1),
        "file_number": table.array("file_number").tolist(),
        "mjd_obs": table.array("mjd").tolist(),
        "flags": flag_bits(table).tolist(),
        **{key: table.array(key).tolist() for key in _MEASURED},
        "link_grade": links.grades,
        "link_evidence": links.evidence,
    }
    insert_columns(connection, t.image_result, columns)
    return Counter(links.grades)


def _tell_aors(links: Links, blocks: Sequence[ImageBlock]) -> None:
    """Say how the images' AOR is known, where neither their frames nor its time settle that."""
    for block in blocks:
        if block.grade != "A":
            for row in range(block.first, block.end):
                if links.grades[row] != "A":
                    links.evidence[row] += f"{AOR_NOTE}{block.grade}): {block.evidence}"


def _repeats(frames: Sequence[int], blocks: Sequence[ImageBlock]) -> list[int]:
    """Count, for each frame of an average, how often it stood there before."""
    found = [0] * len(frames)
    for block in blocks:
        mine = frames[block.first : block.end]
        if len(set(mine)) < len(mine):
            seen: Counter[int] = Counter()
            for row, number in enumerate(mine, start=block.first):
                found[row] = seen[number]
                seen[number] += 1
    return found


def _derived_cells(published: PublishedRun, run_id: int) -> list[tuple[Any, ...]]:
    """Find the cells that the views would derive otherwise than they are printed."""
    aor, img = published.aor, published.img
    flux, error = aor.array("flux"), aor.array("error")
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        spread = np.where(flux == 0, np.nan, error / flux * 100)
        net = img.array("raw") - img.array("background")
    cells = []
    for role, table, key, title, derived in (
        ("aor_data", aor, "spread", "Spread (%)", spread),
        ("img_data", img, "net", "Res_Flux", net),
    ):
        told = table.array(key)
        differs = (derived != told) & ~(np.isnan(derived) & np.isnan(told))
        for row in np.flatnonzero(differs).tolist():
            if (row + 1, title) not in table.cells:
                printed = _printed(plain_values(told[row : row + 1])[0])
                cells.append((run_id, role, row + 1, title, printed))
    return cells


def _printed(value: float | None) -> str:
    return "nan" if value is None else repr(value)
