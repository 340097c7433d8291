"""A published run becomes rows: nothing dropped, nothing guessed, the order kept."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import Any

from sqlalchemy import Connection, insert

from iracdb import flags
from iracdb.catalogue import tables as t
from iracdb.catalogue import views
from iracdb.catalogue.activity import record_activity
from iracdb.catalogue.bulk import insert_rows
from iracdb.published.averages import AorRows, KnownTargets
from iracdb.published.blocks import ImageBlock, image_blocks
from iracdb.published.frames import FrameLinks, KnownFrames
from iracdb.published.reading import PublishedRun
from iracdb.published.sheets import PrintedTable
from iracdb.runs.parameters import Parameters
from iracdb.runs.registry import as_number, as_text
from iracdb.runs.targets import FromList

_IMAGE_COLUMNS = (
    "aor_result_id", "frame_id", "plane", "repeat", "row_number", "file_number", "mjd_obs",
    "flags", "x", "y",
    "fwhm_x", "fwhm_y", "raw", "background", "link_grade", "link_evidence",
)  # fmt: skip


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


def store_run(
    connection: Connection,
    published: PublishedRun,
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
    published : PublishedRun
        As read.
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

    Raises
    ------
    InputRefused
        Where its two tables cannot belong together.
    """
    blocks = image_blocks(published)
    parameters = parameters_of(published)
    _store_run_row(connection, published, run_id, name, parameters)
    results = AorRows(connection, published, run_id, blocks, target_list, known.targets).store()
    grades = _store_images(connection, published, blocks, results, known.frames)
    cells = [
        (run_id, role, row, title, printed)
        for role, table in (("aor_data", published.aor), ("img_data", published.img))
        for (row, title), printed in table.cells.items()
    ]
    cells += _derived_cells(published, run_id)
    columns = ("run_id", "role", "row_number", "title", "printed")
    insert_rows(connection, t.run_cell, columns, cells)
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
            "aors": " ".join(command.paths) or None,
            "targets": None if command.form == "none" else "fixed" if single else "list",
            "target": log.value("Target"),
            "target_ra": position[0] if position else None,
            "target_dec": position[1] if position else None,
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
            "response": None,
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
    connection.execute(
        insert(t.run_parameter),
        [
            {"run_id": run_id, "name": key, "value": as_text(value), "number": as_number(value)}
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
    connection.execute(
        insert(t.run_log_field),
        [
            {"run_id": run_id, "position": place, "name": key, "value": value}
            for place, (key, value) in enumerate(log.fields, start=1)
        ],
    )
    if log.problem_aors:
        connection.execute(
            insert(t.run_problem),
            [
                {"run_id": run_id, "position": place, "aorkey": aorkey, "reason": "in the log"}
                for place, aorkey in enumerate(log.problem_aors, start=1)
            ],
        )
    record_activity(connection, "import", run_id, "imported")


def _store_images(
    connection: Connection,
    published: PublishedRun,
    blocks: Sequence[ImageBlock],
    results: Sequence[int],
    known: KnownFrames,
) -> Counter[str]:
    table = published.img
    links = FrameLinks(known, published.log.channel, table.column("mjd"), blocks)
    frames: list[int] = []
    grades: list[str] = []
    evidence: list[str] = []
    averages: list[int] = []
    repeats: list[int] = []
    for block, result in zip(blocks, results, strict=True):
        mine, their_grades, why = zip(*links.of(block), strict=True)
        frames += mine
        grades += their_grades
        evidence += [
            _with_aor(text, grade, block) for text, grade in zip(why, their_grades, strict=True)
        ]
        averages += [result] * len(mine)
        repeats += _repeats(mine)
    columns = (
        averages, frames, repeat(-1), repeats, range(1, len(table) + 1),
        table.column("file_number"), table.column("mjd"), _flag_bits(table),
        *(table.column(key) for key in ("x", "y", "fwhm_x", "fwhm_y", "raw", "background")),
        grades, evidence,
    )  # fmt: skip
    insert_rows(connection, t.image_result, _IMAGE_COLUMNS, zip(*columns, strict=False))
    return Counter(grades)


def _with_aor(evidence: str, grade: str, block: ImageBlock) -> str:
    """Say how the image's AOR is known, where neither its frame nor its time settles that."""
    if "A" in (grade, block.grade):
        return evidence
    return f"{evidence}; AOR (grade {block.grade}): {block.evidence}"


def _repeats(frames: Sequence[int]) -> list[int]:
    """Count, for each frame of an average, how often it stood there before."""
    if len(set(frames)) == len(frames):
        return [0] * len(frames)
    seen: Counter[int] = Counter()
    found = []
    for number in frames:
        found.append(seen[number])
        seen[number] += 1
    return found


def _flag_bits(table: PrintedTable) -> list[int]:
    """Put the flags of each row into one number."""
    flagged = [column for column in table.columns if column.key.startswith("flag:")]
    bits = [flags.flag_of_column(column.title).bit for column in flagged]
    rows = list(zip(*(table.column(column.key) for column in flagged), strict=True))
    number_of = {
        row: sum(bit for bit, is_set in zip(bits, row, strict=True) if is_set) for row in set(rows)
    }
    return [number_of[row] for row in rows]


def _derived_cells(published: PublishedRun, run_id: int) -> list[tuple[Any, ...]]:
    """Find the cells that the views would derive otherwise than they are printed."""
    cells = []
    aor, img = published.aor, published.img
    columns = [aor.column(key) for key in ("flux", "error", "spread")]
    for row, (flux, error, spread) in enumerate(zip(*columns, strict=True), start=1):
        derived = None if flux in (None, 0) or error is None else error / flux * 100
        if derived != spread and (row, "Spread (%)") not in aor.cells:
            cells.append((run_id, "aor_data", row, "Spread (%)", _printed(spread)))
    columns = [img.column(key) for key in ("raw", "background", "net")]
    for row, (raw, background, net) in enumerate(zip(*columns, strict=True), start=1):
        derived = None if raw is None or background is None else raw - background
        if derived != net and (row, "Res_Flux") not in img.cells:
            cells.append((run_id, "img_data", row, "Res_Flux", _printed(net)))
    return cells


def _printed(value: float | None) -> str:
    return "nan" if value is None else repr(value)
