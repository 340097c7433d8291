"""A run's name and comment can be changed, each change is kept, and no number changes."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from built_once import Beginnings
from iracdb_cli.main import main
from published_helpers import dump
from run_helpers import command, cut_short, write_frames
from sqlalchemy import inspect, text

from iracdb import Catalogue
from iracdb.catalogue import tables as t
from iracdb.catalogue.locks import run_lock
from iracdb.catalogue.views import rebuild_all, view_names
from iracdb.errors import Busy, CannotWrite, InputRefused, NotFound, RunRefused, UsageError
from iracdb.export.tables import export_run
from iracdb.irac.simulate import FrameSpec
from iracdb.runs.digested import digest_of_run
from iracdb.runs.wording import change_sentence

FRAME = FrameSpec(channel=1, aorkey=91000000, x=127.0, y=127.0, noise=False)


@pytest.fixture
def catalogue(
    any_location: str, begun_with: Beginnings, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Catalogue]:
    """Runs 1, 5 called Other, and 13 with a comment."""

    def fill(place: str) -> None:
        folder = tmp_path_factory.mktemp("archive")
        write_frames(folder, FRAME, replace(FRAME, expid=1, mjd=FRAME.mjd + 1))
        with Catalogue(place) as made:
            made.ingest(folder)
            made.run(1)
            made.run(5, name="Other")
            made.run(13, comment="the first")

    with Catalogue(begun_with(any_location, fill), create=False) as opened:
        yield opened


def views(catalogue: Catalogue) -> set[str]:
    with catalogue._database.read() as connection:
        return {name for name in inspect(connection).get_view_names()
                if not name.startswith("run_")}  # fmt: skip


def activities(catalogue: Catalogue, *kinds: str) -> list[Any]:
    with catalogue._database.read() as connection:
        rows = connection.execute(t.activity.select().order_by(t.activity.c.id)).all()
    return [row for row in rows if row.kind in kinds]


def digest(catalogue: Catalogue, which: int) -> str:
    run = catalogue.get(which)
    with catalogue._database.read() as connection:
        return str(digest_of_run(connection, run.row).sha256)


# Renaming


def test_a_renamed_run_is_the_same_run_under_another_name(catalogue: Catalogue) -> None:
    before, seen = dump(catalogue._database), views(catalogue)
    row, noted = catalogue.get(13).row, digest(catalogue, 13)
    rows = catalogue.sql("SELECT * FROM run13_img_data").rows
    done = catalogue.rename("RUN13", "Narrow", "easier to remember")
    assert (done.kind, done.run_id, done.name, done.before, done.after, done.reason) == (
        "rename", 13, "Narrow", "run13", "Narrow", "easier to remember"
    )  # fmt: skip
    after = dump(catalogue._database)
    assert {n: r for n, r in before.items() if n not in ("run", "activity")} == {
        n: r for n, r in after.items() if n not in ("run", "activity")
    }
    now = dict(catalogue.get("narrow").row._mapping)
    assert now == dict(row._mapping) | {"name": "Narrow", "name_key": "narrow"}
    assert digest(catalogue, 13) == noted == row.result_digest
    old, new = set(view_names("run13")), set(view_names("Narrow"))
    assert views(catalogue) == (seen - old) | new
    assert catalogue.sql("SELECT * FROM narrow_img_data").rows == rows
    found = catalogue.sql("SELECT DISTINCT run_name FROM run_img_data ORDER BY 1").rows
    assert ("Narrow",) in [tuple(each) for each in found]
    with pytest.raises(NotFound):
        catalogue.get("run13")


def test_what_it_was_called_is_known_for_good(catalogue: Catalogue) -> None:
    first = catalogue.rename(13, "narrow", "  a\nreason ")
    second = catalogue.rename(13, "Narrow")
    back = catalogue.rename(13, "run13")
    told = activities(catalogue, "rename")
    assert [(row.run_id, row.outcome, row.started_at, row.detail) for row in told] == [
        (13, "renamed", first.at, {"before": "run13", "after": "narrow", "reason": "a\nreason"}),
        (13, "renamed", second.at, {"before": "narrow", "after": "Narrow", "reason": None}),
        (13, "renamed", back.at, {"before": "Narrow", "after": "run13", "reason": None}),
    ]
    assert all(row.operator and row.host and row.ended_at for row in told)
    said = [change_sentence(change) for change in catalogue.get(13).changes]
    assert said[0] == f"Until {first.at[:16].replace('T', ' ')} UTC it was called run13: a reason"
    assert said[2].endswith("it was called Narrow")
    assert catalogue.get(1).changes == []


def test_views_made_anew_have_the_new_name(catalogue: Catalogue) -> None:
    catalogue.rename(5, "another")
    seen = views(catalogue)
    with catalogue._database.write() as connection:
        rebuild_all(connection)
    assert views(catalogue) == seen
    assert "another_aor_data" in seen


@pytest.mark.parametrize(
    ("name", "error", "said"),
    [
        ("run7", UsageError, "The name run7 owns number 7"),
        ("a b", UsageError, "'a b' is no name for a run"),
        ("run", UsageError, "is no name for a run"),
        ("", UsageError, "is no name for a run"),
        ("OTHER", RunRefused, "The name OTHER is taken by run 5"),
        ("run13", RunRefused, "Run 13 is called run13 already"),
    ],
)
def test_names_that_are_refused(
    catalogue: Catalogue, name: str, error: type[Exception], said: str
) -> None:
    before, seen = dump(catalogue._database), views(catalogue)
    with pytest.raises(error, match=said):
        catalogue.rename(13, name)
    with pytest.raises(InputRefused, match="reason is empty"):
        catalogue.rename(13, "narrow", " ")
    assert dump(catalogue._database) == before
    assert views(catalogue) == seen


def test_a_number_whose_name_is_free_is_not_given_to_another(catalogue: Catalogue) -> None:
    catalogue.rename(13, "narrow")
    with pytest.raises(RunRefused, match=r"Run 13 \(narrow\) is finished"):
        catalogue.run(13)
    assert catalogue.run().run_id == 14


def test_a_withdrawn_run_keeps_hidden_and_comes_back_under_its_new_name(
    catalogue: Catalogue,
) -> None:
    catalogue.withdraw(13, "a test")
    seen = views(catalogue)
    catalogue.rename(13, "narrow")
    assert views(catalogue) == seen
    catalogue.restore("narrow")
    assert views(catalogue) == seen | {"narrow_aor_data", "narrow_img_data"}


def test_an_unfinished_run_keeps_its_name_but_may_be_commented(
    any_location: str, tmp_path: Path
) -> None:
    write_frames(tmp_path / "archive", FRAME, replace(FRAME, aorkey=91000256))
    with Catalogue(any_location) as catalogue:
        catalogue.ingest(tmp_path / "archive")
        words = ("run", "--name", "begun", "--no-tables")
        assert cut_short("kill", any_location, *words, folder=tmp_path).returncode
        before = dump(catalogue._database)
        with pytest.raises(RunRefused, match=r"Run 1 \(begun\) is not finished, and the command"):
            catalogue.rename(1, "other")
        assert dump(catalogue._database) == before
        with run_lock(catalogue._database, 1), pytest.raises(Busy, match="is making run 1"):
            catalogue.comment(1, "not now")
        catalogue.comment(1, "cut short")
        # The same parameters: the comment does not make it another run.
        done = command(any_location, *words, folder=tmp_path)
        assert (done.returncode, "goes on with run 1 (begun)" in done.stderr) == (0, True)
        assert (catalogue.get(1).state, catalogue.get(1).row.comment) == ("finished", "cut short")


def test_a_run_that_is_being_made_elsewhere_is_left_alone(catalogue: Catalogue) -> None:
    with run_lock(catalogue._database, 13):
        with pytest.raises(Busy):
            catalogue.rename(13, "narrow")
        catalogue.rename(5, "another")


def test_a_view_of_others_on_postgresql(postgres_url: str, tmp_path: Path) -> None:
    write_frames(tmp_path / "archive", FRAME)
    with Catalogue(postgres_url) as catalogue:
        catalogue.ingest(tmp_path / "archive")
        catalogue.run(13)
        with catalogue._database.write() as connection:
            connection.execute(text("CREATE VIEW mine AS SELECT * FROM run13_aor_data"))
        before = dump(catalogue._database)
        with pytest.raises(RunRefused, match="Drop what others made of its views first: view mine"):
            catalogue.rename(13, "narrow")
        assert dump(catalogue._database) == before
        assert {"mine", "run13_aor_data", "run13_img_data"} <= views(catalogue)


def test_a_frozen_run_is_only_read_and_known_under_its_new_name(
    catalogue: Catalogue, tmp_path: Path
) -> None:
    catalogue.rename(13, "narrow", "why")
    catalogue.comment(13, "the last")
    frozen = tmp_path / "narrow.sqlite"
    catalogue.freeze(13, frozen)
    catalogue.rename(13, "wide")
    with Catalogue(frozen, create=False) as only_read:
        assert [change.before for change in only_read.get("narrow").changes] == [
            "run13", "the first"
        ]  # fmt: skip
        for change in (lambda: only_read.rename(13, "x"), lambda: only_read.comment(13, "x")):
            with pytest.raises(CannotWrite, match="is a frozen run"):
                change()
    thawed = catalogue.thaw(frozen)
    assert (thawed.new, thawed.name) == (False, "wide")


def test_an_imported_run_is_exported_as_it_was_published(
    any_location: str, reference: Path, tmp_path: Path
) -> None:
    published = next(path.parent for path in sorted(reference.rglob("run13_log.txt")))
    folder = tmp_path / "published"
    folder.mkdir()
    for path in published.glob("run13_*"):
        shutil.copy(path, folder)
    with Catalogue(any_location) as catalogue:
        catalogue.import_runs(folder)
        comment = catalogue.get(13).row.comment
        catalogue.rename(13, "Cepheids")
        catalogue.comment(13, "as in the paper")
        export_run(catalogue.get(13), tmp_path / "out")
        for path in folder.iterdir():
            same = tmp_path / "out" / path.name.replace("run13", "Cepheids")
            assert same.read_bytes() == path.read_bytes()
        assert [change.before for change in catalogue.get(13).changes] == ["run13", comment]
        # The same files again are the same run, whatever it is called now.
        again = catalogue.import_runs(folder)
        assert [(made.run_id, made.name, made.new) for made in again.imported] == [
            (13, "Cepheids", False)
        ]
        # Whoever wants them twice says so.
        twice = catalogue.import_runs(folder, number=99, name="again")
        assert [(made.run_id, made.new) for made in twice.imported] == [(99, True)]


# Comments


def test_a_comment_is_changed_and_the_one_before_is_kept(catalogue: Catalogue) -> None:
    row, seen = catalogue.get(13).row, views(catalogue)
    done = catalogue.comment("run13", " the\nsecond ")
    assert (done.kind, done.name, done.before, done.after) == (
        "comment", "run13", "the first", "the\nsecond"
    )  # fmt: skip
    assert dict(catalogue.get(13).row._mapping) == dict(row._mapping) | {"comment": "the\nsecond"}
    assert catalogue.comment(13, "").after is None
    assert catalogue.get(13).row.comment is None
    catalogue.comment(13, "the third")
    said = [change_sentence(change) for change in catalogue.get(13).changes]
    assert [each.split("UTC ")[1] for each in said] == [
        "its comment was: the first", "its comment was: the second", "it had no comment"
    ]  # fmt: skip
    assert views(catalogue) == seen
    assert digest(catalogue, 13) == row.result_digest


@pytest.mark.parametrize(
    ("comment", "said"),
    [("the first", "already"), ("a\0b", "control"), ("a\x1bb", "control"), ("\ud800", "UTF-8")],
)
def test_comments_that_are_refused(catalogue: Catalogue, comment: str, said: str) -> None:
    before = dump(catalogue._database)
    with pytest.raises(InputRefused, match=said):
        catalogue.comment(13, comment)
    assert dump(catalogue._database) == before


# The commands


def test_the_commands(
    catalogue: Catalogue, any_location: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def typed(*words: str, status: int = 0) -> str:
        assert main([*words, "--db", any_location]) == status
        out, err = capsys.readouterr()
        return str(err if status else out)

    assert typed("rename", "13", "narrow", "--reason", "shorter") == (
        "Run 13 was called run13 and is called narrow: shorter\n"
    )
    assert typed("comment", "narrow", "two\nlines") == "Run 13 (narrow) is commented: two lines\n"
    shown = typed("show", "narrow")
    assert "UTC it was called run13: shorter\n" in shown
    assert "UTC its comment was: the first\n" in shown
    changes = json.loads(typed("show", "13", "--json"))["changes"]
    assert [(one["kind"], one["before"], one["after"], one["reason"]) for one in changes] == [
        ("rename", "run13", "narrow", "shorter"), ("comment", "the first", "two\nlines", None)
    ]  # fmt: skip
    assert json.loads(typed("comment", "13", "", "--json"))["after"] is None
    done = json.loads(typed("rename", "13", "run13", "--json"))
    assert (done["run_id"], done["name"], done["before"]) == (13, "run13", "narrow")
    assert "owns number 7" in typed("rename", "13", "run7", status=2)
    assert "is taken by run 5" in typed("rename", "13", "other", status=3)
    assert "There is no run 99" in typed("comment", "99", "x", status=3)
