"""A run's digest, checked against its rows; its parts; and proofs of single averages."""

from __future__ import annotations

from typing import Any

from iracdb.catalogue.database import Database
from iracdb.errors import InputRefused, NotFound, RunRefused, UsageError
from iracdb.runs import registry
from iracdb.runs.digest import Proof, ResultDigest, prove
from iracdb.runs.digested import digest_of_run, values_of_run
from iracdb.runs.stored_rows import averages_of
from iracdb.verify.answers import DigestCheck, checked_digest, fits


def finished_run(connection: Any, which: int | str) -> Any:
    """Find a run that has a digest.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To a catalogue.
    which : int or str
        Its number or name.

    Returns
    -------
    Row
        Of the table ``run``.

    Raises
    ------
    NotFound
        Where there is none.
    RunRefused
        Where it is not finished.
    """
    run = registry.find(connection, which)
    if run.state != "finished":
        raise RunRefused(f"Run {run.run_id} ({run.name}) is not finished, and has no digest yet")
    return run


def digest_of(database: Database, which: int | str) -> ResultDigest:
    """Make a run's digest from its rows.

    Parameters
    ----------
    database : Database
        A catalogue.
    which : int or str
        The run's number or name.

    Returns
    -------
    ResultDigest
        With its parts.
    """
    with database.read() as connection:
        return digest_of_run(connection, finished_run(connection, which))


def check_run(
    database: Database,
    which: int | str,
    digest: str | None = None,
    *,
    carried: str | None = None,
) -> DigestCheck:
    """Check a run's rows against a digest.

    Parameters
    ----------
    database : Database
        A catalogue.
    which : int or str
        The run's number or name.
    digest : str, optional
        That it should have; by default the one noted at its close.
    carried : str, optional
        What a frozen file says, of a run of which none was noted.

    Returns
    -------
    DigestCheck
        The answer.

    Raises
    ------
    UsageError
        Where no digest is given and none was noted.
    """
    expected = None if digest is None else checked_digest(digest)
    with database.read() as connection:
        run = finished_run(connection, which)
        noted = run.result_digest or carried
        if expected is None and noted is None:
            raise UsageError(
                f"No digest of run {run.run_id} ({run.name}) was noted: give the one to check "
                f"against, such as 'iracdb digest {run.run_id}' once printed"
            )
        try:
            found, why = digest_of_run(connection, run).sha256, []
        except InputRefused as problem:
            found, why = None, [str(problem)]
    wanted = str(expected or noted)
    if found is not None and not fits(found, wanted):
        why.append(f"its rows have the digest {found}")
        when = "when it was frozen" if run.result_digest is None else "at its close"
        if noted is not None and noted != found:
            why.append(f"{when} {noted} was noted: its rows were changed since")
        elif noted is not None:
            why.append(f"that is also what was noted {when}: it is another run's digest")
    what = f"run {run.run_id} ({run.name})"
    return DigestCheck((what,), not why, wanted, expected is None, found, tuple(why), run.name)


def prove_average(
    database: Database,
    which: int | str,
    aorkey: int,
    *,
    target: str | None = None,
    group: str | None = None,
) -> tuple[Any, str, Proof]:
    """Prove one average of a run against its digest.

    Parameters
    ----------
    database : Database
        A catalogue.
    which : int or str
        The run's number or name.
    aorkey : int
        Of the average.
    target, group : str, optional
        Its target's name, and what its frames have in common, where the AOR has several.

    Returns
    -------
    tuple
        The run's row, its digest, the proof.

    Raises
    ------
    NotFound
        Where there is no such average.
    UsageError
        Where there are several.
    """
    with database.read() as connection:
        run = finished_run(connection, which)
        listed = averages_of(connection, run.run_id)
        values = values_of_run(connection, run, "aor")
        digest = digest_of_run(connection, run)
    places = [
        place
        for place, row in enumerate(listed)
        if row.aorkey == aorkey
        and target in (None, row.target_name)
        and group in (None, row.frame_group)
    ]
    if not places:
        among = " with that target and group" if target or group else ""
        raise NotFound(f"Run {run.run_id} ({run.name}) has no average of AOR {aorkey}{among}")
    if len(places) > 1:
        shown = "; ".join(
            f"--target {listed[place].target_name!r} --group {listed[place].frame_group!r}"
            for place in places[:6]
        )
        raise UsageError(
            f"Run {run.run_id} ({run.name}) has {len(places)} averages of AOR {aorkey}: "
            f"name one with {shown}"
        )
    return run, digest.sha256, prove(values, digest.images.sha256, places[0])
