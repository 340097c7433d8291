"""The page of a run as a plain value: all that is said, in order, whatever it is written in."""

from __future__ import annotations

import numpy as np

from iracdb import __version__
from iracdb.catalogue.database import Database
from iracdb.report.page_against import against_section, other_run
from iracdb.report.page_figures import figures_section
from iracdb.report.page_findings import audit_section, warnings_section
from iracdb.report.page_made import made_section
from iracdb.report.page_parts import Page
from iracdb.report.page_rows import averages_section, problems_section
from iracdb.report.subject import Subject
from iracdb.runs.results import Run
from iracdb.runs.withdrawal import withdrawn_sentence

_SIGMA_OF_MAD = 1.4826
"""Standard deviation of a Gaussian over its median absolute deviation."""


def gather_page(database: Database, which: int | str, against: int | str | None = None) -> Page:
    """Gather all that the page of a run says.

    Parameters
    ----------
    database : Database
        The catalogue.
    which : int or str
        Number or name of the run.
    against : int or str, optional
        The run it is compared with: by default the one it was made from, else the last before it
        over the same AORs.

    Returns
    -------
    Page
        The same for the same catalogue and software, whenever it is made.

    Raises
    ------
    NotFound
        Where there is no such run.
    """
    run = Run(database, which)
    other, why = other_run(database, run, against)
    compared = against_section(database, run, other, why)
    both = None if other is None else Subject(database, (other, run))
    return Page(
        run_id=run.run_id,
        name=run.name,
        state=_state(run),
        withdrawn=withdrawn_sentence(run.row),
        comment=" ".join((run.row.comment or "").split()) or None,
        glance=_glance(run),
        sections=[
            figures_section(Subject(database, (run,)), both),
            averages_section(run),
            problems_section(database, run),
            warnings_section(run),
            audit_section(database, run),
            compared,
            made_section(database, run),
        ],
        foot=f"Written by iracdb {__version__}. {_digest(run)}",
    )


def _state(run: Run) -> str:
    if run.state != "finished":
        return "not finished: repeat the command that began it"
    made = "imported" if run.row.origin == "imported" else "made"
    return f"{made}, finished {(run.row.finished_at or '')[:16].replace('T', ' ')} UTC".strip()


def _digest(run: Run) -> str:
    digest = run.result_digest
    return f"Results sha256 {digest}." if digest else "The run has no digest yet."


def _glance(run: Run) -> list[tuple[str, str]]:
    counts, names = run.counts, run.targets
    told = [
        ("Channel", str(run.row.channel)),
        ("Recipe", str(run.row.recipe or "not told")),
        ("Targets", names[0] if len(names) == 1 else f"{len(names):,}"),
        ("AORs", f"{counts.aors:,}"),
        ("Images", f"{counts.images:,}"),
        ("With a flux", f"{counts.workable:,}"),
        ("Rejected", f"{counts.rejected:,}"),
        ("Problem AORs", f"{len(run.problems):,}"),
    ]
    fluxes = np.array([row.flux for row in run.averages() if row.flux is not None], dtype=float)
    if len(names) == 1 and fluxes.size:
        median = float(np.median(fluxes))
        told.append(("Median flux", f"{median:,.6g} mJy"))
        spread = _SIGMA_OF_MAD * float(np.median(np.abs(fluxes - median)))
        if fluxes.size > 2 and median:
            told.append(("Robust scatter", f"{100 * spread / abs(median):.3g} %"))
    return told
