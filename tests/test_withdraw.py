"""Withdrawing and restoring: a mark that hides a run, what rests on it, and nothing lost."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from built_once import Beginnings
from iracdb_cli.main import main
from published_helpers import dump
from run_helpers import cut_short, environment, write_frames
from sqlalchemy import insert, text, update
from warm import carried_out

from iracdb import Catalogue
from iracdb.catalogue import tables as t
from iracdb.catalogue.views import rebuild_all
from iracdb.errors import CannotWrite, InputRefused, NotFound, RunRefused
from iracdb.irac.simulate import FrameSpec

FRAME = FrameSpec(channel=1, aorkey=91000000, x=127.0, y=127.0, noise=False)
WHY = "cryogenic tables on warm data"
OVER_ALL = ("run_aor_data", "run_img_data")


@pytest.fixture
def catalogue(
    any_location: str, begun_with: Beginnings, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Catalogue]:
    """Five runs: 2 made from 1, 3 made from 2; 1 and 4 in a study; 5 called Other."""

    def fill(place: str) -> None:
        five_runs(place, tmp_path_factory.mktemp("archive"))

    with Catalogue(begun_with(any_location, fill), create=False) as opened:
        yield opened


def five_runs(location: str, folder: Path) -> None:
    write_frames(folder, FRAME, replace(FRAME, expid=1, mjd=FRAME.mjd + 1))
    with Catalogue(location) as opened:
        opened.ingest(folder)
        for number in (1, 2, 3, 4):
            opened.run(number)
        opened.run(name="Other")
        with opened._database.write() as connection:
            for child, parent in ((2, 1), (3, 2)):
                made = update(t.run).where(t.run.c.run_id == child)
                connection.execute(made.values(parent_run_id=parent))
            held = insert(t.study).values(id=1, name="radii", kind="test", created_at="now")
            connection.execute(held)
            members = [
                {"study_id": 1, "run_id": run, "position": run, "label": str(run)} for run in (1, 4)
            ]
            connection.execute(insert(t.study_run), members)


def held(catalogue: Catalogue, *, without: tuple[str, ...] = ()) -> dict[str, list[Any]]:
    """Every row of every table but some."""
    rows = dump(catalogue._database)
    return {name: found for name, found in rows.items() if name not in without}


def views(catalogue: Catalogue) -> dict[str, list[Any]]:
    """The rows of every view, by name."""
    known = {
        "sqlite": "SELECT name FROM sqlite_master WHERE type = 'view'",
        "postgresql": "SELECT viewname FROM pg_views WHERE schemaname = 'public'",
    }[catalogue._database.dialect]
    with catalogue._database.read() as connection:
        return {
            name: sorted(map(tuple, connection.execute(text(f'SELECT * FROM "{name}"'))), key=repr)
            for name in connection.execute(text(known)).scalars()
        }


def listed(catalogue: Catalogue, **options: bool) -> list[int]:
    return [row[0] for row in catalogue.runs(**options).rows]


def activities(catalogue: Catalogue, *kinds: str) -> list[dict[str, Any]]:
    with catalogue._database.read() as connection:
        rows = connection.execute(t.activity.select().order_by(t.activity.c.id)).all()
    return [dict(row._mapping) for row in rows if row.kind in kinds]


# What is done


def test_a_withdrawn_run_is_marked_and_hidden_and_nothing_is_lost(catalogue: Catalogue) -> None:
    before, seen = held(catalogue, without=("run", "activity")), views(catalogue)
    rows = {row.run_id: row for row in _runs(catalogue)}
    done = catalogue.withdraw(1, f"  {WHY}\n")
    assert (done.kind, done.run_id, done.name, done.reason) == ("withdraw", 1, "run1", WHY)
    assert held(catalogue, without=("run", "activity")) == before
    for row in _runs(catalogue):
        marked = {"withdrawn_at": done.at, "withdrawn_reason": WHY} if row.run_id == 1 else {}
        assert dict(row._mapping) == dict(rows[row.run_id]._mapping) | marked
    now = views(catalogue)
    assert set(seen) - set(now) == {"run1_aor_data", "run1_img_data"}
    for name in now:
        others = [row for row in seen[name] if name not in OVER_ALL or row[0] != 1]
        assert now[name] == others, name
    assert len(now["run_aor_data"]) == 4
    assert listed(catalogue) == [2, 3, 4, 5]
    everything = catalogue.runs(withdrawn=True)
    assert everything.columns[-2:] == ("withdrawn_at", "withdrawn_reason")
    assert {row[0]: row[-2:] for row in everything.rows} == {
        1: (done.at, WHY), **dict.fromkeys((2, 3, 4, 5), (None, None))
    }  # fmt: skip
    totals = catalogue.totals()
    assert (totals["runs"], totals["withdrawn"]) == (4, 1)


def _runs(catalogue: Catalogue) -> list[Any]:
    with catalogue._database.read() as connection:
        return list(connection.execute(t.run.select().order_by(t.run.c.run_id)))


def test_a_restored_run_is_as_it_was(catalogue: Catalogue) -> None:
    before, seen = held(catalogue, without=("activity",)), views(catalogue)
    withdrawn = catalogue.withdraw("run1", WHY)
    done = catalogue.restore("run1", "they were warm tables after all")
    assert (done.before, done.before_reason) == (withdrawn.at, WHY)
    assert held(catalogue, without=("activity",)) == before
    assert views(catalogue) == seen
    assert listed(catalogue) == [1, 2, 3, 4, 5]


def test_what_was_done_is_known_for_good(catalogue: Catalogue) -> None:
    first = catalogue.withdraw(1, "one")
    back = catalogue.restore(1)
    second = catalogue.withdraw(1, "two")
    told = activities(catalogue, "withdraw", "restore")
    assert [(row["kind"], row["run_id"], row["outcome"], row["started_at"]) for row in told] == [
        ("withdraw", 1, "withdrawn", first.at),
        ("restore", 1, "restored", back.at),
        ("withdraw", 1, "withdrawn", second.at),
    ]
    assert [row["detail"] for row in told] == [
        {"reason": "one"},
        {"reason": None, "withdrawn_at": first.at, "withdrawn_reason": "one"},
        {"reason": "two"},
    ]
    assert all(row["operator"] and row["host"] and row["ended_at"] for row in told)


def test_a_run_is_called_by_number_or_name_in_any_case(catalogue: Catalogue) -> None:
    for which in ("Other", "OTHER", "other", 5, "5", " other "):
        assert catalogue.withdraw(which, WHY).name == "Other"
        assert not {"other_aor_data", "other_img_data"} & set(views(catalogue))
        assert catalogue.restore(which).name == "Other"
        assert {"other_aor_data", "other_img_data"} <= set(views(catalogue))


def test_views_made_anew_leave_it_out(catalogue: Catalogue) -> None:
    catalogue.withdraw(1, WHY)
    before = views(catalogue)
    with catalogue._database.write() as connection:
        rebuild_all(connection)
    assert views(catalogue) == before
    catalogue.restore(1)
    after = views(catalogue)
    with catalogue._database.write() as connection:
        rebuild_all(connection)
    assert views(catalogue) == after
    assert "run1_img_data" in after


# What rests on it


def test_what_rests_on_a_run(catalogue: Catalogue, tmp_path: Path) -> None:
    from iracdb.export.tables import export_run

    for number, folder in ((1, "a"), (3, "b"), (5, "c")):
        export_run(catalogue.get(number), tmp_path / folder)
    resting = catalogue.withdraw(1, WHY, dry_run=True).resting
    assert [(row[0], row[3]) for row in resting.runs.rows] == [(2, 1), (3, 2)]
    assert [(row[0], row[2]) for row in resting.studies.rows] == [("radii", 1), ("radii", 4)]
    folders = [(row[2], row[-1]["folder"]) for row in resting.exports.rows]
    assert folders == [(1, str(tmp_path / "a")), (3, str(tmp_path / "b"))]
    assert [row[0] for row in catalogue.withdraw(2, WHY).resting.runs.rows] == [3]
    nothing = catalogue.withdraw("other", WHY, dry_run=True).resting
    assert nothing.runs.rows == nothing.studies.rows == []
    # A withdrawn run rests on its parent all the same, and is marked.
    again = catalogue.restore(2).resting, catalogue.withdraw(3, WHY).resting
    assert again[1].nothing is False
    marked = catalogue.withdraw(1, WHY).resting.runs.rows
    assert [(row[0], row[4] is not None) for row in marked] == [(2, False), (3, True)]


def test_runs_that_are_each_others_parents_are_told_once(catalogue: Catalogue) -> None:
    with catalogue._database.write() as connection:
        made = update(t.run).where(t.run.c.run_id == 1)
        connection.execute(made.values(parent_run_id=3))
    resting = catalogue.withdraw(2, WHY, dry_run=True).resting
    assert sorted(row[0] for row in resting.runs.rows) == [1, 2, 3]


# What is refused, and what changes nothing


def refused(catalogue: Catalogue, act: Callable[[], object], error: type[Exception], said: str):
    before, seen = held(catalogue), views(catalogue)
    with pytest.raises(error, match=said):
        act()
    assert held(catalogue) == before
    assert views(catalogue) == seen


def test_what_is_refused(catalogue: Catalogue) -> None:
    for dry_run in (False, True):
        for nothing in ("", " \n\t "):
            refused(catalogue, lambda r=nothing, d=dry_run: catalogue.withdraw(1, r, dry_run=d),
                    InputRefused, "reason is empty")  # fmt: skip
        for number in (99, "nobody", ""):
            refused(catalogue, lambda n=number, d=dry_run: catalogue.withdraw(n, WHY, dry_run=d),
                    NotFound, "There is no run")  # fmt: skip
        refused(catalogue, lambda d=dry_run: catalogue.restore(1, dry_run=d),
                RunRefused, r"Run 1 \(run1\) is not withdrawn")  # fmt: skip
    refused(catalogue, lambda: catalogue.withdraw(1, "a\0b"), InputRefused, "NUL")
    refused(catalogue, lambda: catalogue.withdraw(1, "a\udcff"), InputRefused, "UTF-8")
    catalogue.withdraw(1, WHY)
    for dry_run in (False, True):
        refused(catalogue, lambda d=dry_run: catalogue.withdraw(1, "again", dry_run=d),
                RunRefused, f"was withdrawn on .* UTC: {WHY}. .*iracdb restore run1")  # fmt: skip
    refused(catalogue, lambda: catalogue.restore(1, " "), InputRefused, "reason is empty")


def test_a_dry_run_changes_nothing(catalogue: Catalogue) -> None:
    before, seen = held(catalogue), views(catalogue)
    told = catalogue.withdraw(1, WHY, dry_run=True)
    assert (told.at, told.reason) == (None, WHY)
    assert (held(catalogue), views(catalogue)) == (before, seen)
    done = catalogue.withdraw(1, WHY)
    assert done.resting == told.resting
    before, seen = held(catalogue), views(catalogue)
    assert catalogue.restore(1, dry_run=True).before == done.at
    assert (held(catalogue), views(catalogue)) == (before, seen)


def test_an_unfinished_run_is_refused(any_location: str, tmp_path: Path) -> None:
    write_frames(tmp_path / "archive", FRAME)
    with Catalogue(any_location) as catalogue:
        catalogue.ingest(tmp_path / "archive")
        done = cut_short("kill", any_location, "run", "--no-tables", folder=tmp_path)
        assert done.returncode == -9
        refused(catalogue, lambda: catalogue.withdraw(1, WHY), RunRefused, "is not finished")
        refused(catalogue, lambda: catalogue.restore(1), RunRefused, "is not withdrawn")


def test_a_view_that_another_is_made_of(catalogue: Catalogue) -> None:
    with catalogue._database.write() as connection:
        connection.execute(text("CREATE VIEW mine AS SELECT * FROM run1_aor_data"))
    if catalogue._database.dialect == "postgresql":
        refused(catalogue, lambda: catalogue.withdraw(1, WHY), RunRefused,
                "others made of its views first: view mine depends on view run1_aor")  # fmt: skip
        with catalogue._database.write() as connection:
            connection.execute(text("DROP VIEW mine"))
    assert catalogue.withdraw(1, WHY).at


def test_two_processes_withdraw_once(
    catalogue: Catalogue, any_location: str, tmp_path: Path
) -> None:
    program = """
import sys, time
from pathlib import Path
from iracdb_cli.main import main
Path(sys.argv[-1]).touch()
while not all(Path(f"process {n}").exists() for n in range(2)):
    time.sleep(0.001)
sys.exit(main(sys.argv[1:]))
"""

    def withdraw(n: int) -> int:
        words = ["withdraw", "1", "--reason", f"process {n}"]
        where = environment(any_location)
        return carried_out(program, words, tmp_path, where, seconds=120).returncode

    with ThreadPoolExecutor(2) as running:
        ended = list(running.map(withdraw, range(2)))
    assert sorted(ended) == [0, 3]
    assert len(activities(catalogue, "withdraw")) == 1
    winner = ended.index(0)
    assert _runs(catalogue)[0].withdrawn_reason == f"process {winner}"


# What people see


Say = Callable[..., tuple[str, str]]


@pytest.fixture
def say(
    catalogue: Catalogue,
    any_location: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Say:
    """Carry out a command; what it prints to stdout and to stderr."""
    monkeypatch.setenv("IRACDB_DATABASE_URL", any_location)
    monkeypatch.chdir(tmp_path)

    def carried_out(*words: str, status: int = 0) -> tuple[str, str]:
        assert main(words) == status
        return capsys.readouterr()

    return carried_out


def test_commands(say: Say) -> None:
    say("export", "3", "--out", "tables")
    out, err = say("withdraw", "RUN1", "--reason", WHY, "--dry-run")
    assert out.endswith(f"A dry run: run 1 (run1) would be withdrawn: {WHY}; nothing was done\n")
    assert "run3_aor_data.csv, run3_img_data.csv, run3_log.txt in tables" in out
    assert "2 runs, 1 study and 1 export rest on run 1, and are left as they are" in out
    assert err == ""
    out, _ = say("withdraw", "run1", "--reason", WHY)
    assert out.endswith(f"Run 1 (run1) is withdrawn: {WHY}\n")
    out, _ = say("runs")
    assert "run1" not in out
    out, _ = say("runs", "--all")
    (line,) = [line for line in out.splitlines() if "run1" in line]
    assert line.endswith(WHY)
    out, _ = say("show", "1")
    sentence = out.splitlines()[0]
    assert sentence.startswith("Run 1 (run1) was withdrawn on 20")
    assert sentence.endswith(f" UTC: {WHY}")
    _, err = say("export", "1", "--out", "tables")
    assert err == f"{sentence}\n"
    _, err = say("lineage", "1", "--aor", "91000000")
    assert err == f"{sentence}\n"
    out, _ = say("status")
    assert out.splitlines()[-1].endswith("4 runs and 1 withdrawn")
    out, err = say("withdraw", "1", "--reason", "again", status=3)
    assert (out, err) == ("", f"iracdb: {sentence}. Take that back with 'iracdb restore run1'\n")
    out, _ = say("restore", "1", "--reason", "a slip")
    assert "Run 1 (run1) stands again: a slip. It had been withdrawn on 20" in out
    assert out.endswith(f" UTC: {WHY}\n")
    out, _ = say("show", "1")
    assert "withdrawn" not in out
    out, _ = say("withdraw", "other", "--reason", WHY)
    assert out.startswith("Nothing that the catalogue knows of rests on run 5\n")


def test_json(say: Say) -> None:
    out, _ = say("withdraw", "1", "--reason", WHY, "--json")
    told = json.loads(out)
    assert (told["run_id"], told["name"], told["kind"]) == (1, "run1", "withdraw")
    assert (told["reason"], told["dry_run"]) == (WHY, False)
    assert told["at"].endswith("Z")
    assert [run["run_id"] for run in told["rests_on_it"]["runs"]] == [2, 3]
    assert [run["run_id"] for run in told["rests_on_it"]["studies"]] == [1, 4]
    assert told["rests_on_it"]["exports"] == []
    shown = json.loads(say("show", "1", "--json")[0])
    assert (shown["withdrawn_at"], shown["withdrawn_reason"]) == (told["at"], WHY)
    rows = json.loads(say("runs", "--all", "--json")[0])
    assert {row["run_id"]: row["withdrawn_reason"] for row in rows}[1] == WHY
    back = json.loads(say("restore", "1", "--json")[0])
    assert (back["was_withdrawn_at"], back["was_withdrawn_reason"]) == (told["at"], WHY)
    assert back["reason"] is None


def test_when_no_run_stands_any_more(say: Say) -> None:
    for number in range(1, 6):
        say("withdraw", str(number), "--reason", WHY)
    out, err = say("runs")
    assert (out, err) == ("", "5 runs are withdrawn: 'iracdb runs --all' lists them\n")
    assert json.loads(say("runs", "--json")[0]) == []


def test_a_reason_is_needed(say: Say) -> None:
    _, err = say("withdraw", "1", status=2)
    assert "--reason" in err
    _, err = say("withdraw", "1", "--reason", "  ", status=3)
    assert "say in a few words why" in err


def test_a_reason_gives_the_terminal_no_orders(say: Say) -> None:
    out, _ = say("withdraw", "1", "--reason", "a\x1b[31m\nb [bold]")
    assert "a\\x1b[31m b [bold]" in out
    for words in (("show", "1"), ("runs", "--all"), ("restore", "1")):
        out, err = say(*words)
        assert "\x1b" not in out + err


def test_a_catalogue_that_cannot_be_written(
    catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cannot(*_: object) -> None:
        raise CannotWrite("a test")

    monkeypatch.setattr(catalogue._database, "write", cannot)
    with pytest.raises(CannotWrite):
        catalogue.withdraw(1, WHY)
    assert catalogue.withdraw(1, WHY, dry_run=True).resting.runs.rows
