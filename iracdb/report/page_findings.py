"""What is to be known of a run: its warnings, what the audit finds, how sure imported links are."""

from __future__ import annotations

from iracdb.catalogue.database import Database
from iracdb.published.audit.checks import audit
from iracdb.published.audit.finding import CODES
from iracdb.published.grades import AOR_GRADES, LINK_GRADES
from iracdb.report.page_parts import (
    Cell,
    Command,
    Grid,
    Heading,
    Part,
    Section,
    Sentences,
    count_cell,
)
from iracdb.runs.results import Run


def warnings_section(run: Run) -> Section:
    """Tell what was to be known of a run before it was made.

    Parameters
    ----------
    run : Run
        Any.

    Returns
    -------
    Section
        Each warning a sentence.
    """
    told = run.warnings
    if told:
        return Section("warnings", "Warnings", [Sentences(told, "warning")])
    said = "The run was made without a warning."
    if run.row.origin == "imported":
        said = "An imported run has no warnings of its own: see what the audit finds."
    return Section("warnings", "Warnings", [Sentences([said])])


def audit_section(database: Database, run: Run) -> Section:
    """Tell what the audit finds of a run.

    Parameters
    ----------
    database : Database
        The catalogue.
    run : Run
        Any.

    Returns
    -------
    Section
        Findings, worst first; and for an imported run how sure its links are.
    """
    parts: list[Part] = []
    found = audit(database, [run.run_id])
    if found:
        parts.append(
            Grid(
                "What is wrong, or worth knowing, worst first: docs/audit.md explains each code",
                [Heading("Severity"), Heading("Code"), Heading("Found"), Heading("What it is")],
                [(Cell(one.severity, tone=one.severity), Cell(one.code), Cell(one.sentence),
                  Cell(CODES[one.code].sentence)) for one in found],
            )
        )  # fmt: skip
    else:
        parts.append(Sentences(["The audit finds nothing."]))
    parts.append(
        Command(f"iracdb audit {run.name} --json", "Lists the findings with the rows of each.")
    )
    if run.row.origin == "imported":
        parts.append(_grades(run))
    return Section("audit", "Audit", parts)


def _grades(run: Run) -> Grid:
    rows = [
        (Cell("images to frames"), Cell(grade), count_cell(count), Cell(LINK_GRADES[grade]))
        for grade, count in run.link_grades.items()
    ]
    rows += [
        (Cell("blocks of images to AORs"), Cell(grade), count_cell(count), Cell(AOR_GRADES[grade]))
        for grade, count in run.aor_grades.items()
    ]
    return Grid(
        "How surely the rows of the imported tables are linked",
        [Heading("Link"), Heading("Grade"), Heading("Number", number=True), Heading("How")],
        rows,
    )
