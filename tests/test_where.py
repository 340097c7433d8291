"""Choosing frames: the language of conditions, and the runs that they make."""

from __future__ import annotations

import json
import shlex
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from built_once import Beginnings
from helpers import put, spec
from hypothesis import given, settings
from hypothesis import strategies as st
from iracdb_cli.main import main
from run_helpers import command, content, cut_short, images, select
from sqlalchemy import text as sql_text
from test_docs import console, table, text_of, the_same

from iracdb import Catalogue
from iracdb.catalogue import condition_text
from iracdb.catalogue.condition_text import DEEPEST, LONGEST, parse_condition
from iracdb.catalogue.conditions import (
    All,
    Among,
    AnyOf,
    Between,
    Comparison,
    Flagged,
    Missing,
    Not,
    canonical,
)
from iracdb.catalogue.database import open_database
from iracdb.catalogue.frame_facts import FACTS, read_number, read_time
from iracdb.catalogue.newest import newest_files
from iracdb.catalogue.selection import ScienceFile
from iracdb.catalogue.urls import database_url
from iracdb.errors import InputsChanged, NotFound, RunRefused, UsageError
from iracdb.flags import FLAGS
from iracdb.runs.choosing import Beside, Choice, holds

RADII = (3, 3, 7)
AOR, OTHER = 90_000_000, 90_000_256

# --- Reading and writing -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("frame_time=2", Comparison("frame_time", "=", 2)),
        ("FRAME_TIME >= 2.50", Comparison("frame_time", ">=", 2.5)),
        ("read_mode != SUB", Comparison("read_mode", "!=", "SUB")),
        ("object = 'Barnard''s star'", Comparison("object", "=", "Barnard's star")),
        ('object = "a ""b"""', Comparison("object", "=", 'a "b"')),
        ("object = 51", Comparison("object", "=", "51")),
        ("hdr_part in (short, 'long')", Among("hdr_part", ("short", "long"))),
        ("time between 2012-01-01 and 2012-01-01T12:00", Between("time", 55927, 55927.5)),
        ("time > 2012-01-01T00:00:00Z", Comparison("time", ">", 55927)),
        ("time > '55927.25'", Comparison("time", ">", 55927.25)),
        ("creator < S18.18.0", Comparison("creator", "<", "S18.18.0")),
        ("creator is missing", Missing("creator")),
        ("creator is NOT missing", Not(Missing("creator"))),
        ("header.fluxconv > 1e-1", Comparison("header.FLUXCONV", ">", 0.1)),
        ("header.DATE-OBS = '5'", Comparison("header.DATE-OBS", "=", "5")),
        ("flagged in 13", Flagged(None, "13")),
        ("flagged not_in_fov in 'run 13'", Flagged("not_in_fov", "run 13")),
        ("not flagged in run13", Not(Flagged(None, "run13"))),
        ("expid=1 or expid=2 and dcenum=0", AnyOf((
            Comparison("expid", "=", 1),
            All((Comparison("expid", "=", 2), Comparison("dcenum", "=", 0))),
        ))),
        ("(expid=1 or expid=2) and (dcenum=0 and version=1)", All((
            AnyOf((Comparison("expid", "=", 1), Comparison("expid", "=", 2))),
            Comparison("dcenum", "=", 0), Comparison("version", "=", 1),
        ))),
    ],
)  # fmt: skip
def test_what_a_condition_means(text: str, tree: Any) -> None:
    assert parse_condition(text) == tree
    assert parse_condition(canonical(tree)) == tree


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "column 1: expected a fact of the frame, but it ends"),
        ("frame_tme > 2", "column 1: frame_tme is no fact of a frame; there are: aorkey, expid"),
        ("expid = 1 and foo = 2", "column 15: foo is no fact"),
        ("frame_time > abc", "column 14: frame_time is a number, in s; abc is not"),
        ("frame_time > '2'", "column 14: frame_time is a number"),
        ("frame_time > 1e999", "column 14: frame_time is a number"),
        ("time > yesterday", "column 8: time is a time"),
        ("time > 2012-02-30", "column 8: time is a time"),
        ("time > 2012-01-01T25:00", "column 8: time is a time"),
        ("creator > late", "column 11: creator is a version, as S18.18.0; late is not"),
        ("object < 'a'", "column 8: object is a text"),
        ("object between a and b", "column 8: object is a text"),
        ("header.GAIN < 'x'", "column 15: header.GAIN is a number"),
        ("header.TOOLONGKEY = 1", "column 1: header.TOOLONGKEY is no fact"),
        ("frame_time", "column 11: expected <=, >=, !=, =, <, >, in, between, or is missing"),
        ("frame_time 2", "but there is 2"),
        ("frame_time = ", "column 14: expected a value, but it ends"),
        ("frame_time = and", "column 14: expected a value, but there is and"),
        ("frame_time in 2", "column 15: expected (, but there is 2"),
        ("frame_time in ()", "column 16: expected a value"),
        ("frame_time in (1 2)", "column 18: expected ), but there is 2"),
        ("frame_time between 1 or 2", "column 22: expected and"),
        ("frame_time is 2", "column 15: expected missing"),
        ("(frame_time = 2", "column 16: expected ), but it ends"),
        ("frame_time = 2)", "column 15: expected and, or, or the end, but there is )"),
        ("frame_time = 2 expid = 1", "column 16: expected and, or, or the end"),
        ("frame_time == 2", "column 13: expected a value, but there is ="),
        ("object = 'abc", "column 10: the quote is not closed"),
        ("object = “abc”", "column 10: “ has no meaning here; text goes between straight"),
        ("object = ‘abc’", "column 10: ‘ has no meaning here"),
        ("frame_time = 2; DROP TABLE file", "column 15: ; has no meaning here"),
        ("frame_time = 2 -- comment", "column 16: expected and, or, or the end, but there is --"),
        ("frame_time = 2 OR 1=1", "column 19: 1 is no fact of a frame"),
        ("frame_time = (SELECT 1)", "column 14: expected a value, but there is ("),
        ("frame_time = ٢", "column 14: ٢ has no meaning here"),
        ("expid\x7f = 1", "column 6: U+007F has no meaning here"),
        ("flagged foo in 3", "column 9: foo is no quality flag; there are: coordinate_conversion"),
        ("flagged", "column 8: "),
        ("flagged in", "column 11: expected the number or name of a run, but it ends"),
        ("flagged = 1", "column 9: = is no quality flag"),
        ("not", "column 4: expected a fact"),
        ("(" * 10_000, f"at most {LONGEST} characters, not 10000"),
        ("(" * 3_000, f"more than {DEEPEST} levels deep"),
        ("not " * 900 + "expid = 1", f"more than {DEEPEST} levels deep"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_place(text: str, said: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse_condition(text)
    assert said in str(refused.value)
    assert len(str(refused.value)) < 500
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("bad", ["object = 'a\0b'", "object = 'a\x1bb'", "object = '\ud800'"])
def test_what_no_database_holds_is_refused(bad: str, tmp_path: Path) -> None:
    with Catalogue(tmp_path / "c.sqlite") as catalogue, pytest.raises(UsageError):
        catalogue.plan(where=bad)


def test_deep_and_long_conditions_that_are_allowed() -> None:
    deep = "(" * (DEEPEST - 1) + "expid = 1" + ")" * (DEEPEST - 1)
    assert parse_condition(deep) == Comparison("expid", "=", 1)
    digits = "9" * 3_900
    with pytest.raises(UsageError):
        parse_condition(f"expid = {digits}")
    assert parse_condition("expid = " + "0" * 3_000 + "1") == Comparison("expid", "=", 1)
    assert parse_condition(f"expid = {'9' * 40}") == Comparison("expid", "=", float("9" * 40))


# --- Against an independent evaluation -----------------------------------------------------------

_numbers = st.one_of(
    st.integers(-3, 3), st.floats(-3, 3), st.integers(-(2**60), 2**60),
    st.sampled_from([1e300, 1e-300, 0.1]),
).map(lambda number: read_number(repr(number)))  # fmt: skip
_texts = st.one_of(
    st.sampled_from(["SUB", "FULL", "long", "", "it's", '"', "and", "x' OR '1'='1", "“", "é"]),
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=5),
)
_versions = st.sampled_from(["S18.9.0", "S18.18.0", "S18.25.0", "S19.2.0", "7"])
_BY_SORT = {"number": _numbers, "text": _texts, "time": _numbers, "version": _versions}


@cache
def _tests_of(name: str) -> Any:
    """What may be asked of a fact; to make it takes longer than to draw from it."""
    sort = "header" if name.startswith("header") else FACTS[name].sort
    values = st.one_of(_numbers, _texts) if sort == "header" else _BY_SORT[sort]
    ordered = _numbers if sort == "header" else values
    shapes = [
        st.just(Missing(name)),
        st.builds(Comparison, st.just(name), st.sampled_from(["=", "!="]), values),
        st.builds(Among, st.just(name), st.lists(values, min_size=1, max_size=3).map(tuple)),
        st.builds(Flagged, st.sampled_from([None, *(flag.name for flag in FLAGS)]),
                  st.sampled_from(["1", "13"])),
    ]  # fmt: skip
    if sort != "text":
        shapes += [
            st.builds(Comparison, st.just(name), st.sampled_from(["<", "<=", ">", ">="]), ordered),
            st.builds(Between, st.just(name), ordered, ordered),
        ]
    return st.one_of(shapes)


_tests = st.sampled_from([*FACTS, "header.GAIN"]).flatmap(_tests_of)


def _flat(kind: Any, parts: list[Any]) -> Any:
    flat = [p for part in parts for p in (part.parts if isinstance(part, kind) else (part,))]
    return kind(tuple(flat))


_conditions = st.recursive(
    _tests,
    lambda below: st.one_of(
        st.builds(Not, below),
        st.lists(below, min_size=2, max_size=3).map(lambda parts: _flat(All, parts)),
        st.lists(below, min_size=2, max_size=3).map(lambda parts: _flat(AnyOf, parts)),
    ),
    max_leaves=8,
)


@settings(max_examples=120, deadline=None)
@given(_conditions)
def test_the_canonical_text_is_read_as_the_same(condition: Any) -> None:
    text = canonical(condition)
    if len(text) <= LONGEST:
        assert parse_condition(text) == condition
        assert canonical(parse_condition(text)) == text


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        found = parse_condition(text)
    except UsageError:
        return
    assert parse_condition(canonical(found)) == found


def _file(**facts: Any) -> ScienceFile:
    values = {
        "frame_id": 1, "file_id": 2, "aorkey": 1, "expid": 0, "dcenum": 0, "version": 1,
        "sha256": "", "name": "", "creator": None, "mjd_obs": 55_000.0, "date_obs": None,
        "read_mode": "SUB", "frame_time": None, "exposure_time": None, "hdr_part": None,
        "dither_position": None, "dither_scale": None, "aor_label": None, "object": None,
        "ra_ref": None, "dec_ref": None, "shape": (32, 32), "planes": None,
        **dict.fromkeys(
            ("fluxconv", "gain", "ronoise", "pixel_scale_x", "pixel_scale_y", "utcs_obs",
             "spacecraft_x", "spacecraft_y", "spacecraft_z", "dark_sky", "header_marks")
        ),
    }  # fmt: skip
    return ScienceFile(**{**values, **facts})


_files = st.builds(
    _file,
    expid=st.integers(0, 3),
    mjd_obs=st.one_of(st.floats(-3, 3), st.sampled_from([54_968.0, 55_000.0])),
    creator=st.one_of(st.none(), _versions, st.just("by hand")),
    read_mode=st.sampled_from(["SUB", "FULL"]),
    frame_time=st.one_of(st.none(), _numbers.map(float)),
    hdr_part=st.one_of(st.none(), _texts),
    dither_position=st.one_of(st.none(), st.integers(-3, 3)),
    object=st.one_of(st.none(), _texts),
)
_cards = st.one_of(st.none(), st.tuples(_texts, st.one_of(st.none(), _numbers.map(float))))
_COLUMN = {"time": "mjd_obs", "label": "aor_label"}


def _as_python(condition: Any) -> str:
    """Write a condition as an expression of Python over ``f``: another way to the same answer."""
    match condition:
        case Missing(fact):
            return f"(f[{fact!r}] is None)" if fact in FACTS else f"(f[{fact!r}] == (None, None))"
        case Flagged(flag, run):
            return f"({(flag, run)!r} in f['flags'])"
        case Not(one):
            return f"(not {_as_python(one)})"
        case All(parts):
            return "(" + " and ".join(map(_as_python, parts)) + ")"
        case AnyOf(parts):
            return "(" + " or ".join(map(_as_python, parts)) + ")"
        case Among(fact, values):
            return "(" + " or ".join(_compared(fact, "==", value) for value in values) + ")"
        case Between(fact, low, high):
            return f"({_compared(fact, '>=', low)} and {_compared(fact, '<=', high)})"
        case Comparison(fact, sign, value):
            return _compared(fact, "==" if sign == "=" else sign, value)
    raise AssertionError(condition)


def _compared(fact: str, sign: str, value: Any) -> str:
    mine = f"f[{fact!r}]"
    if fact.startswith("header"):
        mine = f"{mine}[{0 if isinstance(value, str) else 1}]"
    elif fact == "creator":
        return f"({mine} is not None and numbers({mine}) {sign} numbers({value!r}))"
    return f"({mine} is not None and {mine} {sign} {value!r})"


def _numbers_of(version: str) -> list[int]:
    return [int(part) for part in version.lstrip("S").split(".")]


@settings(max_examples=200, deadline=None)
@given(_conditions, _files, _cards, st.sets(st.sampled_from([(flag.name, "1") for flag in FLAGS])))
def test_conditions_hold_as_python_says(
    condition: Any, file: ScienceFile, card: Any, flags: set[Any]
) -> None:
    said = {(None, "1")} | flags if flags else set()
    flagged = {
        (run, flag): {file.frame_id} if (flag, run) in said else set()
        for run in ("1", "13")
        for flag in (None, *(each.name for each in FLAGS))
    }
    beside = Beside({} if card is None else {(file.file_id, "GAIN"): card}, flagged)
    facts: dict[str, Any] = {
        name: getattr(file, _COLUMN.get(name, name), None) for name in FACTS
    } | {
        "mission": "CRYO" if file.mjd_obs <= 54_968 else "WARM",
        "creator": None if file.creator == "by hand" else file.creator,
        "header.GAIN": card or (None, None),
        "flags": said,
    }
    expected = eval(_as_python(condition), {"f": facts, "numbers": _numbers_of})
    assert holds(condition, file, beside) is bool(expected)


def test_versions_compare_as_versions() -> None:
    condition = parse_condition("creator < S18.18.0")
    assert holds(condition, _file(creator="S18.9.0"), Beside())
    assert not holds(condition, _file(creator="S18.18.0"), Beside())
    assert not holds(condition, _file(creator="S18.25.0"), Beside())
    assert not holds(condition, _file(creator=None), Beside())
    assert not holds(condition, _file(creator="by hand"), Beside())
    assert holds(parse_condition("creator is missing"), _file(creator="by hand"), Beside())


def test_a_comparison_with_what_is_missing_is_false() -> None:
    for sign in ("=", "!=", "<", "<=", ">", ">="):
        assert not holds(parse_condition(f"frame_time {sign} 2"), _file(), Beside())
    assert holds(parse_condition("not frame_time = 2"), _file(), Beside())
    assert not holds(parse_condition("frame_time between 1 and 2"), _file(), Beside())


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("frame_time = 2", [2.0]),
        ("frame_time != 2", [1.9, 2.1, 3.0, 3.1]),
        ("frame_time < 2", [1.9]),
        ("frame_time <= 2", [1.9, 2.0]),
        ("frame_time > 2", [2.1, 3.0, 3.1]),
        ("frame_time >= 2", [2.0, 2.1, 3.0, 3.1]),
        ("frame_time between 2 and 3", [2.0, 2.1, 3.0]),
        ("frame_time between 3 and 2", []),
        ("frame_time in (3, 2)", [2.0, 3.0]),
    ],
)
def test_both_ends_belong_to_it(text: str, values: list[float]) -> None:
    condition = parse_condition(text)
    told = [one for one in (1.9, 2.0, 2.1, 3.0, 3.1)
            if holds(condition, _file(frame_time=one), Beside())]  # fmt: skip
    assert told == values


@pytest.mark.parametrize(
    ("text", "day"),
    [("1858-11-17", 0), ("2000-01-01T12:00:00", 51_544.5), ("54968", 54_968),
     ("2009-05-18T00:00:00.5Z", 54_969 + 0.5 / 86_400), ("2009-05-18T00:00:00+02:00", None),
     ("2009-5-18", None), ("NaN", None)],
)  # fmt: skip
def test_times(text: str, day: float | None) -> None:
    assert read_time(text) == day


# --- Runs ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two AORs, of three and two exposures; frame times differ in the first."""
    folder = tmp_path_factory.mktemp("where") / "archive"
    for expid, frame_time in enumerate((0.1, 2.0, 2.0)):
        put(folder, spec(aorkey=AOR, expid=expid, frame_time=frame_time), "bcd")
    for expid in range(2):
        put(folder, spec(aorkey=OTHER, expid=expid, frame_time=2.0), "bcd")
    return folder


@pytest.fixture
def catalogue(any_location: str, archive: Path, begun_with: Beginnings) -> Iterator[Catalogue]:
    def ingested(place: str) -> None:
        with Catalogue(place) as made:
            made.ingest(archive)

    with Catalogue(begun_with(any_location, ingested), create=False) as opened:
        yield opened


def measured(catalogue: Catalogue, run: Any) -> list[tuple[int, int]]:
    return [(row["aorkey"], row["expid"]) for row in images(catalogue, run)]


def test_only_what_is_asked_for_is_measured(catalogue: Catalogue) -> None:
    whole = catalogue.run(radius=RADII)
    run = catalogue.run(radius=RADII, where="frame_time >= 1.0 and expid in (1,  0)")
    assert measured(catalogue, run) == [(AOR, 1), (OTHER, 0), (OTHER, 1)]
    assert run.parameters["where"] == "frame_time >= 1 and expid in (1, 0)"
    assert run.row.parameters_typed["where"] == ["frame_time >= 1.0 and expid in (1,  0)"]
    assert whole.parameters["where"] is None
    assert run.row.parameters_digest != whole.row.parameters_digest
    declared = select(catalogue, f"SELECT count(*) AS n FROM run_input WHERE run_id = {run.run_id}")
    assert declared == [{"n": 3}]
    # Each image is measured alone: the same as in the run over all.
    mine = {row["sha256"]: row["raw"] for row in images(catalogue, run)}
    assert mine.items() <= {row["sha256"]: row["raw"] for row in images(catalogue, whole)}.items()
    assert catalogue.verify(run.run_id).verdict == "exact"
    told = {cause.name for cause in catalogue.compare(whole.run_id, run.run_id).made_by.causes}
    assert {"where", "files"} <= told


def test_several_conditions_must_all_hold(catalogue: Catalogue) -> None:
    both = catalogue.plan(radius=RADII, where=["frame_time = 2", "expid = 1 or expid = 2"])
    one = catalogue.plan(radius=RADII, where="frame_time = 2 and (expid = 1 or expid = 2)")
    assert both.parameters["where"] == "frame_time = 2 and (expid = 1 or expid = 2)"
    assert both.inputs == one.inputs
    assert both.parameters.digest == one.parameters.digest
    assert [(step.text, step.holds, step.left, step.total) for step in both.conditions] == [
        ("frame_time = 2", 4, 4, 5),
        ("expid = 1 or expid = 2", 3, 3, 5),
    ]


def test_conditions_choose_aors(catalogue: Catalogue) -> None:
    run = catalogue.run(radius=RADII, where="frame_time < 1")
    assert run.row.aors == [AOR]
    assert run.problems == []
    named = catalogue.run(radius=RADII, where="frame_time < 1", aors=[AOR, OTHER])
    assert named.problems == [(OTHER, "no frame where frame_time < 1")]
    assert catalogue.verify(named.run_id).verdict == "exact"


def test_nothing_left_is_refused_with_counts(catalogue: Catalogue) -> None:
    with pytest.raises(RunRefused) as refused:
        catalogue.run(radius=RADII, where=["frame_time > 100", "expid = 1"])
    assert str(refused.value) == (
        "No frame is left of 5: there are 0 where frame_time > 100; 2 where expid = 1"
    )


def test_frames_that_are_not_wanted_need_not_be_there(
    any_location: str, archive: Path, tmp_path: Path
) -> None:
    mine = Path(shutil.copytree(archive, tmp_path / "archive"))
    with Catalogue(any_location) as catalogue:
        catalogue.ingest(mine)
        (path,) = mine.rglob(f"*_{AOR}_0000_*")
        path.unlink()
        catalogue.ingest(mine)
        with pytest.raises(InputsChanged):
            catalogue.plan(radius=RADII)
        assert len(catalogue.plan(radius=RADII, where="expid > 0").inputs) == 3


def test_cards_of_headers(catalogue: Catalogue) -> None:
    def frames(where: str) -> int:
        return len(catalogue.plan(radius=RADII, where=where).inputs)

    assert frames("header.FRAMTIME = 2") == 4
    assert frames("header.EXPID between 1 and 1.5") == 2
    assert frames("header.instrume = 'IRAC'") == 5
    assert frames("header.NOSUCH is missing and header.EXPID is not missing") == 5
    with pytest.raises(RunRefused, match=r"0 where header\.INSTRUME > 1"):
        frames("header.INSTRUME > 1")


def test_flags_of_an_earlier_run(catalogue: Catalogue, tmp_path: Path) -> None:
    put(tmp_path, spec(aorkey=OTHER, expid=2, frame_time=2.0, x=1.5, y=1.5), "bcd")
    catalogue.ingest(tmp_path)
    first = catalogue.run(run_id=13, name="first", radius=RADII)
    bad = {(row["aorkey"], row["expid"]) for row in images(catalogue, first) if row["flags"]}
    assert bad == {(OTHER, 2)}
    good = catalogue.run(radius=RADII, where="not flagged in FIRST")
    assert good.parameters["where"] == "not flagged in 13"
    assert (OTHER, 2) not in measured(catalogue, good)
    assert len(measured(catalogue, good)) == 5
    again = catalogue.plan(radius=RADII, where="flagged centroiding in 13")
    assert [(file.aorkey, file.expid) for file in again.inputs] == [(OTHER, 2)]
    with pytest.raises(RunRefused, match="0 where flagged no_background in 13"):
        catalogue.plan(radius=RADII, where="flagged no_background in 13")
    with pytest.raises(NotFound, match="There is no run 77"):
        catalogue.plan(radius=RADII, where="flagged in 77")
    with pytest.raises(NotFound, match=r"There is no run 9{30}"):
        catalogue.plan(radius=RADII, where=f"flagged in {'9' * 30}")
    with catalogue._database.write() as connection:
        connection.execute(sql_text("UPDATE run SET state = 'running' WHERE run_id = 13"))
    with pytest.raises(RunRefused, match=r"Run 13 \(first\) is not finished"):
        catalogue.plan(radius=RADII, where="flagged in 13")


def test_a_run_goes_on_with_the_frames_that_it_chose(
    catalogue: Catalogue, any_location: str, tmp_path: Path
) -> None:
    where = "frame_time = 2"
    whole = catalogue.run(run_id=3, radius=RADII, where=where)
    words = ("run", "--run-id", "4", "--radius", "3", "3", "7", "--no-tables", "--where")
    done = cut_short("kill", any_location, *words, where, folder=tmp_path)
    assert done.returncode == -9, done.stderr
    put(tmp_path / "more", spec(aorkey=OTHER, expid=7, frame_time=2.0), "bcd")
    catalogue.ingest(tmp_path / "more")
    other = command(any_location, *words, "frame_time > 1", folder=tmp_path)
    assert other.returncode == 3
    assert "where is frame_time = 2, now frame_time > 1" in other.stderr
    done = command(any_location, *words, "frame_time=2.0", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert content(catalogue, catalogue.get(4)) == content(catalogue, whole)


def test_hostile_texts_change_nothing(catalogue: Catalogue) -> None:
    before = select(catalogue, "SELECT count(*) AS n FROM file")
    for hostile in ("x'; DROP TABLE file; --", "' OR '1'='1", "%", "\\", "{}", "%s", ":name"):
        quoted = hostile.replace("'", "''")
        with pytest.raises(RunRefused, match="No frame is left of 5"):
            catalogue.run(radius=RADII, where=f"object = '{quoted}'")
        with pytest.raises(RunRefused, match="No frame is left of 5"):
            catalogue.run(radius=RADII, where=f"header.OBJECT = '{quoted}'")
        with pytest.raises(NotFound):
            catalogue.run(radius=RADII, where=f"flagged in '{quoted}'")
        kept = catalogue.run(radius=RADII, where=f"not object = '{quoted}'")
        assert kept.parameters["where"] == f"not object = '{quoted}'"
        assert catalogue.get(kept.run_id).parameters["where"] == f"not object = '{quoted}'"
    assert select(catalogue, "SELECT count(*) AS n FROM file") == before


def test_dry_run_shows_what_each_condition_leaves(
    catalogue: Catalogue, any_location: str, tmp_path: Path
) -> None:
    words = ("run", "--radius", "3", "3", "7", "--dry-run", "--where", "frame_time = 2",
             "--where", "expid > 0")  # fmt: skip
    done = command(any_location, *words, folder=tmp_path)
    assert "Of 5 frames 4 where frame_time = 2; 4 left\n" in done.stdout
    assert "Of 5 frames 3 where expid > 0; 3 left\n" in done.stdout
    done = command(any_location, *words, "--json", folder=tmp_path)
    assert json.loads(done.stdout)["conditions"] == [
        {"text": "frame_time = 2", "holds": 4, "left": 4, "total": 5},
        {"text": "expid > 0", "holds": 3, "left": 3, "total": 5},
    ]


# --- The real frames, against SQL ----------------------------------------------------------------


@pytest.fixture(scope="module")
def real(module_location: str, real_archive_at: Callable[[str], str]) -> Iterator[Any]:
    with closing(open_database(database_url(real_archive_at(module_location)))) as database:
        yield database


@pytest.mark.parametrize(
    ("where", "sql"),
    [
        ("frame_time < 1", "f.frame_time < 1"),
        ("read_mode = FULL and time > 2009-05-18", "f.read_mode = 'FULL' AND f.mjd_obs > 54969"),
        ("creator >= S18.25.0", "f.creator IN ('S18.25.0', 'S19.1.0', 'S19.2.0')"),
        ("mission = CRYO", "f.mjd_obs <= 54968"),
        ("dither_position is missing", "f.dither_position IS NULL"),
        ("not dither_position in (1, 2) or exposure_time between 0.3 and 2",
         "(f.dither_position IS NULL OR f.dither_position NOT IN (1, 2)) "
         "OR f.exposure_time BETWEEN 0.3 AND 2"),
        ("object != 'HD 209458'", "f.object <> 'HD 209458'"),
        ("hdr_part is not missing", "f.hdr_part IS NOT NULL"),
    ],
)  # fmt: skip
def test_real_frames_as_sql_says(real: Any, where: str, sql: str) -> None:
    for channel in (1, 2, 4):
        with real.read() as connection:
            everything = newest_files(connection, channel, "bcd", _aors(connection))
            chosen = Choice(connection, (where,))(everything)
            query = (
                "SELECT f.name FROM file f JOIN frame e ON e.id = f.frame_id "
                f"WHERE f.kind = 'bcd' AND e.channel = {channel} AND ({sql})"
            )
            found = connection.execute(sql_text(query))
            assert {one.name for one in chosen} == set(found.scalars())


def _aors(connection: Any) -> list[int]:
    return list(connection.execute(sql_text("SELECT aorkey FROM aor")).scalars())


# --- The page ------------------------------------------------------------------------------------

PAGE = "docs/choosing-frames.md"


def test_the_page_prints_what_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("IRACDB_DATABASE_URL", raising=False)
    commands = console(text_of(PAGE))
    assert len(commands) > 5
    for words, expected in commands:
        assert words[0] == "iracdb"
        capsys.readouterr()
        status = main(words[1:])
        printed = "".join(capsys.readouterr())
        assert status in (0, 2, 3)
        if words[1] in ("simulate", "ingest"):
            continue
        assert the_same(expected, printed), f"$ {shlex.join(words)}\n{printed}"


def test_every_fact_is_on_the_page() -> None:
    sorts = {"number": "number", "text": "text", "time": "time", "version": "version"}
    assert table(text_of(PAGE), "fact", "kind", "unit", "meaning") == [
        [fact.name, sorts[fact.sort], fact.unit or "", fact.sentence] for fact in FACTS.values()
    ]
    assert all(f"`{flag.name}`" in text_of("docs/measuring.md") for flag in FLAGS)


def test_the_grammar_of_the_page_is_that_of_the_program() -> None:
    grammar = str(condition_text.__doc__).split("::\n\n")[1].split("\n\n")[0]
    lines = [line.strip() for line in grammar.splitlines()]
    page = [line.strip() for line in text_of(PAGE).splitlines()]
    assert [line for line in lines if line not in page] == []
