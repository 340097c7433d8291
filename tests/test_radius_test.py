"""A radius test: one fit, one run for each set of radii, each the run that stands alone."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from built_once import Beginnings
from iracdb_cli.main import main
from run_helpers import (
    begun,
    command,
    content,
    csv_files,
    cut_short,
    ingested_once,
    select,
    write_frames,
)

from iracdb import Catalogue
from iracdb.catalogue.locks import run_locks
from iracdb.errors import Busy, CannotWrite, InputsChanged, RunRefused, UsageError
from iracdb.irac.handbook import APERTURE_CORRECTION
from iracdb.irac.near import NearBlocks
from iracdb.irac.simulate import FrameSpec
from iracdb.photometry import response as response_module
from iracdb.runs import execute, measuring
from iracdb.runs import images as images_of_block
from iracdb.runs.combinations import Combination, combinations_of, read_combinations
from iracdb.runs.studies import shown_numbers

NUMBERS = range(200, 210)
FULL, SMALL, SUB = 92000000, 92000256, 92000512
STAR = "3.694617 -30.452201"


def frames() -> list[FrameSpec]:
    """Two AORs of the full array, one near its edge, and one of the subarray."""
    full = FrameSpec(channel=1, aorkey=FULL, x=127.3, y=126.8, flux_mjy=30.0, frame_time=12.0)
    edge = replace(full, aorkey=SMALL, x=240.2, y=100.4)
    sub = FrameSpec(channel=1, aorkey=SUB, subarray=True, flux_mjy=40.0)
    exposures = [replace(full, expid=n, x=full.x + n / 7, mjd=full.mjd + n) for n in range(3)]
    exposures += [replace(edge, expid=n, mjd=edge.mjd + 10 + n) for n in range(2)]
    return [*exposures, replace(sub, expid=0), replace(sub, expid=1, mjd=sub.mjd + 1)]


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("radii") / "archive"
    write_frames(folder, *frames())
    return folder


@pytest.fixture(scope="module")
def ingested(archive: Path, begun_with: Beginnings) -> Callable[[str], str]:
    """Puts the archive's catalogue where a new one may be made."""
    return ingested_once(begun_with, archive)


@pytest.fixture
def catalogue(any_location: str, ingested: Callable[[str], str]) -> Iterator[Catalogue]:
    """The archive's catalogue, in both kinds of database."""
    with Catalogue(ingested(any_location), create=False) as opened:
        yield opened


@pytest.fixture
def plain(tmp_path: Path, ingested: Callable[[str], str]) -> Iterator[Catalogue]:
    """The same in SQLite alone, for what no database has a part in."""
    with Catalogue(ingested(str(tmp_path / "plain.sqlite")), create=False) as opened:
        yield opened


FEW = range(200, 203)
FEW_RADII = ((10.0, 12.0, 20.0), (3.0, 3.0, 7.0), (2.0, 12.0, 20.0))


@pytest.fixture(scope="module")
def radii(archive: Path) -> Path:
    """Three of the ten combinations, one of which fits a subarray: enough to be interrupted."""
    path = archive.parent / "radii.txt"
    path.write_text("".join(f"{r} {inner} {outer}\n" for r, inner, outer in FEW_RADII))
    return path


@pytest.fixture(scope="module")
def whole(
    ingested: Callable[[str], str], radii: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, bytes]:
    """The tables of a test that was never interrupted, the runs' own among them."""
    folder = tmp_path_factory.mktemp("whole")
    with Catalogue(ingested(str(folder / "iracdb.sqlite")), create=False) as opened:
        opened.radius_test(200, radii, channel=1, out=folder / "out", run_tables=True)
    files = csv_files(folder / "out")
    assert len(files) == 4 + 2 * len(FEW)
    return files


class Enough(Exception):
    """Somebody pulls the plug."""


def stop(_done: int, _total: int, aorkey: str) -> None:
    if aorkey:
        raise Enough


def interrupted(catalogue: Catalogue, **options: Any) -> None:
    """Begin a test that ends after its first AOR."""
    with pytest.raises(Enough):
        catalogue.radius_test(200, channel=1, progress=stop, **options)


def states(catalogue: Catalogue) -> list[tuple[int, str]]:
    rows = select(catalogue, "SELECT run_id, state FROM run ORDER BY run_id")
    return [(row["run_id"], row["state"]) for row in rows]


# Each run is the one that stands alone


def test_each_run_is_the_one_that_run_makes(plain: Catalogue) -> None:
    tables = plain.radius_test(200, channel=1)
    assert [member.run_id for member in tables.results.members] == list(NUMBERS)
    assert_each_alone(plain, dict(zip(NUMBERS, APERTURE_CORRECTION, strict=True)))
    assert plain.compare(200, 300).summary()["aors"]["changed"] == 0
    assert main(["verify", "204", "--db", _place(plain)]) == 0


def test_each_run_of_a_few_in_both_databases(catalogue: Catalogue, radii: Path) -> None:
    catalogue.radius_test(200, radii, channel=1)
    assert_each_alone(catalogue, dict(zip(FEW, FEW_RADII, strict=True)))
    assert catalogue.compare(200, 300).summary()["aors"]["changed"] == 0
    assert main(["verify", "201", "--db", _place(catalogue)]) == 0


def assert_each_alone(catalogue: Catalogue, made: dict[int, tuple[float, float, float]]) -> None:
    for number, radii in made.items():
        alone = catalogue.run(number + 100, channel=1, radius=radii)
        mine = catalogue.get(number)
        assert mine.parameters.values["aperture_correction"] == APERTURE_CORRECTION[radii][0]
        assert mine.parameters == alone.parameters
        assert mine.row.parameters_digest == alone.row.parameters_digest
        assert mine.row.inputs_digest == alone.row.inputs_digest
        assert mine.row.aors == alone.row.aors
        assert content(catalogue, mine) == content(catalogue, alone)
        assert mine.row.result_digest == alone.row.result_digest
        assert mine.problems == alone.problems
        assert mine.counts == alone.counts
    # The rows of the radii differ, or all of this would show nothing.
    digests = {catalogue.get(number).row.result_digest for number in made}
    assert len(digests) == len(made)


def _place(catalogue: Catalogue) -> str:
    url = catalogue._database.url
    return str(url.database) if url.get_backend_name() == "sqlite" else url.render_as_string(False)


def test_the_2018_recipe_pairs_and_bounds_through_each_aperture_alone(
    plain: Catalogue, radii: Path
) -> None:
    plain.radius_test(200, radii, channel=1, recipe="published-2018")
    for number, one in zip(FEW, FEW_RADII, strict=True):
        alone = plain.run(number + 100, channel=1, radius=one, recipe="published-2018")
        assert plain.get(number).row.result_digest == alone.row.result_digest


def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """List the files that are read from now on: whole, or near the stars."""
    read: list[str] = []
    whole, near = images_of_block.read_pixels, NearBlocks._fill

    def reading(frame: Any) -> Any:
        read.append(frame.path)
        return whole(frame)

    def filling(self: Any, frame: Any, *arguments: Any) -> None:
        read.append(frame.path)
        near(self, frame, *arguments)

    monkeypatch.setattr(images_of_block, "read_pixels", reading)
    monkeypatch.setattr(NearBlocks, "_fill", filling)
    return read


def test_each_frame_is_read_and_each_centre_fitted_once(
    plain: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = reads(monkeypatch)
    fitted: list[int] = []
    laid: list[tuple[float, int]] = []
    asked: list[int] = []
    real_fit, real_lay = measuring.fit_centres, measuring.lay_apertures
    real_factors = response_module.NATIVE.factors

    def fitting(images: Any, *arguments: Any, **options: Any) -> Any:
        fitted.append(len(images))
        return real_fit(images, *arguments, **options)

    def laying(images: Any, x: Any, y: Any, centres: Any, apertures: Any, **options: Any) -> Any:
        laid.extend((aperture.r, len(images)) for aperture in apertures)
        return real_lay(images, x, y, centres, apertures, **options)

    def asking(self: Any, x: Any, *arguments: Any, **options: Any) -> Any:
        asked.append(len(x))
        return real_factors(x, *arguments, **options)

    monkeypatch.setattr(measuring, "fit_centres", fitting)
    monkeypatch.setattr(measuring, "lay_apertures", laying)
    monkeypatch.setattr(type(response_module.NATIVE), "factors", asking)
    plain.radius_test(200, channel=1)
    assert len(read) == len(set(read)) == sum(fitted) == len(frames())
    assert sum(count for _, count in laid) == len(NUMBERS) * len(frames())
    assert [r for r, _ in laid[: len(NUMBERS)]] == [radii[0] for radii in APERTURE_CORRECTION]
    # The engine, which may take a second to start, is asked once an AOR and mission.
    assert sum(asked) == len(NUMBERS) * len(frames())
    assert len(asked) == 3


def test_jobs_make_no_difference(
    catalogue: Catalogue, radii: Path, whole: dict[str, bytes], tmp_path: Path
) -> None:
    catalogue.radius_test(200, radii, channel=1, jobs=2, out=tmp_path / "out", run_tables=True)
    assert csv_files(tmp_path / "out") == whole


def test_a_combination_that_fits_nowhere_has_a_run_of_problem_aors(catalogue: Catalogue) -> None:
    prepared = catalogue.plan_radius_test(200, channel=1, aors=[SUB])
    assert prepared.nowhere == [
        "(10, 12, 20)", "(8, 12, 20)", "(6, 12, 20)", "(5, 12, 20)", "(4, 12, 20)", "(3, 12, 20)",
        "(2, 12, 20)",
    ]  # fmt: skip
    catalogue.radius_test(200, channel=1, aors=[SUB])
    assert catalogue.get(200).problems == [(SUB, "radii 10 12 20 cannot fit the 32 x 32 array")]
    assert catalogue.get(207).problems == []
    assert catalogue.get(200).counts.images == 2


def test_where_no_combination_fits_nothing_is_begun(plain: Catalogue, tmp_path: Path) -> None:
    path = tmp_path / "radii.txt"
    path.write_text("10 12 20\n12 14 22 1.0\n")
    with pytest.raises(RunRefused, match="cannot fit the 32 x 32 array"):
        plain.radius_test(200, path, channel=1, aors=[SUB])
    assert states(plain) == []
    assert plain.studies().rows == []


# Interrupted


@pytest.mark.parametrize("how", ["kill", "halfway-kill"])
def test_killed_it_goes_on_where_it_was(
    how: str, catalogue: Catalogue, radii: Path, whole: dict[str, bytes], tmp_path: Path
) -> None:
    _goes_on(how, catalogue, radii, whole, tmp_path)


@pytest.mark.parametrize("how", ["declared-kill", "interrupt"])
def test_ended_otherwise_it_goes_on_too(
    how: str, plain: Catalogue, radii: Path, whole: dict[str, bytes], tmp_path: Path
) -> None:
    _goes_on(how, plain, radii, whole, tmp_path)


def _goes_on(
    how: str, opened: Catalogue, radii: Path, whole: dict[str, bytes], tmp_path: Path
) -> None:
    words = ("radius-test", "--first-run", "200", "--channel", "1", "--combinations", radii,
             "--out", "out", "--run-tables")  # fmt: skip
    ended = cut_short(how, _place(opened), *words, folder=tmp_path)
    assert ended.returncode != 0
    assert not (tmp_path / "out").exists()
    assert states(opened) == [(number, "running") for number in FEW]
    rows = select(opened, "SELECT DISTINCT run_id, aorkey FROM aor_result")
    left = {} if how.startswith("declared") else {(number, FULL) for number in FEW}
    assert {(row["run_id"], row["aorkey"]) for row in rows} == set(left)
    assert [row[2] for row in opened.studies().rows] == ["running"]
    with pytest.raises(RunRefused, match="not finished"):
        opened.export_study("radius-test-200", tmp_path / "early")
    again = command(_place(opened), *words, folder=tmp_path)
    assert again.returncode == 0, again.stderr
    assert "goes on with the study radius-test-200: 3 runs" in again.stderr
    assert csv_files(tmp_path / "out") == whole


def test_only_what_is_left_is_measured(plain: Catalogue, monkeypatch: pytest.MonkeyPatch) -> None:
    interrupted(plain)
    read = reads(monkeypatch)
    plain.radius_test(200, channel=1)
    assert len(read) == sum(spec.aorkey != FULL for spec in frames())


def test_a_run_of_it_may_go_on_alone(catalogue: Catalogue) -> None:
    interrupted(catalogue)
    alone = catalogue.run(204, channel=1, radius=(5, 5, 10))
    assert alone.state == "finished"
    assert [number for number, state in states(catalogue) if state == "running"] == [
        number for number in NUMBERS if number != 204
    ]
    tables = catalogue.radius_test(200, channel=1)
    assert tables.results.study.finished
    for number, radii in zip(NUMBERS, APERTURE_CORRECTION, strict=True):
        if number in (200, 204):
            again = catalogue.run(channel=1, radius=radii)
            assert catalogue.get(number).row.result_digest == again.row.result_digest


def test_a_run_of_it_may_be_further_than_the_others(plain: Catalogue) -> None:
    interrupted(plain)

    def stop_later(_done: int, _total: int, aorkey: str) -> None:
        if aorkey == str(SMALL):
            raise Enough

    with pytest.raises(Enough):
        plain.run(204, channel=1, radius=(5, 5, 10), progress=stop_later)
    rows = select(plain, "SELECT run_id FROM aor_result GROUP BY run_id HAVING COUNT(*) = 2")
    assert [row["run_id"] for row in rows] == [204]
    plain.radius_test(200, channel=1)
    for number, radii in ((203, (5, 12, 20)), (204, (5, 5, 10))):
        alone = plain.run(number + 100, channel=1, radius=radii)
        assert plain.get(number).row.result_digest == alone.row.result_digest


def test_a_run_without_a_number_does_not_take_up_one_of_a_study(plain: Catalogue) -> None:
    interrupted(plain)
    assert plain.run(channel=1).run_id == 210
    assert plain.get(200).state == "running"


def test_it_goes_on_over_the_files_that_it_declared(plain: Catalogue, tmp_path: Path) -> None:
    interrupted(plain)
    write_frames(tmp_path / "later", replace(frames()[0], expid=9))
    plain.ingest(tmp_path / "later")
    plain.radius_test(200, channel=1)
    assert {plain.get(number).counts.images for number in NUMBERS} == {len(frames())}
    assert plain.run(channel=1).counts.images == len(frames()) + 1


def test_with_other_parameters_it_does_not_go_on(plain: Catalogue, tmp_path: Path) -> None:
    interrupted(plain)
    with pytest.raises(RunRefused, match="rejection is minmax, now none"):
        plain.radius_test(200, channel=1, rejection="none")
    path = tmp_path / "radii.txt"
    path.write_text("3 3 7\n")
    with pytest.raises(RunRefused, match="is there with other runs, 200 to 209"):
        plain.radius_test(200, path, channel=1)
    # Another correction for the same radii is another parameter.
    lines = [" ".join(f"{r:g}" for r in radii) for radii in APERTURE_CORRECTION]
    path.write_text("\n".join([*lines[:-1], f"{lines[-1]} 1.5"]))
    with pytest.raises(RunRefused, match=r"aperture_correction is 1\.215, now 1\.5"):
        plain.radius_test(200, path, channel=1)


# Numbers, names, locks


def test_numbers_that_are_taken(catalogue: Catalogue) -> None:
    catalogue.run(203, channel=1, aors=[SMALL])
    catalogue.run(name="run207", channel=1, aors=[SMALL])
    measured = states(catalogue)
    with pytest.raises(RunRefused) as refused:
        catalogue.radius_test(200, channel=1)
    assert str(refused.value) == (
        "Runs 203, 207 are there already, and a run is never overwritten. "
        "208 to 217 are free: --first-run 208"
    )
    assert states(catalogue) == measured
    assert catalogue.studies().rows == []
    assert catalogue.radius_test(208, channel=1, aors=[SMALL]).results.study.numbers == "208 to 217"
    with pytest.raises(RunRefused, match=r"radius-test-208 \(runs 208 to 217\) is finished"):
        catalogue.radius_test(208, channel=1, aors=[SMALL])
    with pytest.raises(RunRefused, match=r"Runs 210 to 217 are there already, .*218 to 227 are"):
        catalogue.radius_test(210, channel=1)


def test_the_study_to_go_on_with_is_named(plain: Catalogue) -> None:
    interrupted(plain, study="hot")
    with pytest.raises(RunRefused, match=r"to go on with a study that was begun: --study hot\)"):
        plain.radius_test(200, channel=1)
    with pytest.raises(RunRefused, match="The study hot is there with other runs"):
        plain.radius_test(300, channel=1, study="HOT")
    assert plain.radius_test(200, channel=1, study="hot").results.study.finished


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"radius": (3, 3, 7)}, "takes no radius"),
        ({"aperture_correction": 1.1}, "takes no aperture_correction"),
        ({"run_id": 3}, "takes no run_id"),
        ({"name": "mine"}, "takes no name"),
        ({"study": "a b"}, "is no name for a study"),
        ({"study": "../x"}, "is no name for a study"),
    ],
)
def test_what_a_radius_test_does_not_take(
    plain: Catalogue, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        plain.radius_test(200, channel=1, **options)


@pytest.mark.parametrize("first", [0, -1, 2**31 - 5])
def test_first_numbers_that_are_none(plain: Catalogue, first: int) -> None:
    with pytest.raises(UsageError):
        plain.radius_test(first, channel=1)


def test_the_locks_of_all_runs_are_held(catalogue: Catalogue) -> None:
    database = catalogue._database
    with run_locks(database, (205,)):
        with pytest.raises(Busy, match="run 205"):
            catalogue.radius_test(200, channel=1)
        # Those that it got before are free again.
        with run_locks(database, range(200, 205)):
            pass
    assert states(catalogue) == []

    def held(*_: Any) -> None:
        for number in NUMBERS:
            with pytest.raises(Busy), run_locks(database, (number,)):
                pass

    catalogue.radius_test(200, channel=1, progress=held)
    with run_locks(database, NUMBERS):
        pass


def test_another_process_waits_for_none(plain: Catalogue, radii: Path, tmp_path: Path) -> None:
    location = _place(plain)
    words = (
        "radius-test",
        "--first-run",
        "200",
        "--channel",
        "1",
        "--combinations",
        radii,
        "--no-tables",
    )
    with begun(location, *words, folder=tmp_path) as first:
        second = command(location, *words, folder=tmp_path)
        assert second.returncode == 4
        assert "Another process is making run 200" in second.stderr
        (tmp_path / "go").touch()
        assert first.wait(60) == 0, first.said()


# Combinations


def test_the_manuals_ten() -> None:
    for source in (None, "all"):
        found = combinations_of(source)
        assert [one.radii for one in found] == list(APERTURE_CORRECTION)
        assert all(one.correction is None for one in found)


def test_combinations_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "radii.csv"
    path.write_text("r,r_in,r_out,correction\n# mine\n\n3,3,7\n2.5, 3, 7, 1.2\n 4 12\t20  1.1\n")
    assert read_combinations(path) == (
        Combination((3.0, 3.0, 7.0)),
        Combination((2.5, 3.0, 7.0), 1.2),
        Combination((4.0, 12.0, 20.0), 1.1),
    )
    assert read_combinations(path)[1].label == "(2.5, 3, 7)"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("2.5 3 7\n", "line 1: the manual has no aperture correction for radii 2.5 3 7"),
        ("3 3 7\n3 2 7 1\n", "line 2: Radii must grow"),
        ("3 3 7\n\n3 3\n", "line 3: it is 'r r_in r_out"),
        ("3 3 7\nr r_in r_out\n", "line 2: it is"),
        ("3 3 7\n3.0 3.0 7.0 1.1\n", r"line 2: the radii \(3, 3, 7\) stand in an earlier line"),
        ("3 3 seven\n", "line 1: it is"),
        ("3 3 nan\n", "line 1: Radii must grow"),
        ("# none\n", "holds no combination"),
        ("", "holds no combination"),
    ],
)
def test_lines_that_are_no_combination(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "radii.txt"
    path.write_text(text)
    with pytest.raises(UsageError, match=message):
        combinations_of(path)


def test_a_file_that_is_not_there_or_no_text(tmp_path: Path) -> None:
    with pytest.raises(RunRefused, match="'all' for the manual's"):
        combinations_of(tmp_path / "nowhere")
    path = tmp_path / "bytes"
    path.write_bytes(b"\xff\xfe3 3 7")
    with pytest.raises(RunRefused, match="is not text"):
        combinations_of(path)


def test_corrections_of_a_file_are_applied(plain: Catalogue, tmp_path: Path) -> None:
    path = tmp_path / "radii.txt"
    path.write_text("2.5 3 7 1.5\n3 3 7\n3 4 7 0.5\n")
    plain.radius_test(200, path, channel=1, study="own")
    told = [plain.get(number).parameters.values for number in (200, 201, 202)]
    assert [values["aperture_correction"] for values in told] == [1.5, 1.125, 0.5]
    assert [values["aperture_correction_from"] for values in told] == ["given", "manual", "given"]
    alone = plain.run(300, channel=1, radius=(2.5, 3, 7), aperture_correction=1.5)
    assert alone.row.parameters_digest == plain.get(200).row.parameters_digest
    assert alone.row.result_digest == plain.get(200).row.result_digest


def test_numbers_as_people_write_them() -> None:
    assert shown_numbers([]) == ""
    assert shown_numbers([5]) == "5"
    assert shown_numbers(range(200, 210)) == "200 to 209"
    assert shown_numbers([9, 1, 2, 3, 7]) == "1 to 3, 7, 9"


# Files in the way, inputs, the command


def test_files_in_the_way_stop_it_before_anything_is_measured(
    plain: Catalogue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "radius-test-200_growth.csv").write_text("mine")
    monkeypatch.setattr(execute, "measured_through", stop)
    with pytest.raises(CannotWrite, match=r"radius-test-200_growth\.csv is there already"):
        plain.radius_test(200, channel=1, out=tmp_path)
    assert states(plain) == []


def test_a_changed_file_keeps_all_runs_open(archive: Path, tmp_path: Path) -> None:
    copy = tmp_path / "archive"
    paths = write_frames(copy, *frames())
    with Catalogue(tmp_path / "changed.sqlite") as opened:
        opened.ingest(copy)

        def spoil(_done: int, _total: int, aorkey: str) -> None:
            if aorkey:
                content = bytearray(paths[0].read_bytes())
                content[-1] ^= 1
                paths[0].write_bytes(content)

        with pytest.raises(InputsChanged):
            opened.radius_test(200, channel=1, progress=spoil, check_inputs=True)
        assert {state for _, state in states(opened)} == {"running"}


def test_the_command(plain: Catalogue, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = ["--db", _place(plain)]
    words = ["radius-test", "--first-run", "200", "--channel", "1", *place]
    assert main([*words, "--dry-run", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [row["run_id"] for row in told["runs"]] == list(NUMBERS)
    assert [row["aors_without_flux"] for row in told["runs"]] == [1, 1, 1, 1, 0, 1, 1, 0, 1, 0]
    assert (told["frames"], told["goes_on"]) == (len(frames()), False)
    assert states(plain) == []
    assert main([*words, "--out", str(tmp_path / "out"), "--strict", "--comment", "Why"]) == 5
    said = capsys.readouterr()
    assert "makes the study radius-test-200: 10 runs, 3 AORs, 7 frames" in said.err
    assert "radius-test-200_agreement_over_all.csv" in said.err
    assert len(list((tmp_path / "out").iterdir())) == 4
    assert plain.get(205).row.command.startswith("iracdb")
    assert plain.get(205).row.comment == "Why"
    assert main(["studies", "--json", *place]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["name"], row["runs"], row["comment"]) == ("radius-test-200", 10, "Why")
    assert main([*words]) == 3
    assert "210 to 219 are free" in capsys.readouterr().err
    assert main(["study", "nothing", *place]) == 3
    assert "there is radius-test-200" in capsys.readouterr().err


# Real frames


@pytest.fixture(scope="module")
def real(
    real_archive_at: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Catalogue]:
    place = str(tmp_path_factory.mktemp("real") / "iracdb.sqlite")
    with Catalogue(real_archive_at(place), create=False) as opened:
        yield opened


@pytest.mark.parametrize(
    ("aorkey", "channel", "lowest", "highest", "apart"),
    [
        (24649984, 4, "(2, 2, 6)", "(5, 5, 10)", 6.5),
        (38703360, 2, "(3, 3, 7)", "(5, 5, 10)", 0.95),
        (46466816, 2, "(3, 3, 7)", "(5, 5, 10)", 0.91),
    ],
)
def test_which_combinations_fit_a_real_subarray(
    real: Catalogue, aorkey: int, channel: int, lowest: str, highest: str, apart: float
) -> None:
    first = aorkey % 1000 + 1000
    results = real.radius_test(first, channel=channel, aors=[aorkey]).results
    (line,) = results.lines
    fitting = [
        label for label, cell in zip(results.labels, line.cells, strict=True) if cell.flux > 0
    ]
    assert fitting == ["(5, 5, 10)", "(3, 3, 7)", "(2, 2, 6)"]
    assert results.labels[results.reference(line) or 0] == "(5, 5, 10)"
    ends = results.extremes(line)
    assert ends is not None
    assert [results.labels[place] for place in ends] == [lowest, highest]
    assert results.disagreement(line) == pytest.approx(apart, abs=0.05)
    for label, radii, member in zip(results.labels, results.radii, results.members, strict=True):
        if label not in fitting:
            assert len(real.get(member.run_id).problems) == 1
            continue
        alone = real.run(channel=channel, aors=[aorkey], radius=radii)
        assert alone.row.result_digest == real.get(member.run_id).row.result_digest


def test_a_real_full_array_fits_all(real: Catalogue) -> None:
    # The star that the reference measures there: RA_REF lies off this array.
    results = real.radius_test(500, channel=1, aors=[48765440], coord=STAR).results
    (line,) = results.lines
    assert np.isfinite([cell.flux for cell in line.cells]).all()


def test_an_aor_without_a_file_is_told_once(
    real: Catalogue, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["radius-test", "--first-run", "700", "--channel", "2", "--no-tables"]
    aors = ["--aor", "42789888", "--aor", "46466816", "--db", _place(real)]
    assert main([*words, *aors]) == 0
    said = capsys.readouterr()
    told = [line for line in said.out.splitlines() if "Problem AOR" in line]
    assert len(told) == 1
    assert told[0].startswith(
        "Problem AOR 42789888, through every combination: no bcd file of channel 2, only "
    )
    assert "(10, 12, 20) (8, 12, 20)" in said.err
    assert "fit none of these arrays" in said.err
    empty = real.study("radius-test-700").rows("best")[0]
    assert empty[0] == 42789888
    assert set(empty[2:]) == {"nan +- nan, nan%", None}
