"""Two runs compared: what made them, then their images and averages, row by row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection

from iracdb.catalogue.bulk import no_garbage_collection
from iracdb.catalogue.database import Database
from iracdb.catalogue.tables import aor_result
from iracdb.compare import refusing
from iracdb.compare.columns import Compares, aor_columns, flag_names, image_columns
from iracdb.compare.counted import CountedPart
from iracdb.compare.joined import join_images
from iracdb.compare.made_by import MadeBy, compare_making
from iracdb.compare.matching import TargetKey, match_averages, match_images
from iracdb.compare.parts import Part, Which, compare_bits, compare_columns
from iracdb.compare.rows import Averages, Images, read_averages, read_images, targets_of
from iracdb.errors import RunRefused
from iracdb.flags import FLAGS
from iracdb.runs import registry

if TYPE_CHECKING:
    from astropy.table import QTable, Table

_BITS = {flag.name: flag.bit for flag in FLAGS}
# An average is its flux; the rest of its row is told by column.
_DECISIVE_AOR = ("state", "flux")


@dataclass(frozen=True)
class Comparison:
    """Two runs compared.

    Parameters
    ----------
    a, b : Row
        The runs, of the table ``run``.
    reason : str or None
        Why they cannot be compared; None where they can.
    made_by : MadeBy
        What made them, compared.
    image_part, aor_part : Part or None
        Their rows compared; None where they cannot be.
    same_files : bool
        Whether both were imported from tables of the same bytes.
    """

    a: Any
    b: Any
    reason: str | None
    made_by: MadeBy
    image_part: Part | None = None
    aor_part: Part | None = None
    same_files: bool = False

    def __repr__(self) -> str:
        return f"<Comparison of {self.a.name} and {self.b.name}: {self.verdict}>"

    @property
    def comparable(self) -> bool:
        """Whether they can be compared."""
        return self.reason is None

    @property
    def differs(self) -> bool:
        """Whether any result differs: by rounding too, or by a row of one run alone."""
        return any(part.differs for part in self.parts)

    @property
    def parts(self) -> tuple[Part, Part]:
        """The two parts, images first."""
        if self.image_part is None or self.aor_part is None:
            raise RunRefused(str(self.reason))
        return self.image_part, self.aor_part

    @property
    def verdict(self) -> str:
        """One sentence."""
        from iracdb.compare.report import verdict

        return verdict(self)

    @property
    def notes(self) -> tuple[str, ...]:
        """What to know of the runs beside their numbers: whether they were withdrawn."""
        return tuple(
            f"{run.name} was withdrawn {run.withdrawn_at[:10]}: {run.withdrawn_reason}"
            for run in ((self.a,) if self.a.run_id == self.b.run_id else (self.a, self.b))
            if run.withdrawn_at is not None
        )

    @property
    def images(self) -> QTable:
        """The matched images: both values of each column, difference, ulps, outcome."""
        from iracdb.compare.tables import part_table

        return part_table(self.parts[0], self.a, self.b)

    @property
    def aors(self) -> QTable:
        """The matched averages: both values of each column, difference, ulps, outcome."""
        from iracdb.compare.tables import part_table

        return part_table(self.parts[1], self.a, self.b)

    @property
    def parameters(self) -> Table:
        """The parameters that differ: name, value in each run, what it can have moved."""
        from iracdb.compare.tables import parameters_table

        return parameters_table(self.made_by)

    def only(self, which: Which) -> Table:
        """List the rows that one run has alone.

        Parameters
        ----------
        which : {'images', 'aors'}
            Of the two parts.

        Returns
        -------
        astropy.table.Table
            Run, row, AORKEY, target, and for images the time.
        """
        from iracdb.compare.tables import only_table

        images, aors = self.parts
        return only_table(images if which == "images" else aors, self.a, self.b)

    def summary(self) -> dict[str, Any]:
        """Tell all but the rows, as plain values for JSON.

        Returns
        -------
        dict
            comparable, reason, parameters, images, aors, and more.
        """
        from iracdb.compare.report import summary

        return summary(self)


def compare(database: Database, a: int | str, b: int | str) -> Comparison:
    """Compare two runs.

    Parameters
    ----------
    database : Database
        A catalogue.
    a, b : int or str
        Their numbers or names.

    Returns
    -------
    Comparison
        Also where they cannot be compared: then it says why.

    Raises
    ------
    iracdb.errors.NotFound
        Where there is no such run.
    """
    with no_garbage_collection(), database.read() as connection:
        one, other = registry.find(connection, a), registry.find(connection, b)
        made_by = compare_making(connection, one, other)
        targets = targets_of(connection, one.run_id), targets_of(connection, other.run_id)
        reason = refusing.at_once(
            connection, one, other, (targets[0].values(), targets[1].values())
        )
        if reason is not None:
            return Comparison(one, other, reason, made_by)
        averages = [
            read_averages(connection, run.run_id, each)
            for run, each in zip((one, other), targets, strict=True)
        ]
        same_files = refusing.same_files(connection, one, other)
        part = _counted(database, connection, one, other, targets)
        if part is None:
            images = _read_both(connection, one, other)
            part = _image_part(one, other, *images)
            if not part.matched.pairs:
                return Comparison(one, other, refusing.no_pairs(one, other, *images), made_by)
    return Comparison(one, other, None, made_by, part, _aor_part(one, other, *averages), same_files)


def _counted(
    database: Database,
    connection: Connection,
    a: Any,
    b: Any,
    targets: tuple[dict[int, TargetKey], dict[int, TargetKey]],
) -> Part | None:
    """Have the database compare the images, and read rows when they are asked for."""
    flags, columns = flag_names(a, b), image_columns(a, b)
    # A number of the same name says more than the flag, and stands in its place.
    told = {name: Compares(name, "flag") for name in flags}
    told |= {column.name: column for column in columns}
    bits = {name: _BITS[name] for name in flags if told[name].kind == "flag"}
    joined = join_images(connection, a.run_id, b.run_id, targets, columns, bits)
    if joined is None:
        return None
    return CountedPart(tuple(told.values()), joined, lambda: _later(database, a, b))


def _later(database: Database, a: Any, b: Any) -> Part:
    """Read and match the images of runs that were compared before."""
    try:
        with no_garbage_collection(), database.read() as connection:
            return _image_part(a, b, *_read_both(connection, a, b))
    finally:
        # The catalogue may be closed by now: nothing is to stay open. If not, it opens another.
        database.engine.dispose()


def _read_both(connection: Connection, a: Any, b: Any) -> tuple[Images, Images]:
    names = ["flags", *(column.name for column in image_columns(a, b))]
    return read_images(connection, a.run_id, names), read_images(connection, b.run_id, names)


def _image_part(a: Any, b: Any, mine: Images, others: Images) -> Part:
    """Compare the images of two runs row by row.

    This is what a database's own comparison is held to.
    """
    matched = match_images(mine.keys, others.keys)
    columns = image_columns(a, b)
    flags = flag_names(a, b)
    compared = compare_bits(
        flags,
        [_BITS[name] for name in flags],
        [mine.rows[index][0] for index, _ in matched.pairs],
        [others.rows[index][0] for _, index in matched.pairs],
    )
    compared |= compare_columns(
        columns, _without_first(mine.rows), _without_first(others.rows), matched
    )
    return Part("images", mine.keys, others.keys, matched, compared, tuple(compared))


def _without_first(rows: Sequence[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    return [row[1:] for row in rows]


def _aor_part(a: Any, b: Any, mine: Averages, others: Averages) -> Part:
    matched = match_averages(mine.keys, others.keys)
    columns = aor_columns(a, b)
    names = [column.name for column in aor_result.columns]
    places = [names.index(column.name) for column in columns]
    rows = [[[row[place] for place in places] for row in run.rows] for run in (mine, others)]
    compared = compare_columns(columns, rows[0], rows[1], matched)
    return Part("aors", mine.keys, others.keys, matched, compared, _DECISIVE_AOR)
