"""What made a run: parameters as typed and as applied, files, software, people; doing it again."""

from __future__ import annotations

from typing import Any

from sqlalchemy import func, select

from iracdb.catalogue import tables as t
from iracdb.catalogue.database import Database
from iracdb.compare.made_by import PARAMETER_ORDER
from iracdb.report.page_parts import (
    NOTHING,
    Cell,
    Command,
    Facts,
    Grid,
    Heading,
    Part,
    Section,
    Sentences,
    Tone,
    count_cell,
    number_cell,
)
from iracdb.report.repeating import command_again, typed_for
from iracdb.runs.recipes import RECIPES
from iracdb.runs.results import Run

_UNITS = {
    "radius_source": "pix", "radius_inner": "pix", "radius_outer": "pix", "pixel_size": "arcsec",
    "target_ra": "deg", "target_dec": "deg", "target_pm_ra": "mas/yr", "target_pm_dec": "mas/yr",
    "target_parallax": "mas", "target_epoch": "yr", "fluxconv": "MJy/sr per DN/s",
}  # fmt: skip

_ROLES = {
    "science": "measured", "wcs": "coordinates", "mask": "mask", "uncertainty": "uncertainties",
}  # fmt: skip


def made_section(database: Database, run: Run) -> Section:
    """Tell what was done.

    Parameters
    ----------
    database : Database
        The catalogue.
    run : Run
        Any.

    Returns
    -------
    Section
        Who and when, parameters, files, software, and how it is done again.
    """
    row = run.row
    facts = [
        ("Number and name", f"{run.run_id}, {run.name}"),
        ("UUID", row.uuid),
        ("Operator", f"{row.operator or 'not told'}{f' on {row.host}' if row.host else ''}"),
        ("Started", _time(row.started_at)),
        ("Finished", _time(row.finished_at)),
        ("Comment", " ".join((row.comment or "none").split())),
        ("Results", f"sha256 {run.result_digest}" if run.result_digest else "not complete"),
        ("Parameters", f"sha256 {row.parameters_digest}"),
        ("Inputs", f"sha256 {row.inputs_digest}" if row.inputs_digest else "not recorded"),
    ]
    parent = _parent(database, row.parent_run_id)
    if parent:
        facts.append(("Made from", parent))
    facts += [
        (
            "Renamed" if change.kind == "rename" else "Comment before",
            f"{change.before or 'none'} until {_time(change.at)}",
        )
        for change in run.changes
    ]
    parts: list[Part] = [Facts(facts), *_again(run), *_parameters(run)]
    parts += _imported(database, run) if row.origin == "imported" else _made_here(database, run)
    return Section("made", "What was done", parts)


def _again(run: Run) -> list[Part]:
    if run.row.origin == "imported":
        return [
            Command(
                f"iracdb recompute {run.name}",
                "Makes the AOR table again from the image table: this run was imported.",
            )
        ]
    parts: list[Part] = []
    if run.row.command:
        parts.append(Command(run.row.command, "What was typed."))
    again = command_again(run)
    if again is not None:
        parts.append(
            Command(
                again,
                "Makes the run again under a number of its own, from what is held then: over the "
                "same files and with the same software every bit is the same.",
            )
        )
    parts.append(
        Command(
            f"iracdb verify {run.name}",
            "Makes it again from what it declared, compares every bit, and keeps nothing.",
        )
    )
    return parts


def _parameters(run: Run) -> list[Part]:
    """List the parameters that have a value, with what was typed; name the others."""
    applied, typed = run.parameters.values, typed_for(run)
    # A database of JSON need not keep the order in which parameters were written.
    ranks = {name: rank for rank, name in enumerate(("channel", *PARAMETER_ORDER))}
    names = sorted(applied, key=lambda name: (ranks.get(name, len(ranks)), name))
    given = [name for name in names if applied[name] is not None or name in typed]
    rows: list[tuple[Cell, ...]] = []
    for name in given:
        said = "; ".join(filter(None, (typed.get(name), _overridden(run, name, applied[name]))))
        tone: Tone = "note" if said else "plain"
        value = applied[name]
        rows.append(
            (Cell(name), Cell(_text(value), tone=tone), Cell(_UNITS.get(name, "")),
             Cell(said, tone=tone))
        )  # fmt: skip
    headings = [Heading("Parameter"), Heading("Applied"), Heading("Unit"), Heading("Typed")]
    caption = "Every parameter as applied, and what was typed for it"
    if not any(row[-1].text for row in rows):
        headings, rows = headings[:-1], [row[:-1] for row in rows]
        caption = "Every parameter as applied; none was typed"
    if run.row.origin == "imported":
        caption = "Every parameter that the run's log tells, and what was always done then"
    empty = [name for name in names if name not in given]
    parts: list[Part] = [Grid(caption, headings, rows)]
    if empty:
        parts.append(Sentences([f"Without a value: {', '.join(empty)}."]))
    return parts


def _overridden(run: Run, name: str, value: Any) -> str | None:
    """Say that a parameter is not as the recipe has it."""
    recipe = RECIPES.get(str(run.row.recipe))
    if recipe is None:
        return None
    r, r_in, r_out = recipe.radii
    own = {
        "radius_source": r, "radius_inner": r_in, "radius_outer": r_out, "centre": recipe.centre,
        "sky": recipe.sky, "rejection": recipe.rejection, "engine": recipe.engine,
        "response": recipe.response, "subarray_planes": recipe.planes,
    }  # fmt: skip
    if own.get(name, value) == value:
        return None
    return f"the recipe {recipe.name} has {_text(own[name])}"


def _text(value: Any) -> str:
    if value is None:
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    return repr(value) if isinstance(value, float) else str(value)


def _made_here(database: Database, run: Run) -> list[Part]:
    inputs, file = t.run_input.c, t.file.c
    query = (
        select(
            inputs.role, file.kind, file.creator, func.count(), func.sum(file.size),
            func.min(file.mjd_obs), func.max(file.mjd_obs),
        )
        .join(t.file, file.id == inputs.file_id)
        .where(inputs.run_id == run.run_id)
        .group_by(inputs.role, file.kind, file.creator)
        .order_by(inputs.role, file.kind, file.creator)
    )  # fmt: skip
    with database.read() as connection:
        rows = connection.execute(query).all()
    grid = Grid(
        "The files that the run declared before it read them, by what each served for",
        [Heading("For"), Heading("Kind"), Heading("CREATOR"), Heading("Files", number=True),
         Heading("Size", "MB", number=True), Heading("First", "MJD", number=True),
         Heading("Last", "MJD", number=True)],
        [(Cell(_ROLES.get(str(row[0]), str(row[0]))), Cell(str(row[1])), Cell(row[2] or NOTHING),
          count_cell(row[3]), number_cell(int(row[4]) / 1e6, 1),
          *(number_cell(mjd, 5, comma=False) for mjd in row[5:])) for row in rows],
    )  # fmt: skip
    software = run.software
    parts: list[Part] = [grid]
    if software is not None:
        state = {None: "", True: ", nothing uncommitted", False: ", with uncommitted changes"}
        source = (
            f"commit {software.git_commit}{state[software.git_clean]}"
            if software.git_commit
            else "installed package"
        )
        packages = ", ".join(f"{name} {v}" for name, v in sorted(software.packages.items()))
        parts.append(
            Facts(
                [("Software", f"iracdb {software.iracdb}, {source}"), ("Python", software.python),
                 ("Packages", packages), ("Platform", software.platform),
                 ("Its digest", f"sha256 {software.digest}")]
            )
        )  # fmt: skip
    return parts


def _imported(database: Database, run: Run) -> list[Part]:
    columns = t.run_source.c
    with database.read() as connection:
        sources = connection.execute(
            select(t.run_source).where(columns.run_id == run.run_id).order_by(columns.role)
        ).all()
    files = Grid(
        "The files that it was imported from",
        [Heading("What"), Heading("File"), Heading("SHA-256")],
        [(Cell(row.role.replace("_", " ")), Cell(row.path), Cell(row.sha256)) for row in sources],
    )
    log = Grid(
        "Its log, line by line",
        [Heading("Field"), Heading("Value")],
        [(Cell(name.strip()), Cell(value.strip())) for name, value in run.log_fields()],
    )
    return [Sentences(["The software of an imported run is not recorded."]), files, log]


def _parent(database: Database, run_id: int | None) -> str | None:
    if run_id is None:
        return None
    with database.read() as connection:
        row = connection.execute(select(t.run.c.name).where(t.run.c.run_id == run_id)).one()
    return f"run {run_id}, {row.name}"


def _time(text: str | None) -> str:
    return "not told" if text is None else f"{text[:19].replace('T', ' ')} UTC"
