"""Verifying a run: each way in which it may be the same, or not, gives its own answer."""

from __future__ import annotations

import hashlib
import json
import math
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from helpers import put
from published_helpers import dump
from run_helpers import select, write_frames
from verify_helpers import STAR, a_copy, a_database, archive, change, counts, exposures

from iracdb import Catalogue
from iracdb.catalogue import tables as t
from iracdb.errors import CannotWrite, NotFound, RunRefused, UsageError
from iracdb.irac.simulate import FrameSpec
from iracdb.verify.verification import Verification

OTHER = replace(STAR, aorkey=91000256)
EMPTY = 91000512
RADII = (3, 3, 7)


def made_in(location: str | Path, folder: Path, **options: Any) -> Catalogue:
    catalogue = Catalogue(location)
    catalogue.ingest(folder)
    catalogue.run(run_id=5, kind="sub2d", **{"radius": RADII, **options})
    return catalogue


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four frames of one AOR, two of another, of a third only a companion; and run 5 over them."""
    folder = tmp_path_factory.mktemp("origin")
    archive(folder / "frames", *exposures(4), *exposures(2, OTHER))
    put(folder / "frames", replace(STAR, aorkey=EMPTY), "unc2d")
    made_in(folder / "iracdb.sqlite", folder / "frames").close()
    return folder


@pytest.fixture(scope="module")
def origin_on_postgresql(postgres_server: str, origin: Path) -> Iterator[str]:
    """The same in a database from which others are copied."""
    with a_database(postgres_server) as url:
        made_in(url, origin / "frames").close()
        yield url


@pytest.fixture
def frames(tmp_path: Path, origin: Path) -> list[Path]:
    """The frames, in a folder in which they may be spoilt: six to measure."""
    shutil.copytree(origin / "frames", tmp_path / "frames")
    return sorted((tmp_path / "frames").rglob("*_sub2d.fits"))


@contextmanager
def a_copy_of(location: str, origin: Path, tmp_path: Path) -> Iterator[Catalogue]:
    """Open a copy of a catalogue that knows the frames where the test has them."""
    with a_copy(location, tmp_path) as place, Catalogue(place, create=False) as catalogue:
        change(
            catalogue, "UPDATE file_location SET path = replace(path, :old, :new)",
            old=str(origin), new=str(tmp_path),
        )  # fmt: skip
        yield catalogue


@pytest.fixture
def catalogue(tmp_path: Path, origin: Path, frames: list[Path]) -> Iterator[Catalogue]:
    with a_copy_of(str(origin / "iracdb.sqlite"), origin, tmp_path) as opened:
        yield opened


@pytest.fixture(params=["sqlite", "postgresql"])
def any_catalogue(
    request: pytest.FixtureRequest, tmp_path: Path, origin: Path, frames: list[Path]
) -> Iterator[Catalogue]:
    location = str(origin / "iracdb.sqlite")
    if request.param == "postgresql":
        location = request.getfixturevalue("origin_on_postgresql")
    with a_copy_of(location, origin, tmp_path) as opened:
        yield opened


def inputs(found: Verification) -> dict[str, int]:
    states = ("same", "moved", "changed", "missing")
    return {state: found.inputs_in(state) for state in states if found.inputs_in(state)}


WHOLE = (6, 0, 0), (3, 0, 0)


def verify_without_traces(
    catalogue: Catalogue, which: int | str = 5, **options: Any
) -> Verification:
    """Verify, and make sure that one activity is all that it leaves behind."""
    before = dump(catalogue._database)
    found = catalogue.verify(which, **options)
    after = dump(catalogue._database)
    news = [row for row in after.pop("activity") if row not in before["activity"]]
    del before["activity"]
    assert after == before
    (row,) = news
    told = dict(zip(t.activity.c.keys(), row, strict=True))
    assert (told["kind"], told["outcome"]) == ("verify", found.verdict)
    assert told["run_id"] == found.run_id
    assert told["started_at"] <= told["ended_at"]
    detail = told["detail"]
    assert detail["images"] == vars(found.compared.images)
    assert detail["aors"] == vars(found.compared.averages)
    assert [one["name"] for one in detail["environment"]] == [e[0] for e in found.environment]
    return found


# --- The same ------------------------------------------------------------------------------------


def test_a_run_is_exactly_the_same(any_catalogue: Catalogue) -> None:
    found = verify_without_traces(any_catalogue)
    assert (found.verdict, found.exact, found.origin) == ("exact", True, "measured")
    assert counts(found) == WHOLE
    assert inputs(found) == {"same": 6}
    assert (found.environment, found.faults, found.sample) == ((), (), None)


def test_workers_make_no_difference(catalogue: Catalogue, frames: list[Path]) -> None:
    change_pixel(frames[1])
    change(catalogue, "UPDATE image_result SET raw = raw * 1.5 WHERE row_number = 1")
    one, two = (verify_without_traces(catalogue, jobs=jobs) for jobs in (1, 2))
    assert one == two
    assert counts(one) == ((4, 1, 1), (2, 0, 1))


@pytest.mark.parametrize(
    "options",
    [
        {"recipe": "published-2018"},
        {"rejection": "sigma:1"},
        {"rejection": "none", "aperture_correction": 2.0, "pixel_size": 1.5},
        {"radius": (2, 2, 6), "coord": "270.0 +66.0", "target": "a star"},
        {"coord": "17 00 00 +66 00 00"},  # off the array
        {"aors": [91000256, EMPTY]},
    ],
)
def test_whatever_the_parameters(any_catalogue: Catalogue, options: dict[str, Any]) -> None:
    any_catalogue.run(run_id=6, kind="sub2d", **{"radius": RADII, **options})
    found = verify_without_traces(any_catalogue, 6)
    assert found.exact, found.summary()
    assert found.compared.images.same == (2 if "aors" in options else 6)


def test_two_targets_and_unlike_frames(any_location: str, tmp_path: Path) -> None:
    times = [replace(one, frame_time=0.4) for one in exposures(3, replace(STAR, expid=9))]
    specs = [replace(one, expid=one.expid + 10) for one in times]
    archive(tmp_path / "frames", *exposures(3), *specs)
    positions = tmp_path / "two.csv"
    positions.write_text(
        "AOR Filepath,Target Coordinates\nr91000000,270.001 +66.0\nr91000000,270.0 +66.0\n"
    )
    with made_in(any_location, tmp_path / "frames", targets=positions) as catalogue:
        positions.unlink()
        found = verify_without_traces(catalogue)
        assert found.exact
        assert counts(found) == ((12, 0, 0), (4, 0, 0))
        found = verify_without_traces(catalogue, sample=5, seed=2)
        assert found.exact
        assert counts(found)[0] == (5, 0, 7)
        assert len(found.inputs) <= 5


def test_frames_of_full_array(tmp_path: Path) -> None:
    plain = FrameSpec(channel=1, aorkey=91000000, x=127.0, y=127.0, flux_mjy=30.0)
    write_frames(tmp_path / "a", *(replace(plain, expid=n) for n in range(3)))
    with Catalogue(tmp_path / "iracdb.sqlite") as catalogue:
        catalogue.ingest(tmp_path / "a")
        for recipe in ("manual", "published-2018"):
            catalogue.run(recipe=recipe)
        for number in (1, 2):
            assert counts(catalogue.verify(number)) == ((3, 0, 0), (1, 0, 0))


def test_what_was_taken_in_since_makes_no_difference(
    any_catalogue: Catalogue, tmp_path: Path
) -> None:
    """Newer versions, more frames, files of what had none: a run stays what it was."""
    more = [replace(one, version=2, flux_mjy=7.0) for one in exposures(4)]
    archive(tmp_path / "more", *more, replace(STAR, expid=9), replace(STAR, aorkey=EMPTY, expid=3))
    any_catalogue.ingest(tmp_path / "more")
    any_catalogue.run(run_id=6, kind="sub2d", radius=RADII)
    found = verify_without_traces(any_catalogue)
    assert found.exact
    assert counts(found) == WHOLE
    assert any_catalogue.verify(6).exact


def test_a_withdrawn_run_is_verified_too(catalogue: Catalogue) -> None:
    change(catalogue, "UPDATE run SET withdrawn_at = finished_at, withdrawn_reason = 'x'")
    assert catalogue.verify(5).exact


# --- Files ---------------------------------------------------------------------------------------


def rewrite(path: Path, edit: Callable[[bytearray], None]) -> None:
    """Change a file's bytes behind the catalogue's back: size and time stay."""
    status = path.stat()
    content = bytearray(path.read_bytes())
    edit(content)
    path.write_bytes(content)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def header_length(path: Path) -> int:
    content = path.read_bytes()
    end = next(n for n in range(0, len(content), 80) if content[n : n + 80] == b"END".ljust(80))
    return (end // 2880 + 1) * 2880


def change_pixel(path: Path) -> None:
    """The middle pixel's last bit but some."""
    place = header_length(path) + 4 * (16 * 32 + 16) + 1
    rewrite(path, lambda content: content.__setitem__(place, content[place] ^ 4))


def touch_header(path: Path) -> None:
    place = path.read_bytes().index(b"OBSRVR  =") + 11
    rewrite(path, lambda content: content.__setitem__(place, content[place] ^ 2))


def change_padding(path: Path) -> None:
    rewrite(path, lambda content: content.__setitem__(-1, 1))


def cut_short(path: Path) -> None:
    rewrite(path, lambda content: content.__delitem__(slice(-2880 * 2, None)))


@pytest.mark.parametrize("ingested", [False, True])
@pytest.mark.parametrize(
    ("spoil", "what"),
    [(change_pixel, "pixels"), (touch_header, "header"), (change_padding, "padding")],
)
def test_a_file_with_other_bytes(
    any_catalogue: Catalogue,
    tmp_path: Path,
    frames: list[Path],
    spoil: Callable[[Path], None],
    what: str,
    ingested: bool,
) -> None:
    spoil(frames[1])
    if ingested:
        report = any_catalogue.ingest(tmp_path / "frames", rehash=True)
        assert [each.path for each in report.outcomes if each.kind == "changed"] == [str(frames[1])]
    found = verify_without_traces(any_catalogue)
    assert found.verdict == "inputs-changed"
    assert inputs(found) == {"same": 5, "changed": 1}
    (bad,) = [one for one in found.inputs if not one.usable]
    assert (bad.name, bad.path, bad.what) == (frames[1].name, str(frames[1]), what)
    # The other images are checked, and the averages that do not rest on that file.
    assert counts(found) == ((5, 0, 1), (2, 0, 1))


def test_a_file_that_is_no_frame_any_more(catalogue: Catalogue, frames: list[Path]) -> None:
    cut_short(frames[0])
    found = catalogue.verify(5)
    (bad,) = [one for one in found.inputs if not one.usable]
    assert (found.verdict, bad.state) == ("inputs-changed", "changed")
    assert bad.what is not None
    assert "ends in the pixels" in bad.what


def test_a_touched_file_is_the_same(any_catalogue: Catalogue, frames: list[Path]) -> None:
    for path in frames:
        os.utime(path, ns=(1, 1))
    found = verify_without_traces(any_catalogue)
    assert found.exact
    assert inputs(found) == {"same": 6}


def test_a_file_that_is_gone(any_catalogue: Catalogue, tmp_path: Path, frames: list[Path]) -> None:
    frames[5].unlink()
    for _ in range(2):
        found = verify_without_traces(any_catalogue)
        assert found.verdict == "inputs-missing"
        assert inputs(found) == {"same": 5, "missing": 1}
        (bad,) = [one for one in found.inputs if not one.usable]
        assert (bad.name, bad.path) == (frames[5].name, str(frames[5]))
        assert bad.what == f"{frames[5]} is not there"
        assert counts(found) == ((5, 0, 1), (2, 0, 1))
        any_catalogue.ingest(tmp_path / "frames")  # now the catalogue knows that it is gone


def test_changed_and_missing_is_changed(catalogue: Catalogue, frames: list[Path]) -> None:
    change_pixel(frames[0])
    frames[5].unlink()
    found = catalogue.verify(5)
    assert found.verdict == "inputs-changed"
    assert inputs(found) == {"same": 4, "changed": 1, "missing": 1}
    assert counts(found) == ((4, 0, 2), (1, 0, 2))


def test_nothing_is_there(catalogue: Catalogue, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "frames")
    found = catalogue.verify(5)
    assert found.verdict == "inputs-missing"
    # The average of the AOR that never had a file is what it was.
    assert counts(found) == ((0, 0, 6), (1, 0, 2))


def test_a_file_that_was_moved(
    any_catalogue: Catalogue, tmp_path: Path, frames: list[Path]
) -> None:
    new = tmp_path / "a" / frames[2].name  # sorts before its old place
    new.parent.mkdir()
    frames[2].rename(new)
    found = any_catalogue.verify(5)
    assert found.verdict == "inputs-missing"
    assert inputs(found) == {"same": 5, "missing": 1}
    any_catalogue.ingest(tmp_path / "a")
    found = verify_without_traces(any_catalogue)
    assert found.exact
    assert inputs(found) == {"same": 5, "moved": 1}
    (moved,) = [one for one in found.inputs if one.state == "moved"]
    assert (moved.path, moved.what) == (str(new), f"{frames[2]} is not there")
    assert counts(found) == WHOLE


@pytest.mark.parametrize("known", ["before", "since"])
def test_a_copy_serves_where_the_file_is_spoilt(
    tmp_path: Path, frames: list[Path], known: str
) -> None:
    copy = tmp_path / "a" / frames[2].name
    copy.parent.mkdir()
    shutil.copy(frames[2], copy)
    places = [tmp_path / "frames", *([copy] if known == "before" else [])]
    with Catalogue(tmp_path / "iracdb.sqlite") as catalogue:
        catalogue.ingest(*places)
        catalogue.run(run_id=5, kind="sub2d", radius=RADII)
        catalogue.ingest(copy)
        assert inputs(catalogue.verify(5)) == {"same": 6}
        change_pixel(copy if known == "before" else frames[2])
        found = catalogue.verify(5)
        assert found.exact
        assert inputs(found) == {"same": 5, "moved": 1}
        (moved,) = [one for one in found.inputs if one.state == "moved"]
        spoilt, whole = (copy, frames[2]) if known == "before" else (frames[2], copy)
        assert (moved.path, moved.what) == (str(whole), f"{spoilt} has other bytes")
        whole.unlink()
        assert catalogue.verify(5).verdict == "inputs-changed"


def test_bytes_put_back_are_found_without_an_ingest(
    catalogue: Catalogue, tmp_path: Path, frames: list[Path]
) -> None:
    before = frames[1].read_bytes()
    change_pixel(frames[1])
    catalogue.ingest(tmp_path / "frames", rehash=True)
    assert catalogue.verify(5).verdict == "inputs-changed"
    frames[1].write_bytes(before)
    found = catalogue.verify(5)
    assert found.exact
    assert inputs(found) == {"same": 6}


def test_a_sibling_elsewhere_is_no_change_of_a_file_that_is_gone(
    catalogue: Catalogue, tmp_path: Path, frames: list[Path]
) -> None:
    """Other content of the same name at a place of its own: the run's file is missing."""
    archive(tmp_path / "other", replace(exposures(4)[1], flux_mjy=99.0))
    catalogue.ingest(tmp_path / "other")
    frames[1].unlink()
    assert inputs(catalogue.verify(5)) == {"same": 5, "missing": 1}


@pytest.mark.parametrize("recipe", ["manual", "published-2018"])
def test_images_over_whole_files_are_the_same_though_others_are_spoilt(
    tmp_path: Path, recipe: str
) -> None:
    """Rejection and pairing look at all images of an average: the others are as stored."""
    specs = [replace(one, flux_mjy=30 + 5 * (n % 5)) for n, one in enumerate(exposures(12))]
    specs[3] = replace(specs[3], x=1.5)  # a centre, and no room for the annulus
    paths = archive(tmp_path / "frames", *specs)
    with made_in(tmp_path / "iracdb.sqlite", tmp_path / "frames", recipe=recipe) as catalogue:
        stored = select(catalogue, "SELECT kept, rejected_by FROM image_result")
        assert {row["rejected_by"] for row in stored} == {None, "min", "max"}
        for spoilt in (0, 3, 4, 9):
            change_pixel(paths[spoilt])
        found = catalogue.verify(5)
        assert counts(found) == ((8, 0, 4), (0, 0, 1)), found.compared.rows


# --- Software and parameters ---------------------------------------------------------------------


def test_another_numpy(any_catalogue: Catalogue) -> None:
    row = any_catalogue.get(5).software
    assert row is not None
    packages = {**row.packages, "numpy": "1.26.4", "astrolib": "7"}
    with any_catalogue._database.write() as connection:
        connection.execute(t.software.update().values(packages=packages, python="CPython 3.9.0"))
    found = verify_without_traces(any_catalogue)
    assert found.verdict == "exact"
    assert [each[:2] for each in found.environment] == [
        ("astrolib", "7"), ("numpy", "1.26.4"), ("python", "CPython 3.9.0")
    ]  # fmt: skip
    told = found.summary()["environment"][1]
    assert told == {"name": "numpy", "was": "1.26.4", "now": row.packages["numpy"]}


def set_parameters(catalogue: Catalogue, *, noted: bool, **values: Any) -> None:
    """Change parameters of run 5, and if wished its digest and the other table too."""
    from iracdb.runs.parameters import Parameters

    run = catalogue.get(5)
    changed = Parameters({**run.parameters.values, **values})
    digest = changed.digest if noted else run.row.parameters_digest
    with catalogue._database.write() as connection:
        connection.execute(
            t.run.update().values(parameters=changed.values, parameters_digest=digest)
        )
        for name, value in values.items() if noted else ():
            connection.execute(
                t.run_parameter.update()
                .where(t.run_parameter.c.name == name)
                .values(value=repr(value) if isinstance(value, float) else value)
            )


def test_another_parameter_than_noted(any_catalogue: Catalogue) -> None:
    set_parameters(any_catalogue, noted=False, radius_source=2.5)
    found = verify_without_traces(any_catalogue)
    assert found.verdict == "differs"
    first, second = found.faults
    assert first.startswith("Its parameters are not those noted: SHA-256 ")
    assert second == "The table run_parameter says that radius_source is 3.0, the run itself 2.5"
    assert counts(found) == ((0, 6, 0), (1, 2, 0))
    columns = {one.column: one for one in found.compared.by_column() if one.table == "images"}
    assert {"raw", "corrected"} <= set(columns)
    assert not {"x", "y", "x_wcs", "sky"} & set(columns)
    assert columns["raw"].rows == 6
    assert 0 < (columns["raw"].largest_relative or 0) < 1


def test_another_parameter_noted_everywhere(catalogue: Catalogue) -> None:
    set_parameters(catalogue, noted=True, aperture_correction=1.25)
    found = catalogue.verify(5)
    assert (found.verdict, found.faults) == ("differs", ())
    assert counts(found) == ((6, 0, 0), (0, 3, 0))
    assert {one.column for one in found.compared.by_column()} == {
        "aperture_correction", "flux", "error", "standard_error", "expected_noise"
    }  # fmt: skip


def test_a_parameter_without_effect_is_noticed_all_the_same(catalogue: Catalogue) -> None:
    set_parameters(catalogue, noted=False, pixel_size_from="given")
    found = catalogue.verify(5)
    assert (found.verdict, counts(found)) == ("differs", WHOLE)
    assert len(found.faults) == 2


@pytest.mark.parametrize(
    ("name", "value"),
    [("centre", "moments"), ("sky", "blue"), ("engine", "abacus"), ("response", "some"),
     ("rejection", "some"),
     ("pairing", "odd"), ("grouping", "pairs"), ("bounds", "none"), ("kind", "bcd2"),
     ("channel", 5), ("subarray_planes", "all"), ("radius_source", "wide"), ("pixel_size", None)],
)  # fmt: skip
def test_rules_that_this_program_does_not_know(catalogue: Catalogue, name: str, value: Any) -> None:
    set_parameters(catalogue, noted=False, **{name: value})
    found = catalogue.verify(5)
    assert found.verdict == "differs"
    assert found.faults[-1].startswith("It cannot be measured again: ")
    assert counts(found) == ((0, 0, 6), (0, 0, 3))
    set_parameters(catalogue, noted=True, **{name: value})
    if value is not None:
        with pytest.raises(RunRefused, match=r"run5\) cannot be measured again by this iracdb"):
            catalogue.verify(5)


def test_other_coefficients_are_told(catalogue: Catalogue) -> None:
    set_parameters(catalogue, noted=True, response_coefficients="0" * 64)
    found = catalogue.verify(5)
    assert found.exact
    ((name, was, now),) = found.environment
    assert (name, was) == ("response coefficients", "0" * 64)
    assert len(now) == 64


# --- What is stored ------------------------------------------------------------------------------

OWN = {
    "aor_result": {"id", "run_id", "target_id"},
    "image_result": {"aor_result_id", "frame_id", "plane", "repeat"},
}
KEYS = {
    "target_name", "target_ra", "target_dec", "target_pm_ra", "target_pm_dec", "target_parallax",
    "target_epoch", "frame_group", "repeat", "aorkey",
}  # fmt: skip


def another(column: Any, value: Any) -> Any:
    """The least other value of a column."""
    python = column.type.python_type
    if value is None:
        return {float: 1.5, int: 3, str: "x", bool: True}[python]
    if python is bool:
        return not value
    if python is float:
        return math.nextafter(value, math.inf)
    return value + 1 if python is int else f"{value}x"


@pytest.mark.parametrize("table", [t.aor_result, t.image_result], ids=lambda table: table.name)
def test_every_column_is_compared(catalogue: Catalogue, table: Any) -> None:
    with catalogue._database.read() as connection:
        rows = connection.execute(table.select().order_by(table.c.row_number)).all()
    old = rows[1]._mapping
    left_out = OWN[table.name] | (KEYS if table is t.aor_result else set())
    new = {c.name: another(c, old[c.name]) for c in table.columns if c.name not in left_out}
    fixed = {"state": "empty", "row_number": 999, "file_id": rows[0]._mapping.get("file_id")}
    new |= {name: value for name, value in fixed.items() if name in new}
    with catalogue._database.write() as connection:
        place = table.c.row_number == old["row_number"]
        connection.execute(table.update().where(place).values(new))
    found = catalogue.verify(5)
    which = "averages" if table is t.aor_result else "images"
    (changed,) = [row for row in found.compared.rows if row.table == which]
    assert changed.what == "changed"
    assert changed.columns == {name: (new[name], old[name]) for name in new}
    assert len(new) == len(table.columns) - len(left_out) > 26


@pytest.mark.parametrize("column", sorted(KEYS))
def test_what_tells_averages_apart_is_compared(catalogue: Catalogue, column: str) -> None:
    (row,) = select(catalogue, "SELECT * FROM aor_result WHERE row_number = 2")
    new = another(t.aor_result.c[column], row[column])
    change(catalogue, f"UPDATE aor_result SET {column} = :new WHERE row_number = 2", new=new)
    assert catalogue.verify(5).verdict == "differs"


@pytest.mark.parametrize(
    ("statement", "expected", "fault"),
    [
        ("DELETE FROM image_result WHERE row_number = 2", ((5, 1, 0), (3, 0, 0)), "results"),
        ("UPDATE image_result SET plane = 0 WHERE row_number = 2", ((5, 2, 0), (3, 0, 0)),
         "results"),
        ("UPDATE aor_result SET frame_group = 'x' WHERE row_number = 2", ((4, 4, 0), (2, 2, 0)),
         "results"),
        ("UPDATE aor_result SET target_name = 'x' WHERE row_number = 2", WHOLE, "results"),
        ("UPDATE aor_result SET target_ra = 271 WHERE row_number = 2", ((4, 2, 0), (2, 1, 0)),
         "results"),
        ("UPDATE run SET result_digest = 'x'", WHOLE, "results"),
        ("UPDATE run SET inputs_digest = 'x'", WHOLE, "declared files"),
        ("DELETE FROM run_problem", WHOLE, "problem AORs"),
        ("UPDATE run_problem SET reason = 'rain'", WHOLE, "problem AORs"),
        ("DELETE FROM run_parameter WHERE name = 'sky'", WHOLE, "run_parameter says that sky"),
        ("UPDATE run_parameter SET value = '4' WHERE name = 'radius_source'", WHOLE,
         "radius_source is 4"),
        # The numbers of the rows behind it move up.
        ("DELETE FROM run_input WHERE position = 2", ((1, 5, 0), (2, 1, 0)), "declared files"),
    ],
)  # fmt: skip
def test_what_was_changed_behind_its_back(
    any_catalogue: Catalogue, statement: str, expected: Any, fault: str
) -> None:
    change(any_catalogue, statement)
    found = verify_without_traces(any_catalogue)
    assert found.verdict == "differs"
    assert counts(found) == expected
    assert any(fault in said for said in found.faults), found.faults


def test_an_aor_of_which_all_rows_are_gone(catalogue: Catalogue) -> None:
    number = "(SELECT id FROM aor_result WHERE row_number = 2)"
    change(catalogue, f"DELETE FROM image_result WHERE aor_result_id = {number}")
    change(catalogue, "DELETE FROM aor_result WHERE row_number = 2")
    found = catalogue.verify(5)
    assert found.verdict == "differs"
    assert "AOR 91000256 has declared files and no average" in found.faults


def test_an_aor_that_was_added(catalogue: Catalogue) -> None:
    columns = ", ".join(
        c.name for c in t.aor_result.columns if c.name not in ("id", "aorkey", "row_number")
    )
    change(
        catalogue,
        f"INSERT INTO aor_result (aorkey, row_number, {columns}) "
        f"SELECT 91000999, 4, {columns} FROM aor_result WHERE row_number = 1",
    )
    found = catalogue.verify(5)
    assert found.verdict == "differs"
    assert counts(found)[1] == (3, 1, 0)


def test_a_text_where_a_number_belongs(catalogue: Catalogue) -> None:
    change(catalogue, "UPDATE image_result SET raw = 'much' WHERE row_number = 2")
    found = catalogue.verify(5)
    assert found.verdict == "differs"
    assert counts(found) == ((5, 1, 0), (3, 0, 0))
    assert any("holds 'much', which is no float" in said for said in found.faults)
    assert catalogue.verify(5, sample=5, seed=1).verdict == "differs"


def test_the_rows_that_changed_most_come_first(catalogue: Catalogue) -> None:
    for row, factor in ((2, 1.001), (3, 1.5), (4, 1.01)):
        change(
            catalogue,
            "UPDATE image_result SET raw = raw * :f WHERE row_number = :n",
            f=factor,
            n=row,
        )
    found = catalogue.verify(5)
    shown = found.compared.most_changed(2)
    assert [row.about["expid"] for row in shown] == [2, 3]
    assert shown[0].largest == pytest.approx(1 / 3)
    assert shown[0].about == {
        "aorkey": 91000000, "target": STAR.target, "group": "SUB 2.0 s", "expid": 2, "dcenum": 0,
        "plane": -1,
    }  # fmt: skip
    (column,) = found.compared.by_column()
    assert (column.table, column.column, column.rows) == ("images", "raw", 3)
    assert column.largest_relative == pytest.approx(1 / 3)
    (was, now) = shown[0].columns["raw"]
    assert column.largest_absolute == abs(now - was)


# --- A part of it --------------------------------------------------------------------------------


def test_a_sample_is_chosen_again_by_its_seed(any_catalogue: Catalogue) -> None:
    found = verify_without_traces(any_catalogue, sample=3, seed=11)
    assert found.exact
    assert counts(found)[0] == (3, 0, 3)
    assert inputs(found) == {"same": 3}
    assert found.sample is not None
    assert vars(found.sample) == {"images": 3, "of": 6, "seed": 11}
    again = any_catalogue.verify(5, sample=3, seed=11)
    assert [one.name for one in again.inputs] == [one.name for one in found.inputs]
    others = {
        tuple(one.name for one in any_catalogue.verify(5, sample=3, seed=seed).inputs)
        for seed in range(6)
    }
    assert len(others) > 1
    drawn = any_catalogue.verify(5, sample=3)
    assert drawn.sample is not None
    repeated = any_catalogue.verify(5, sample=3, seed=drawn.sample.seed)
    assert [one.name for one in repeated.inputs] == [one.name for one in drawn.inputs]


def test_a_sample_finds_what_it_holds(catalogue: Catalogue, frames: list[Path]) -> None:
    change(catalogue, "UPDATE image_result SET raw = raw * 2 WHERE row_number = 3")
    change(catalogue, "UPDATE run SET result_digest = NULL")
    answers = {}
    for seed in range(12):
        found = catalogue.verify(5, sample=2, seed=seed)
        looked_at = {one.name for one in found.inputs}
        answers[frames[2].name in looked_at] = found.verdict
        assert sum(counts(found)[0]) == 6
    assert answers == {True: "differs", False: "exact"}


def test_a_sample_of_a_spoilt_file(catalogue: Catalogue, frames: list[Path]) -> None:
    change_pixel(frames[2])
    answers = set()
    for seed in range(12):
        found = catalogue.verify(5, sample=2, seed=seed)
        holds = frames[2].name in {one.name for one in found.inputs}
        answers.add((holds, found.verdict))
    assert answers == {(True, "inputs-changed"), (False, "exact")}


def test_averages_whose_images_are_all_in_a_sample(catalogue: Catalogue) -> None:
    complete = set()
    for seed in range(20):
        found = catalogue.verify(5, sample=5, seed=seed)
        images, averages = counts(found)
        assert images == (5, 0, 1)
        complete.add(averages)
    # One image is left out, so that one of the two AORs is whole.
    assert complete == {(1, 0, 2)}


@pytest.mark.parametrize("number", [6, 7, 10**6])
def test_a_sample_of_everything_is_no_sample(catalogue: Catalogue, number: int) -> None:
    found = catalogue.verify(5, sample=number)
    assert (found.sample, counts(found)) == (None, WHOLE)


def test_senseless_samples(catalogue: Catalogue) -> None:
    with pytest.raises(UsageError, match="at least one image"):
        catalogue.verify(5, sample=0)
    with pytest.raises(UsageError, match="A seed chooses a sample"):
        catalogue.verify(5, seed=1)


# --- Runs that cannot be measured again ----------------------------------------------------------


def test_no_such_run_and_one_that_is_not_finished(catalogue: Catalogue) -> None:
    with pytest.raises(NotFound, match="There is no run 6"):
        catalogue.verify(6)
    change(catalogue, "UPDATE run SET state = 'running'")
    before = dump(catalogue._database)
    with pytest.raises(RunRefused, match=r"Run 5 \(run5\) is not finished"):
        catalogue.verify(5)
    assert dump(catalogue._database) == before


def test_a_catalogue_that_cannot_be_written(
    catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(_database: object) -> None:
        raise CannotWrite("No permission to write")

    before = dump(catalogue._database)
    monkeypatch.setattr("iracdb.catalogue.database.Database.write", refused)
    assert catalogue.verify(5).exact
    assert dump(catalogue._database) == before


def test_the_summary_is_plain_json(catalogue: Catalogue, frames: list[Path]) -> None:
    frames[0].unlink()
    told = json.loads(json.dumps(catalogue.verify(5, sample=5, seed=1).summary()))
    assert set(told) == {
        "run_id", "name", "verdict", "partial", "sample", "made_from", "images", "aors",
        "environment", "faults", "inputs", "columns",
    }  # fmt: skip
    assert set(told["images"]) == set(told["aors"]) == {"same", "differs", "not_checked"}
    assert told["partial"] is True
    named = told["inputs"]["files"]
    assert told["inputs"]["missing"] == len(named) <= 1


def test_hashes_are_of_the_bytes(frames: list[Path]) -> None:
    """The witness of the other tests: files differ, and are read by nothing of ours."""
    hashes = {hashlib.sha256(path.read_bytes()).hexdigest() for path in frames}
    assert len(hashes) == len(frames) == 6
