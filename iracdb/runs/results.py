"""A run as a value: what it was made of and what it gave."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from astropy.table import QTable
from sqlalchemy import Row, case, func, select

from iracdb.catalogue import tables as t
from iracdb.catalogue.database import Database
from iracdb.layouts import LAYOUTS, Layout
from iracdb.more_columns import AOR_MORE, IMG_MORE
from iracdb.runs import registry
from iracdb.runs.digest import SCHEME, ResultDigest
from iracdb.runs.digested import digest_of_run
from iracdb.runs.lightcurve_api import GivesLightCurves
from iracdb.runs.parameters import Parameters
from iracdb.runs.software import Software, recorded
from iracdb.runs.tables import (
    Which,
    columns_of,
    complete_layout,
    identities,
    make_table,
    table_rows,
)
from iracdb.runs.wording import Change, changes

AOR_NOTE = "; AOR (grade "
"""What follows in an imported image's evidence where its AOR is not sure: the grade, and why."""


@dataclass(frozen=True)
class Counts:
    """How much a run holds.

    Parameters
    ----------
    aors, averages, images, workable, rejected, inputs : int
        AORs, rows of the two tables, images with a flux, those left out, files declared.
    """

    aors: int
    averages: int
    images: int
    workable: int
    rejected: int
    inputs: int


class Run(GivesLightCurves):
    """One run in a catalogue.

    Parameters
    ----------
    database : Database
        The catalogue.
    which : int or str
        Its number or name.

    Raises
    ------
    NotFound
        Where there is no such run.
    """

    def __init__(self, database: Database, which: int | str) -> None:
        self._database = database
        with database.read() as connection:
            self.row: Row[Any] = registry.find(connection, which)

    def __repr__(self) -> str:
        return f"<Run {self.row.run_id} {self.row.name!r}, {self.row.state}>"

    @property
    def run_id(self) -> int:
        """The run's number in this catalogue."""
        return int(self.row.run_id)

    @property
    def name(self) -> str:
        """The run's name."""
        return str(self.row.name)

    @property
    def state(self) -> str:
        """``'running'`` (begun, perhaps interrupted) or ``'finished'``."""
        return str(self.row.state)

    @property
    def parameters(self) -> Parameters:
        """Every parameter as applied."""
        return Parameters.recorded(self.row.parameters)

    @property
    def software(self) -> Software | None:
        """What it was made with; None for an imported run, whose tables do not say."""
        if self.row.software_id is None:
            return None
        with self._database.read() as connection:
            return recorded(connection, self.row.software_id)

    @property
    def changes(self) -> list[Change]:
        """What it was called and what was said of it before, in the order of the changes."""
        with self._database.read() as connection:
            return changes(connection, self.run_id)

    @property
    def digest(self) -> ResultDigest:
        """The digest of its results, made again from its rows."""
        with self._database.read() as connection:
            return digest_of_run(connection, self.row)

    @property
    def result_digest(self) -> str | None:
        """SHA-256 of its results, as noted at its close; None where it is not finished."""
        if self.row.result_digest is None and self.state == "finished":
            return self.digest.sha256  # closed by an iracdb that made no digests
        return None if self.row.result_digest is None else str(self.row.result_digest)

    @property
    def aor_data(self) -> QTable:
        """The table of averages: Target, then the columns of the CSV file, with units."""
        return self._table("aor")

    @property
    def img_data(self) -> QTable:
        """The table of images: Target, AORKEY and File, then the columns of the CSV file."""
        return self._table("img")

    @property
    def warnings(self) -> list[str]:
        """What was to be known of it before it was made, in the order told."""
        columns = t.run_warning.c
        query = select(columns.sentence).where(columns.run_id == self.run_id)
        with self._database.read() as connection:
            return list(connection.execute(query.order_by(columns.position)).scalars())

    @property
    def problem_aors(self) -> list[int]:
        """AORs that gave no flux, one entry an empty row of the AOR table."""
        return [aorkey for aorkey, _ in self.problems]

    @property
    def problems(self) -> list[tuple[int, str]]:
        """AORs that gave no flux, with the reason."""
        columns = t.run_problem.c
        with self._database.read() as connection:
            rows = connection.execute(
                select(columns.aorkey, columns.reason)
                .where(columns.run_id == self.run_id)
                .order_by(columns.position)
            )
            return [(row.aorkey, row.reason) for row in rows]

    @property
    def targets(self) -> list[str]:
        """Names of the targets, each once, in the order of the AOR table."""
        columns = t.aor_result.c
        with self._database.read() as connection:
            names = connection.execute(
                select(columns.target_name)
                .where(columns.run_id == self.run_id)
                .order_by(columns.row_number)
            ).scalars()
            return list(dict.fromkeys(names))

    @property
    def counts(self) -> Counts:
        """How much it holds."""
        columns = t.aor_result.c
        with self._database.read() as connection:
            row = connection.execute(
                select(
                    func.count(columns.aorkey.distinct()),
                    func.count(),
                    *(
                        func.coalesce(func.sum(column), 0)
                        for column in (columns.n_total, columns.n_workable, columns.n_rejected)
                    ),
                ).where(columns.run_id == self.run_id)
            ).one()
            inputs = connection.execute(
                select(func.count()).where(t.run_input.c.run_id == self.run_id)
            ).scalar_one()
        aors, averages, images, workable, rejected = (int(number) for number in row)
        return Counts(aors, averages, images, workable, rejected, int(inputs))

    def averages(self) -> Sequence[Row[Any]]:
        """Read the averages with all that is stored of them.

        Returns
        -------
        sequence of Row
            Of the table ``aor_result``, in the order of the AOR table.
        """
        columns = t.aor_result.c
        query = select(t.aor_result).where(columns.run_id == self.run_id)
        with self._database.read() as connection:
            return connection.execute(query.order_by(columns.row_number)).all()

    def rows(self, which: Which, layout: Layout | None = None) -> list[tuple[Any, ...]]:
        """Read one of the two tables as plain rows.

        Parameters
        ----------
        which : {'aor', 'img'}
            The table of averages or of images.
        layout : Layout, optional
            Another than the run's own.

        Returns
        -------
        list of tuple
            The columns of the layout, in the order of the rows; None where there is no
            value.
        """
        with self._database.read() as connection:
            return table_rows(connection, self.row, which, layout)

    def printed_cells(self, role: str) -> dict[tuple[int, str], str]:
        """Read the cells of an imported table that are printed otherwise than their values.

        Parameters
        ----------
        role : {'aor_data', 'img_data'}
            The table.

        Returns
        -------
        dict
            What was printed, by (row from 1, title).
        """
        columns = t.run_cell.c
        with self._database.read() as connection:
            rows = connection.execute(
                select(columns.row_number, columns.title, columns.printed).where(
                    columns.run_id == self.run_id, columns.role == role
                )
            )
            return {(row.row_number, row.title): row.printed for row in rows}

    def source(self, role: str) -> Row[Any] | None:
        """Tell what one of its tables was imported from.

        Parameters
        ----------
        role : {'aor_data', 'img_data', 'log'}
            The table, or the log.

        Returns
        -------
        Row or None
            Of the table ``run_source``; None for a run that was made here.
        """
        columns = t.run_source.c
        query = select(t.run_source).where(columns.run_id == self.run_id, columns.role == role)
        with self._database.read() as connection:
            return connection.execute(query).one_or_none()

    @property
    def link_grades(self) -> dict[str, int]:
        """How many of an imported run's images are linked to their frame how surely."""
        grade = t.image_result.c.link_grade
        query = (
            select(grade, func.count())
            .join(t.aor_result, t.aor_result.c.id == t.image_result.c.aor_result_id)
            .where(t.aor_result.c.run_id == self.run_id, grade.is_not(None))
            .group_by(grade)
            .order_by(grade)
        )
        with self._database.read() as connection:
            return {str(row[0]): int(row[1]) for row in connection.execute(query)}

    @property
    def aor_grades(self) -> dict[str, int]:
        """How many blocks of an imported run's images are joined to their AOR how surely."""
        image, average = t.image_result.c, t.aor_result.c
        doubts = [
            (image.link_evidence.contains(f"{AOR_NOTE}{grade})", autoescape=True), grade)
            for grade in "BCD"
        ]
        joins = (
            select(func.max(case(*doubts, else_="A")).label("grade"))
            .join(t.aor_result, average.id == image.aor_result_id)
            .where(average.run_id == self.run_id, image.link_grade.is_not(None))
            .group_by(average.id)
            .subquery()
        )
        query = select(joins.c.grade, func.count()).group_by(joins.c.grade).order_by(joins.c.grade)
        with self._database.read() as connection:
            return {str(row[0]): int(row[1]) for row in connection.execute(query)}

    def log_fields(self) -> list[tuple[str, str]]:
        """Read the lines of an imported log.

        Returns
        -------
        list of tuple
            What stands before and after the first colon of each, in order.
        """
        columns = t.run_log_field.c
        query = select(columns.name, columns.value).where(columns.run_id == self.run_id)
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(columns.position)).all()
            return [(row.name, row.value) for row in rows]

    def full_table(self, which: Which, *, digest: ResultDigest | None = None) -> QTable:
        """Read one of the two tables with all that is held of its rows.

        Parameters
        ----------
        which : {'aor', 'img'}
            The table of averages or of images.
        digest : ResultDigest, optional
            Of the run's results, where it has been made already; by default it is made here.

        Returns
        -------
        astropy.table.QTable
            The CSV file's columns, then those of `iracdb.more_columns` that hold anything;
            with units, descriptions, UCDs, and what made it in ``meta``.
        """
        layout = LAYOUTS[self.row.layout]
        titles = {column.title for column in columns_of(layout, which)}
        more = AOR_MORE if which == "aor" else IMG_MORE
        keys = {column.key for column in columns_of(layout, which)}
        complete = complete_layout(layout, (c for c in more if c.key not in keys), which)
        rows = self.rows(which, complete)
        columns = columns_of(complete, which)
        shown = [
            place
            for place, column in enumerate(columns)
            if column.title in titles or any(row[place] is not None for row in rows)
        ]
        return make_table(
            [columns[place] for place in shown],
            [tuple(row[place] for place in shown) for row in rows],
            self.row.channel,
            {**self._meta(), **_told_of(self.digest if digest is None else digest)},
        )

    def _table(self, which: Which) -> QTable:
        columns = columns_of(LAYOUTS[self.row.layout], which)
        table = make_table(columns, self.rows(which), self.row.channel, self._meta())
        with self._database.read() as connection:
            told = identities(connection, self.row, which)
        # A layout may tell some of it itself.
        extra = [(title, cells) for title, cells in told.items() if title not in table.colnames]
        for index, (title, cells) in enumerate(extra):
            table.add_column(cells, name=title, index=index)
        return table

    def _meta(self) -> dict[str, Any]:
        return {
            "run_id": self.run_id,
            "run_name": self.name,
            "run_uuid": self.row.uuid,
            "channel": self.row.channel,
            "finished_at": self.row.finished_at,
            "parameters": dict(self.row.parameters),
            "parameters_sha256": self.row.parameters_digest,
            "inputs_sha256": self.row.inputs_digest,
        }


def _told_of(digest: ResultDigest) -> dict[str, Any]:
    return {
        "results_scheme": SCHEME,
        "results_sha256": digest.sha256,
        "averages_sha256": digest.averages.sha256,
        "averages_columns": ", ".join(digest.averages.columns),
        "images_sha256": digest.images.sha256,
        "images_columns": ", ".join(digest.images.columns),
    }
