"""The one writer of an ingest: readings become rows."""

from __future__ import annotations

import hashlib
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, exc, insert, select, text, update

from iracdb.catalogue import tables as t
from iracdb.catalogue.clock import now
from iracdb.catalogue.ingest_facts import Place, tell_aor, tell_frames
from iracdb.catalogue.ingest_new import Familiar, compare_versions, report_new, store_new
from iracdb.catalogue.ingest_reading import Reading
from iracdb.catalogue.ingest_report import IngestReport, Outcome
from iracdb.catalogue.tables import file, file_location, file_problem, frame
from iracdb.errors import BadFile
from iracdb.irac.archive import Found, as_text
from iracdb.irac.files import FACTS, IracFile
from iracdb.irac.names import parse_name


class Store:
    """Keeps readings, inside the caller's transaction.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        In a transaction that may write.
    report : IngestReport
        Filled with what becomes of each file.
    first_of : dict, optional
        Where the first file of an AOR is in it, by AORKEY, as batches before this one found. Files
        are never taken out, so that it can only move to the front.
    """

    def __init__(
        self,
        connection: Connection,
        report: IngestReport,
        first_of: dict[int, Place] | None = None,
    ) -> None:
        self.connection = connection
        self.report = report
        self.first_of = {} if first_of is None else first_of
        self.when = now()
        if connection.dialect.name == "postgresql":
            # One writer at a time: two ingests of the same files must not both find them new.
            connection.execute(text("SELECT pg_advisory_xact_lock(4977672)"))

    def keep(self, readings: list[Reading]) -> None:
        """Store a batch.

        Parameters
        ----------
        readings : list of Reading
            In the order of their paths.
        """
        self.touched: set[int] = set()
        self.aors: set[int] = set()
        familiar = Familiar(self.connection, readings)
        stretch: list[Reading] = []
        for reading in readings:
            if familiar.is_new(reading):
                stretch.append(reading)
            else:
                self._keep_new(stretch)
                self._keep_alone(reading)
                stretch = []
            if reading.file is not None:
                familiar.contents.add(reading.file.sha256)
        self._keep_new(stretch)
        tell_frames(self.connection, self.touched)
        by_aor: dict[int, list[IracFile]] = {aorkey: [] for aorkey in sorted(self.aors)}
        for reading in readings:
            if reading.file is not None and reading.file.name.aorkey in by_aor:
                by_aor[reading.file.name.aorkey].append(reading.file)
        for aorkey, contents in by_aor.items():
            tell_aor(self.connection, aorkey, contents, self.first_of)

    def _keep_new(self, stretch: list[Reading]) -> None:
        """Store files of which nothing is known; one by one if there is one that cannot be."""
        if not stretch:
            return
        try:
            with self.connection.begin_nested():
                stored = store_new(self.connection, stretch, self.when)
        except (exc.DataError, exc.IntegrityError):
            for reading in stretch:
                self._keep_alone(reading)
            return
        report_new(self.report, stretch, stored)
        self.touched |= stored.touched
        self.aors.update(one.file.name.aorkey for one in stretch if one.file is not None)

    def _keep_alone(self, reading: Reading) -> None:
        try:
            with self.connection.begin_nested():
                touched = self._keep_one(reading)
        except (exc.DataError, exc.IntegrityError) as problem:
            # A header that passed every check and that the database cannot hold all the same.
            said = " ".join(str(problem.orig).split())
            bad = BadFile(f"the database cannot hold it: {said}", code="not-storable")
            self._set_aside(reading.found, bad)
            return
        if touched is not None and reading.file is not None:
            self.touched.add(touched)
            self.aors.add(reading.file.name.aorkey)

    def _keep_one(self, reading: Reading) -> int | None:
        """Store one file; give the frame whose facts it may have changed."""
        if reading.file is None or reading.problem is not None:
            problem = reading.problem or BadFile("it could not be read")
            self._set_aside(reading.found, problem)
            return None
        path, content = reading.found.path, reading.file
        self._no_longer_set_aside(path)
        held = self.connection.execute(
            select(file.c.id, file.c.frame_id, file.c.name).where(file.c.sha256 == content.sha256)
        ).one_or_none()
        if held is not None:
            self._place_known(path, content, held.id)
            return self._tell_version(content, held)
        frame_id = self._frame(content)
        kind, note = self._compare_versions(path, content, frame_id)
        file_id = self._insert_file(reading, content, frame_id)
        self._locate(path, content, file_id)
        self.report.add(Outcome(kind, path, note))
        self.report.aors.add(content.name.aorkey)
        return frame_id

    def _set_aside(self, found: Found, problem: BadFile) -> None:
        path = as_text(found.path)
        columns = file_problem.c
        values = {
            "code": problem.code,
            "message": problem.message,
            "size": found.size,
            "mtime_ns": found.mtime_ns,
            "last_seen": self.when,
            "resolved_at": None,
        }
        before = self.connection.execute(
            select(columns.code, columns.message, columns.resolved_at).where(columns.path == path)
        ).one_or_none()
        if before is None:
            self.connection.execute(
                insert(file_problem).values(path=path, first_seen=self.when, **values)
            )
        else:
            self.connection.execute(
                update(file_problem).where(columns.path == path).values(**values)
            )
        # What lay here before does so no longer.
        self.connection.execute(
            update(file_location).where(file_location.c.path == path).values(present=False)
        )
        again = (
            before is not None
            and before.resolved_at is None
            and ((before.code, before.message) == (problem.code, problem.message))
        )
        self.report.add(Outcome("set aside", path, problem.message, problem.code, again=again))

    def _no_longer_set_aside(self, path: str) -> None:
        columns = file_problem.c
        settled = self.connection.execute(
            update(file_problem)
            .where(columns.path == path, columns.resolved_at.is_(None))
            .values(resolved_at=self.when)
        )
        if settled.rowcount:
            self.report.add(Outcome("no longer set aside", path, "it is whole now"))

    def _place_known(self, path: str, content: IracFile, file_id: int) -> None:
        """Tell whether known content is where it was, elsewhere, or in one more place."""
        columns = file_location.c
        rows = self.connection.execute(
            select(columns.path, columns.present, columns.size, columns.mtime_ns)
            .where(columns.file_id == file_id)
            .order_by(columns.path)
        ).all()
        here = next((row for row in rows if row.path == path), None)
        self_known = self.connection.execute(
            select(columns.file_id).where(columns.path == path)
        ).scalar_one_or_none()
        others = [row for row in rows if row.path != path and row.present]
        standing = [row.path for row in others if _stands(row, content.sha256)]
        vanished = [row.path for row in others if row.path not in standing]
        if here is not None and here.present:
            if here.mtime_ns == content.mtime_ns:
                self.report.unchanged += 1
            else:
                self.report.add(Outcome("touched", path, "its content is the same"))
        elif here is not None:
            self.report.add(Outcome("back", path, "it is there again, with the same content"))
        elif self_known is not None:
            note = "its content is now that of another known file"
            self.report.add(Outcome("changed", path, note))
            self.report.replaced[self_known] = path
        elif standing:
            self.report.add(Outcome("copy", path, f"the same content as {standing[0]}"))
        elif vanished:
            self.report.add(Outcome("moved", path, f"from {vanished[0]}"))
            self._move_away(vanished[0])
        elif file_id in self.report.replaced:
            self.report.add(Outcome("moved", path, f"from {self.report.replaced[file_id]}"))
        else:
            self.report.add(Outcome("back", path, "its content was held, but was nowhere"))
        self._locate(path, content, file_id)

    def _tell_version(self, content: IracFile, held: Any) -> int | None:
        """Call the same bytes by their newest version, whichever name was seen first."""
        name, known = content.name, parse_name(held.name)
        if known is None or name.version <= known.version:
            return None
        if replace(name, version=known.version) != known:
            return None
        self.connection.execute(
            update(file).where(file.c.id == held.id).values(version=name.version, name=str(name))
        )
        return int(held.frame_id)

    def _move_away(self, path: str) -> None:
        self.report.moved_from.add(path)
        self.connection.execute(
            update(file_location).where(file_location.c.path == path).values(present=False)
        )

    def _locate(self, path: str, content: IracFile, file_id: int) -> None:
        columns = file_location.c
        values = {
            "file_id": file_id,
            "size": content.size,
            "mtime_ns": content.mtime_ns,
            "present": True,
            "last_seen": self.when,
        }
        changed = self.connection.execute(
            update(file_location).where(columns.path == path).values(**values)
        )
        if not changed.rowcount:
            self.connection.execute(
                insert(file_location).values(path=path, first_seen=self.when, **values)
            )

    def _frame(self, content: IracFile) -> int:
        name = content.name
        aor = self.connection.execute(
            select(t.aor.c.aorkey).where(t.aor.c.aorkey == name.aorkey)
        ).scalar_one_or_none()
        if aor is None:
            self.connection.execute(insert(t.aor).values(aorkey=name.aorkey))
        identity = {
            "channel": name.channel,
            "aorkey": name.aorkey,
            "expid": name.expid,
            "dcenum": name.dcenum,
        }
        held = self.connection.execute(
            select(frame.c.id).where(*(frame.c[key] == value for key, value in identity.items()))
        ).scalar_one_or_none()
        if held is not None:
            return int(held)
        self.report.frames += 1
        made = insert(frame).values(**identity).returning(frame.c.id)
        return int(self.connection.execute(made).scalar_one())

    def _compare_versions(self, path: str, content: IracFile, frame_id: int) -> tuple[str, str]:
        """Tell what new content is to its path and to the frame it shows."""
        version, kind = content.name.version, content.name.kind
        was_here = self.connection.execute(
            select(file_location.c.file_id).where(file_location.c.path == path)
        ).scalar_one_or_none()
        if was_here is not None:
            self.report.replaced[was_here] = path
            return "changed", "its content is not what it was"
        versions = (
            self.connection.execute(
                select(file.c.version).where(file.c.frame_id == frame_id, file.c.kind == kind)
            )
            .scalars()
            .all()
        )
        return compare_versions(version, versions)

    def _insert_file(self, reading: Reading, content: IracFile, frame_id: int) -> int:
        planes, rows, columns = (None, *content.shape)[-3:]
        file_id = self.connection.execute(
            insert(file)
            .values(
                frame_id=frame_id,
                kind=content.name.kind,
                version=content.name.version,
                name=str(content.name),
                size=content.size,
                sha256=content.sha256,
                data_sha256=content.data_sha256,
                bitpix=content.bitpix,
                naxis1=columns,
                naxis2=rows,
                naxis3=planes,
                data_offset=len(content.header.verbatim),
                wcs=content.wcs,
                first_seen=self.when,
                **{fact: content.facts[fact] for fact in FACTS},
            )
            .returning(file.c.id)
        ).scalar_one()
        self.connection.execute(
            insert(t.header).values(
                file_id=file_id,
                verbatim=reading.packed.verbatim,
                cards=[[card.keyword, card.text, card.number] for card in content.header.cards],
            )
        )
        return int(file_id)


def _stands(place: Any, sha256: str) -> bool:
    """Tell whether a place still holds the content last seen there."""
    try:
        status = os.stat(place.path)
        if status.st_size != place.size or status.st_mtime_ns == place.mtime_ns:
            return bool(status.st_size == place.size)
        with Path(place.path).open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest() == sha256
    except FileNotFoundError:
        return False
    except OSError:
        return True  # it is there, and what it holds cannot be told now
