"""Companions: a coordinate system from another file of the same frame, declared with its role."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from built_once import Beginnings
from helpers import fits_of, put, spec, with_card
from run_helpers import command, content, cut_short, images, ingested_once, select

from iracdb import Catalogue
from iracdb.errors import InputsChanged, RunRefused, UsageError

RADII = (3, 3, 7)
AOR, OTHER = 90_000_000, 90_000_256
MEASURE = {"kind": "bcd", "wcs": "sub2d", "radius": RADII}


def moved(frame: Any, by: float) -> bytes:
    """A sub2d whose header points elsewhere by some pixels in x."""
    card = f"CRPIX1  = {16.5 + by:>20} / reference pixel along axis 1"
    return with_card(fits_of(frame), "CRPIX1", card.encode())


def put_pair(folder: Path, *, by: float = 0.25, **changes: Any) -> None:
    frame = spec(**changes)
    put(folder, frame, "bcd")
    put(folder, frame, content=moved(frame, by))


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two AORs of two exposures, each as bcd and as a sub2d that points elsewhere."""
    folder = tmp_path_factory.mktemp("companions") / "archive"
    for aorkey in (AOR, OTHER):
        for expid in (0, 1):
            put_pair(folder, aorkey=aorkey, expid=expid)
    return folder


@pytest.fixture
def archive(kept: Path, tmp_path: Path) -> Path:
    """A copy of it, to be changed."""
    return Path(shutil.copytree(kept, tmp_path / "archive"))


@pytest.fixture
def changing(any_location: str, archive: Path) -> Iterator[Catalogue]:
    """A catalogue of the copy."""
    with Catalogue(any_location) as opened:
        opened.ingest(archive)
        yield opened


@pytest.fixture(scope="module")
def ingested(kept: Path, begun_with: Beginnings) -> Callable[[str], str]:
    """Puts a catalogue of what is kept where a new one may be made."""
    return ingested_once(begun_with, kept)


@pytest.fixture
def catalogue(any_location: str, ingested: Callable[[str], str]) -> Iterator[Catalogue]:
    """A catalogue of what is kept, in both kinds of database."""
    with Catalogue(ingested(any_location), create=False) as opened:
        yield opened


@pytest.fixture
def plain(tmp_path: Path, ingested: Callable[[str], str]) -> Iterator[Catalogue]:
    """The same in SQLite alone, for what no database has a part in."""
    with Catalogue(ingested(str(tmp_path / "plain.sqlite")), create=False) as opened:
        yield opened


def declared(catalogue: Catalogue, run_id: int) -> list[tuple[str, str, int]]:
    rows = select(
        catalogue,
        "SELECT f.kind, i.role, i.position FROM run_input i JOIN file f ON f.id = i.file_id "
        f"WHERE i.run_id = {run_id} ORDER BY i.position, i.role",
    )
    return [(row["kind"], row["role"], row["position"]) for row in rows]


def places(catalogue: Catalogue, run: Any, *names: str) -> list[tuple[Any, ...]]:
    return [tuple(row[name] for name in names) for row in images(catalogue, run)]


def test_pixels_of_one_file_and_coordinates_of_another(plain: Catalogue) -> None:
    cube = plain.run(kind="bcd", radius=RADII)
    flat = plain.run(kind="sub2d", radius=RADII)
    both = plain.run(**MEASURE)
    assert both.parameters["wcs"] == "sub2d"
    assert places(plain, both, "x_wcs", "y_wcs") == places(plain, flat, "x_wcs", "y_wcs")
    shifts = [
        mine[0] - other[0]
        for mine, other in zip(
            places(plain, both, "x_wcs"), places(plain, cube, "x_wcs"), strict=True
        )
    ]
    assert shifts == pytest.approx([0.25] * 4, abs=1e-3)
    # The pixels are the cube's: from a start nearby the fit ends at the same centre.
    found, of_cube = places(plain, both, "x", "raw"), places(plain, cube, "x", "raw")
    for mine, other in zip(found, of_cube, strict=True):
        assert mine == pytest.approx(other, rel=1e-5)
    assert {row["file_name"][-8:] for row in images(plain, both)} == {"bcd.fits"}


def test_companions_are_declared_with_role_and_position(catalogue: Catalogue) -> None:
    run = catalogue.run(**MEASURE)
    assert declared(catalogue, run.run_id) == [
        (kind, role, position)
        for position in (1, 2, 3, 4)
        for kind, role in (("bcd", "science"), ("sub2d", "wcs"))
    ]
    assert catalogue.verify(run.run_id).verdict == "exact"
    plain = catalogue.run(kind="bcd", radius=RADII)
    assert run.row.inputs_digest != plain.row.inputs_digest


@pytest.mark.parametrize("kind", ["bcd", "sub2d"])
def test_the_measured_files_own_kind_is_no_companion(plain: Catalogue, kind: str) -> None:
    silent = plain.run(kind=kind, radius=RADII)
    said = plain.run(kind=kind, wcs=kind, radius=RADII)
    assert declared(plain, said.run_id) == [(kind, "science", n) for n in (1, 2, 3, 4)]
    assert said.row.parameters_digest == silent.row.parameters_digest
    assert said.row.inputs_digest == silent.row.inputs_digest
    assert content(plain, said) == content(plain, silent)


def test_the_newest_companion_serves(changing: Catalogue, archive: Path) -> None:
    frame = spec(aorkey=AOR, expid=0, version=2)
    put(archive, frame, content=moved(frame, 0.5))
    changing.ingest(archive)
    run, cube = changing.run(**MEASURE), changing.run(kind="bcd", radius=RADII)
    pairs = zip(places(changing, run, "x_wcs"), places(changing, cube, "x_wcs"), strict=True)
    assert [mine[0] - other[0] for mine, other in pairs] == pytest.approx(
        [0.5, 0.25, 0.25, 0.25], abs=1e-3
    )


def test_a_frame_without_a_companion_has_no_coordinates(any_location: str, tmp_path: Path) -> None:
    put_pair(tmp_path / "a", expid=0)
    put(tmp_path / "a", spec(expid=1), "bcd")
    with Catalogue(any_location) as catalogue:
        catalogue.ingest(tmp_path / "a")
        plan = catalogue.plan(**MEASURE)
        said = f"AOR {AOR} has 1 of 2 frames without a sub2d for the coordinate system"
        assert said in plan.warnings
        run = catalogue.run(**MEASURE)
        assert declared(catalogue, run.run_id) == [
            ("bcd", "science", 1), ("sub2d", "wcs", 1), ("bcd", "science", 2),
        ]  # fmt: skip
        _, bare = images(catalogue, run)
        assert (bare["flags"], bare["x_wcs"], bare["raw"]) == (1, None, None)
        assert run.aor_data["Workable/Total Files in AOR"].tolist() == ["1/2"]
        assert catalogue.verify(run.run_id).verdict == "exact"


def test_where_no_frame_has_one_the_aor_is_a_problem(any_location: str, tmp_path: Path) -> None:
    put(tmp_path / "a", spec(), "bcd")
    with Catalogue(any_location) as catalogue:
        catalogue.ingest(tmp_path / "a")
        run = catalogue.run(**MEASURE)
        ((aorkey, reason),) = run.problems
        assert aorkey == AOR
        assert "without coordinates" in reason


def test_a_companion_of_other_pixels_is_refused(any_location: str, tmp_path: Path) -> None:
    full = spec(subarray=False)
    put(tmp_path / "a", full, "bcd")
    put(tmp_path / "a", full, content=fits_of(spec()))
    with Catalogue(any_location) as catalogue:
        catalogue.ingest(tmp_path / "a")
        with pytest.raises(RunRefused, match=r"has 32 x 32 pixels, not 256 x 256"):
            catalogue.run(kind="bcd", wcs="sub2d")


def test_the_newest_companion_must_be_there(changing: Catalogue, archive: Path) -> None:
    (gone,) = archive.rglob(f"*_{AOR}_0001_0000_*_sub2d.fits")
    gone.unlink()
    changing.ingest(archive)
    with pytest.raises(InputsChanged, match=r"sub2d\.fits .*is gone"):
        changing.run(**MEASURE)
    changing.run(kind="bcd", radius=RADII)
    assert changing.run(**MEASURE, where=f"aorkey = {OTHER}").state == "finished"


def test_a_companion_that_changes_meanwhile_keeps_the_run_open(
    changing: Catalogue, archive: Path
) -> None:
    path = next(iter(archive.rglob("*sub2d.fits")))
    with pytest.raises(InputsChanged, match=r"sub2d\.fits is not the file that was ingested"):
        changing.run(run_id=4, **MEASURE, on_plan=lambda *_: os.utime(path, ns=(1, 1)))
    assert changing.get(4).state == "running"


def test_bytes_of_companions_are_checked_too(changing: Catalogue, archive: Path) -> None:
    path = next(iter(archive.rglob("*sub2d.fits")))
    status = path.stat()
    path.write_bytes(path.read_bytes()[:-1] + b"\1")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    with pytest.raises(InputsChanged, match=r"sub2d\.fits has other bytes"):
        changing.run(run_id=4, **MEASURE, check_inputs=True)


def test_a_run_goes_on_with_the_companions_that_it_declared(
    changing: Catalogue, any_location: str, archive: Path, tmp_path: Path
) -> None:
    words = ("run", "--run-id", "4", "--kind", "bcd", "--wcs", "sub2d",
             "--radius", "3", "3", "7", "--no-tables")  # fmt: skip
    whole = changing.run(run_id=3, **MEASURE)
    done = cut_short("kill", any_location, *words, folder=tmp_path)
    assert done.returncode == -9, done.stderr
    frame = spec(aorkey=OTHER, expid=0, version=2)
    put(archive, frame, content=moved(frame, 0.5))
    changing.ingest(archive)
    done = command(any_location, *words, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert content(changing, changing.get(4)) == content(changing, whole)
    assert declared(changing, 4) == declared(changing, 3)
    assert changing.get(4).row.inputs_digest == whole.row.inputs_digest
    findings = [one.code for one in changing.audit(4)]
    assert "superseded-files" in findings


def test_verify_does_without_images_whose_companion_is_lost(
    changing: Catalogue, archive: Path
) -> None:
    run = changing.run(**MEASURE)
    sampled = changing.verify(run.run_id, sample=1, seed=7)
    assert {one.name.rsplit("_", 1)[1] for one in sampled.inputs} == {"bcd.fits", "sub2d.fits"}
    path = next(iter(archive.rglob(f"*_{AOR}_0000_*sub2d.fits")))
    path.unlink()
    found = changing.verify(run.run_id)
    assert [one.state for one in found.inputs if one.path == str(path)] == ["missing"]
    assert found.compared.images.not_checked == 1
    assert found.compared.averages.not_checked == 1


def test_lineage_tells_the_file_of_the_coordinates(catalogue: Catalogue) -> None:
    run = catalogue.run(**MEASURE)
    down = catalogue.lineage(run.run_id, aor=AOR)
    names = {node["attributes"]["sha256"]: node["label"] for node in down.of_kind("file")}
    for node in down.of_kind("image_result"):
        guide = names[node["attributes"]["companions"]["wcs"]]
        derived = {
            target for one, target, relation in down.edges.rows
            if one == node["id"] and relation == "wasDerivedFrom"
        }  # fmt: skip
        assert guide.endswith("sub2d.fits")
        assert {names[target.removeprefix("file:")][-10:] for target in derived} == {
            "1_bcd.fits", "sub2d.fits",
        }  # fmt: skip
    name = f"SPITZER_I2_{AOR}_0001_0000_1_sub2d.fits"
    catalogue.run(kind="bcd", radius=RADII)
    up = catalogue.lineage(file=name)
    (image,) = (dict(zip(up.images.columns, row, strict=True)) for row in up.images.rows)
    assert (image["run_id"], image["through"], image["file"]) == (run.run_id, "wcs", name)
    of_frame = catalogue.lineage(frame=f"2/{AOR}/1/0")
    assert {row[of_frame.images.columns.index("through")] for row in of_frame.images.rows} == {
        "file"
    }


def test_comparison_keeps_roles_apart(changing: Catalogue, archive: Path) -> None:
    first = changing.run(**MEASURE)
    cube = changing.run(kind="bcd", radius=RADII)
    made = changing.compare(first.run_id, cube.run_id).made_by
    assert (made.inputs.same, made.inputs.only_a, made.inputs.only_b) == (4, 0, 0)
    assert [each.name for each in made.causes] == ["wcs"]
    frame = spec(aorkey=AOR, expid=0, version=2)
    put(archive, frame, content=moved(frame, 0.5))
    changing.ingest(archive)
    made = changing.compare(first.run_id, changing.run(**MEASURE).run_id).made_by
    assert dict(made.inputs.companions) == {"wcs": 1}
    ((what, name, sentence),) = [(one.what, one.name, one.sentence) for one in made.causes]
    assert (what, name) == ("input", "wcs")
    assert sentence.endswith("of 1 frame")


def test_companions_travel(catalogue: Catalogue, tmp_path: Path) -> None:
    run = catalogue.run(**MEASURE)
    catalogue.freeze(run.run_id, tmp_path / "frozen")
    with Catalogue(tmp_path / "frozen") as small:
        assert declared(small, run.run_id) == declared(catalogue, run.run_id)
        name = f"SPITZER_I2_{AOR}_0001_0000_1_sub2d.fits"
        assert small.header(name).verbatim == catalogue.header(name).verbatim
        assert small.verify(run.run_id).verdict == "exact"
    catalogue.copy_to(tmp_path / "copy.sqlite")
    with Catalogue(tmp_path / "copy.sqlite") as copied:
        assert copied.verify(run.run_id).verdict == "exact"
    with Catalogue(tmp_path / "third.sqlite") as third:
        third.thaw(tmp_path / "frozen")
        assert declared(third, run.run_id) == declared(catalogue, run.run_id)
        assert third.verify(run.run_id).verdict == "exact"


def test_provenance_tells_the_role(catalogue: Catalogue, tmp_path: Path) -> None:
    run = catalogue.run(**MEASURE)
    (path,) = catalogue.write_prov(run.run_id, tmp_path / "prov.json")
    used = json.loads(path.read_text())["used"].values()
    roles = [str(one.get("prov:role")) for one in used]
    assert sum("wcs" in role for role in roles) == 4
    assert sum("science" in role for role in roles) == 4


def test_a_cbcd_is_measured_as_a_bcd_is(any_location: str, tmp_path: Path) -> None:
    frame = spec()
    put(tmp_path / "a", frame, "bcd")
    put(tmp_path / "a", frame, "cbcd", content=fits_of(spec(flux_mjy=200.0), "bcd"))
    with Catalogue(any_location) as catalogue:
        catalogue.ingest(tmp_path / "a")
        artefacts = catalogue.run(kind="bcd", radius=RADII)
        corrected = catalogue.run(kind="cbcd", radius=RADII)
        (image,) = images(catalogue, corrected)
        assert image["file_name"].endswith("_cbcd.fits")
        ratio = corrected.aor_data["Flux (mJy)"][0] / artefacts.aor_data["Flux (mJy)"][0]
        assert float(ratio) == pytest.approx(200.0 / spec().flux_mjy, rel=1e-2)
        both = catalogue.run(kind="cbcd", wcs="bcd", radius=RADII)
        assert declared(catalogue, both.run_id) == [("cbcd", "science", 1), ("bcd", "wcs", 1)]


@pytest.mark.parametrize("kind", ["bunc", "bimsk", "jpeg"])
def test_only_science_gives_coordinates(plain: Catalogue, kind: str) -> None:
    with pytest.raises(UsageError, match="is not a kind that can give the coordinate system"):
        plain.plan(wcs=kind)


# --- The real frames -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def real(
    real_archive_at: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Catalogue]:
    place = str(tmp_path_factory.mktemp("companions") / "iracdb.sqlite")
    with Catalogue(real_archive_at(place), create=False) as opened:
        yield opened


def test_real_bcd_and_sub2d_have_the_same_coordinates(real: Catalogue) -> None:
    cube = real.run(channel=2, aors=[46466816], kind="bcd", radius=RADII)
    both = real.run(channel=2, aors=[46466816], kind="bcd", wcs="sub2d", radius=RADII)
    assert len(images(real, both)) == 11
    assert content(real, both) == content(real, cube)
    assert declared(real, both.run_id)[:2] == [("bcd", "science", 1), ("sub2d", "wcs", 1)]
    text = (Path(__file__).parents[1] / "docs" / "measuring.md").read_text()
    assert "the same to the bit in all 11 frames of AOR 46466816" in " ".join(text.split())


def test_a_real_aor_without_a_cube(real: Catalogue) -> None:
    flat = real.run(channel=2, aors=[42789888], kind="sub2d", radius=RADII)
    assert len(images(real, flat)) == 5
    both = real.run(channel=2, aors=[42789888, 46466816], kind="bcd", wcs="sub2d", radius=RADII)
    ((aorkey, reason),) = both.problems
    assert (aorkey, reason[:11]) == (42789888, "no bcd file")
