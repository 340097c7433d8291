"""All that is told of one run, put together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import PurePath
from typing import Any, Literal

from sqlalchemy import Connection, select

from iracdb.catalogue import tables as t
from iracdb.errors import RunRefused, UsageError
from iracdb.export.prov.inputs import Inputs
from iracdb.export.prov.names import IMPORT, RESULTS, RUN, average_name, content_name, namespaces
from iracdb.export.prov.results import Results
from iracdb.export.prov.run_part import agent_statements, moment, run_statements
from iracdb.export.prov.statements import Name, Provenance, Statement, element, relation

Level = Literal["aor", "image"]

LEVELS: tuple[Level, ...] = ("aor", "image")
"""How deep: down to the averages and the files they are over, or to every image as well."""

_PARENT_RUN = "parent:run"
_PARENT_RESULTS = "parent:results"
_WITHDRAWAL = "run:withdrawal"


def provenance_of(connection: Connection, run: Any, level: str) -> Provenance:
    """Tell where a run's results come from.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue; it must stay open while the statements are read.
    run : Row
        Of the table ``run``.
    level : {'aor', 'image'}
        How deep.

    Returns
    -------
    Provenance
        The same for the same run in any catalogue.

    Raises
    ------
    RunRefused
        Where the run is not finished.
    UsageError
        Where there is no such level.
    """
    if level not in LEVELS:
        raise UsageError(f"There is no level {level!r}: {', '.join(LEVELS)}")
    if run.state != "finished":
        raise RunRefused(
            f"Run {run.run_id} ({run.name}) is not finished: repeat the command that began it"
        )
    parent = _row_of(connection, run.parent_run_id)
    told = _Telling(connection, run, parent)
    bundles = told.results.bundles() if level == "image" else iter(())
    return Provenance(
        namespaces(run.uuid, None if parent is None else parent.uuid),
        _agents_once(told.statements(with_bundles=level == "image")),
        bundles,
    )


def _row_of(connection: Connection, run_id: int | None) -> Any:
    if run_id is None:
        return None
    return connection.execute(select(t.run).where(t.run.c.run_id == run_id)).one()


def _agents_once(statements: Iterable[Statement]) -> Iterator[Statement]:
    """Leave out what is told of an agent again: it may have had a part in several activities."""
    known = set()
    for statement in statements:
        if statement.kind == "agent":
            if statement.identifier in known:
                continue
            known.add(statement.identifier)
        yield statement


class _Telling:
    """What there is to tell of one run."""

    def __init__(self, connection: Connection, run: Any, parent: Any) -> None:
        self._connection = connection
        self._run = run
        self._parent = parent
        self._import = None if run.origin == "executed" else self._last_activity("import")
        made_at = run.finished_at if run.origin == "executed" else None
        if self._import is not None:
            made_at = self._import.ended_at
        self.results = Results(connection, run, made_at)

    def _last_activity(self, kind: str) -> Any:
        columns = t.activity.c
        return self._connection.execute(
            select(t.activity)
            .where(columns.run_id == self._run.run_id, columns.kind == kind)
            .order_by(columns.started_at.desc(), columns.id.desc())
            .limit(1)
        ).one_or_none()

    def statements(self, *, with_bundles: bool) -> Iterator[Statement]:
        yield from run_statements(self._connection, self._run)
        inputs = Inputs(self._connection, self._run)
        yield from inputs.statements()
        if self._run.origin == "imported":
            yield from self._imported()
        yield from self.results.statements(inputs, with_bundles=with_bundles)
        if self._parent is not None:
            yield from self._made_from()
        if self._run.withdrawn_at is not None:
            yield from self._withdrawn()

    def _imported(self) -> Iterator[Statement]:
        """Tell of the published files, and of how they were taken in."""
        times = (None, None) if self._import is None else (
            moment(self._import.started_at), moment(self._import.ended_at)
        )  # fmt: skip
        label = f"import of {self._run.name}"
        yield element("activity", IMPORT, {"prov:label": label}, *times)
        if self._import is not None:
            yield from agent_statements(self._import.operator, self._import.host, IMPORT)
        columns = t.run_source.c
        sources = self._connection.execute(
            select(t.run_source)
            .where(columns.run_id == self._run.run_id)
            .order_by(columns.position)
        ).all()
        for source in sources:
            name = content_name(source.sha256)
            yield element(
                "entity",
                name,
                {
                    "prov:type": Name("voprov:DatasetEntity"),
                    "prov:label": PurePath(source.path).name,
                    "voprov:name": PurePath(source.path).name,
                    "iracdb:role": source.role,
                    "iracdb:sha256": source.sha256,
                    "iracdb:sizeBytes": source.size,
                },
            )
            yield relation("wasGeneratedBy", name, RUN, None, told={"prov:role": source.role})
            yield relation("used", IMPORT, name, None, told={"prov:role": source.role})
            yield relation("wasDerivedFrom", RESULTS, name, IMPORT)

    def _made_from(self) -> Iterator[Statement]:
        """Tell of the run that this one was recomputed from."""
        parent = self._parent
        yield element(
            "activity", _PARENT_RUN, {"prov:label": parent.name, "iracdb:origin": parent.origin},
            moment(parent.started_at), moment(parent.finished_at),
        )  # fmt: skip
        label = f"results of {parent.name}"
        told = {"prov:type": Name("prov:Collection"), "prov:label": label,
                "iracdb:resultDigest": parent.result_digest}  # fmt: skip
        yield element("entity", _PARENT_RESULTS, told)
        yield relation("used", RUN, _PARENT_RESULTS, None, told={"prov:role": "parent"})
        revision = {"prov:type": Name("prov:Revision")}
        yield relation("wasDerivedFrom", RESULTS, _PARENT_RESULTS, RUN, told=revision)

    def _withdrawn(self) -> Iterator[Statement]:
        """Tell that the results no longer stand, since when and why."""
        when = moment(self._run.withdrawn_at)
        activity = self._withdrawal()
        if activity is not None:
            yield element(
                "activity", _WITHDRAWAL, {"prov:label": f"withdrawal of {self._run.name}"},
                moment(activity.started_at), moment(activity.ended_at),
            )  # fmt: skip
            yield from agent_statements(activity.operator, activity.host, _WITHDRAWAL)
        by = None if activity is None else _WITHDRAWAL
        told = {"iracdb:reason": self._run.withdrawn_reason}
        names = [average_name("aor", average) for average in self.results.averages]
        for name in (RESULTS, *names):
            yield relation("wasInvalidatedBy", name, by, when, told=told)

    def _withdrawal(self) -> Any:
        """Find the activity within which the run was withdrawn."""
        found, when = self._last_activity("withdraw"), self._run.withdrawn_at
        if found is None or not found.started_at <= when <= (found.ended_at or when):
            return None
        return found
