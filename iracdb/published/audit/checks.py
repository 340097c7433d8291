"""The audit: every check on every run, and what they find, worst first."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, select

from iracdb.catalogue import tables as t
from iracdb.catalogue.database import Database
from iracdb.published.audit import applied, images, imported, mixed, own, tables
from iracdb.published.audit.finding import CODES, SEVERITIES, Finding
from iracdb.runs import registry

Check = Callable[[Connection, Any], Iterator[Finding]]

ALL_RUNS: tuple[Check, ...] = (
    tables.frames_counted_twice, tables.aor_repeated, tables.flux_repeated, tables.without_flux,
    tables.strange_fluxes, tables.unlike_frames, tables.words,
    mixed.mixed_frames, mixed.mixed_creators, mixed.mixed_fluxconv,
    images.pixels, images.marked_headers, images.transition, images.no_cryogen,
    applied.aperture_correction,
)  # fmt: skip
IMPORTED_RUNS: tuple[Check, ...] = (imported.chain, imported.identical_tables)
OWN_RUNS: tuple[Check, ...] = (
    own.superseded_files, own.files_gone_or_changed,
    applied.wrong_tables, applied.other_version, applied.off_aperture, applied.off_centre,
)  # fmt: skip


def audit(database: Database, which: Sequence[int | str] = ()) -> list[Finding]:
    """Find what is wrong with what is held.

    Parameters
    ----------
    database : Database
        A catalogue.
    which : sequence of int or str, optional
        Numbers or names of runs; by default all finished ones that stand.

    Returns
    -------
    list of Finding
        Errors before warnings before notes, then by the order of the codes and of the runs.

    Raises
    ------
    NotFound
        Where there is no such run.
    """
    with database.read() as connection:
        if which:
            runs = [registry.find(connection, one) for one in which]
        else:
            query = select(t.run).where(t.run.c.state == "finished", t.run.c.withdrawn_at.is_(None))
            runs = list(connection.execute(query.order_by(t.run.c.run_id)).all())
        found = []
        for run in runs:
            checks = IMPORTED_RUNS if run.origin == "imported" else OWN_RUNS
            for check in (*ALL_RUNS, *checks):
                found += list(check(connection, run))
    order = list(CODES)
    found.sort(key=lambda f: (SEVERITIES.index(f.severity), order.index(f.code), f.run_id))
    return found
