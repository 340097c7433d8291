"""From a flux down to bytes and from bytes up to fluxes, against a join in plain Python."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from astropy.io import fits
from lineage_helpers import (
    COPIED,
    FIRST,
    GONE,
    OFF,
    RENEWED,
    SIBLING,
    START,
    UNLIKE,
    Witness,
    attributes,
    edges,
    make_scene,
    numbers,
    path_of,
    results,
    sha256,
    told_images,
)
from run_helpers import cut_short, write_frames

from iracdb import Catalogue
from iracdb.errors import NotFound, UsageError


@pytest.fixture(scope="module")
def scene(
    module_database: object, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Catalogue, Path]]:
    """Runs over frames that are kept, rejected, unusable; files copied, gone and renewed."""
    folder = tmp_path_factory.mktemp("lineage")
    url = module_database.url.render_as_string(hide_password=False)  # type: ignore[attr-defined]
    with Catalogue(url) as catalogue:
        make_scene(catalogue, folder)
        yield catalogue, folder


@pytest.fixture(scope="module")
def catalogue(scene: tuple[Catalogue, Path]) -> Catalogue:
    return scene[0]


@pytest.fixture(scope="module")
def folder(scene: tuple[Catalogue, Path]) -> Path:
    return scene[1]


@pytest.fixture(scope="module")
def witness(scene: tuple[Catalogue, Path]) -> Witness:
    return Witness(scene[0])


# Down


def test_images_of_every_aor_are_those_of_a_join_in_python(
    catalogue: Catalogue, witness: Witness
) -> None:
    assert len(witness.aors()) == 3 + 2 + 3 + 1 + 1
    seen = set()
    for run, aorkey in witness.aors():
        found = catalogue.lineage(run, aor=aorkey)
        told = told_images(found, "average", "image", "status", "why", "sha256")
        assert sorted(told) == witness.images(run, aorkey)
        seen |= {(status, why) for _, _, status, why, _ in told}
    assert {status for status, _ in seen} == {"kept", "rejected", "unusable"}
    assert {why for status, why in seen if status == "rejected"} == {"min", "max"}
    assert any("not_in_fov" in str(why) for status, why in seen if status == "unusable")


def test_edges_are_those_of_a_join_in_python(catalogue: Catalogue, witness: Witness) -> None:
    for run, aorkey in witness.aors():
        uuid = witness.run[run]["uuid"]
        derived, generated, used = set(), set(), set()
        for average, image, _, _, digest in witness.images(run, aorkey):
            of_average, of_image = f"aor_result:{uuid}:{average}", f"image_result:{uuid}:{image}"
            derived |= {(of_average, of_image), (of_image, f"file:{digest}")}
            generated |= {(of_image, f"run:{uuid}")}
            used |= {(f"run:{uuid}", f"file:{digest}")}
        for row in witness.average.values():
            if (row["run_id"], row["aorkey"]) == (run, aorkey):
                generated |= {(f"aor_result:{uuid}:{row['row_number']}", f"run:{uuid}")}
        found = catalogue.lineage(run, aor=aorkey)
        kinds = {row[0]: row[1] for row in found.nodes.rows}
        told = {
            (one, other)
            for one, other, _ in edges(found, "wasDerivedFrom")
            if kinds[other] in ("image_result", "file")
        }
        assert told == derived
        assert {edge[:2] for edge in edges(found, "wasGeneratedBy")} == generated
        files = {edge[:2] for edge in edges(found, "used") if kinds[edge[1]] == "file"}
        assert files == used


def test_every_edge_joins_two_nodes_and_no_node_stands_alone(
    catalogue: Catalogue, witness: Witness
) -> None:
    for run, aorkey in witness.aors():
        found = catalogue.lineage(run, aor=aorkey)
        ids = [row[0] for row in found.nodes.rows]
        assert len(ids) == len(set(ids))
        ends = {end for one, other, _ in found.edges.rows for end in (one, other)}
        assert ends == set(ids)
        assert len(found.edges.rows) == len(set(found.edges.rows))


def test_files_are_what_lies_on_the_disk(catalogue: Catalogue, folder: Path) -> None:
    found = catalogue.lineage(1, aor=FIRST)
    held = {file["name"]: file for file in attributes(found, "file")}
    assert len(held) == 12
    for expid in range(12):
        path = path_of(folder, expid)
        file = held[path.name]
        assert (file["kind"], file["version"], file["header_held"]) == ("bcd", 1, True)
        if expid == GONE:
            continue
        assert file["sha256"] == sha256(path)
        with fits.open(path) as opened:
            cards, place = opened[0].header, opened.fileinfo(0)
            size = abs(cards["BITPIX"]) // 8 * cards["NAXIS1"] * cards["NAXIS2"]
        pixels = path.read_bytes()[place["datLoc"] : place["datLoc"] + size]
        assert file["data_sha256"] == sha256(pixels)
        assert file["size"] == path.stat().st_size
        assert (file["creator"], file["fluxconv"]) == (cards["CREATOR"], cards["FLUXCONV"])
        assert catalogue.header(file["sha256"] if expid == SIBLING else file["name"])
    (pipeline,) = attributes(found, "pipeline")
    assert pipeline == {"creator": cards["CREATOR"], "fluxconv": cards["FLUXCONV"]}
    assert len(edges(found, "wasAttributedTo")) == 12


def test_where_files_lie_and_whether_they_are_there(catalogue: Catalogue, folder: Path) -> None:
    held = {file["name"]: file for file in attributes(catalogue.lineage(1, aor=FIRST), "file")}
    plain, copied, gone = (path_of(folder, expid) for expid in (0, COPIED, GONE))
    assert held[plain.name]["places"] == [{"path": str(plain), "present": True}]
    copy = folder / "copies" / copied.name
    assert held[copied.name]["places"] == [
        {"path": str(copied), "present": True}, {"path": str(copy), "present": True}
    ]  # fmt: skip
    assert held[gone.name]["places"] == [{"path": str(gone), "present": False}]
    present = dict(told_images(catalogue.lineage(1, aor=FIRST), "file", "present"))
    assert [name for name, there in present.items() if not there] == [gone.name]


def test_each_average_has_its_own_images(catalogue: Catalogue) -> None:
    found = catalogue.lineage(1, aor=UNLIKE)
    groups = {row["row_number"]: row["frame_group"] for row in attributes(found, "aor_result")}
    assert sorted(groups.values()) == ["FULL 12.0 s", "FULL 2.0 s"]
    for average, file in told_images(found, "average", "file"):
        assert ("_0001_0000_" in file) == (groups[average] == "FULL 12.0 s")


def test_one_target_of_several(catalogue: Catalogue) -> None:
    both = catalogue.lineage(2, aor=FIRST)
    names = [row["target"] for row in attributes(both, "aor_result")]
    assert len(set(names)) == 2
    assert len(both.images.rows) == 24
    for name in names:
        one = catalogue.lineage(2, aor=FIRST, target=name)
        assert [row["target"] for row in attributes(one, "aor_result")] == [name]
        assert len(one.images.rows) == 12
        assert [row["name"] for row in attributes(one, "target")] == [name]
    assert catalogue.lineage(1, aor=FIRST, target="sim-star").images.rows
    with pytest.raises(NotFound, match="has no target M 31 in AOR 91000000: it has SIM-STAR"):
        catalogue.lineage(1, aor=FIRST, target="M 31")


def test_what_the_run_was_made_with(catalogue: Catalogue, folder: Path) -> None:
    run = catalogue.get(2)
    found = catalogue.lineage("RUN2", aor=FIRST)
    (told,) = attributes(found, "run")
    for name in ("run_id", "uuid", "name", "parameters_digest", "started_at", "finished_at",
                 "operator", "host", "state", "origin", "kind", "channel"):  # fmt: skip
        assert told[name] == getattr(run.row, name), name
    (parameters,) = found.of_kind("parameters")
    assert parameters["attributes"] == run.parameters.values
    assert parameters["id"] == f"parameters:{run.parameters.digest}"
    (software,) = attributes(found, "software")
    assert run.software is not None
    assert software["digest"] == run.software.digest
    assert software["packages"] == run.software.packages
    (response,) = attributes(found, "calibration")
    assert response["sha256"] == run.parameters["response_coefficients"]
    (given,) = attributes(found, "target_list")
    assert given["sha256"] == sha256(folder / "targets.csv")
    first, second = attributes(found, "target")
    assert {first["ra"], second["ra"]} == {START.ra, START.ra + 0.02}
    made = f"run:{run.row.uuid}"
    assert {edge[1].split(":")[0] for edge in edges(found, "wasAssociatedWith")} == {
        "software", "agent"
    }  # fmt: skip
    assert {edge[0] for edge in edges(found, "wasAssociatedWith")} == {made}


def test_the_numbers_are_those_that_are_stored(catalogue: Catalogue, witness: Witness) -> None:
    found = catalogue.lineage(1, aor=FIRST)
    stored = {
        image["row_number"]: image
        for image in witness.image
        if witness.average[image["aor_result_id"]]["run_id"] == 1
    }
    for told in attributes(found, "image_result"):
        row = stored[told["row_number"]]
        for name in ("raw", "background", "corrected", "x", "y", "mjd_obs", "plane",
                     "array_location_factor", "pixel_phase_factor", "file_number"):  # fmt: skip
            assert told[name] == row[name]
    (average,) = attributes(found, "aor_result")
    mine = [row for row in witness.average.values() if row["row_number"] == average["row_number"]]
    (row,) = [row for row in mine if row["run_id"] == 1]
    assert (average["flux"], average["error"]) == (row["flux"], row["error"])
    kept = [told["corrected"] for told in attributes(found, "image_result")
            if told["status"] == "kept"]  # fmt: skip
    mjy = 1.221**2 / 206265.0**2 * 1e9
    assert sum(kept) / len(kept) * mjy == pytest.approx(average["flux"], rel=1e-9)


def test_an_average_without_a_flux_has_its_lineage_too(catalogue: Catalogue) -> None:
    found = catalogue.lineage(5, aor=OFF)
    (average,) = attributes(found, "aor_result")
    assert (average["state"], average["flux"]) == ("empty", None)
    assert told_images(found, "status") == [("unusable",)]


def test_runs_that_a_run_was_made_from(catalogue: Catalogue) -> None:
    found = catalogue.lineage(5, aor=OFF)
    assert [run["run_id"] for run in attributes(found, "run")] == [5, 4, 3]
    uuid = {run["run_id"]: f"run:{run['uuid']}" for run in attributes(found, "run")}
    assert edges(found, "wasInformedBy") == {
        (uuid[5], uuid[4], "wasInformedBy"), (uuid[4], uuid[3], "wasInformedBy")
    }  # fmt: skip


# Up


def test_every_file_leads_to_what_a_join_in_python_finds(
    catalogue: Catalogue, witness: Witness
) -> None:
    assert len(witness.file) == 17
    for number, file in witness.file.items():
        found = catalogue.lineage(file=file["sha256"][:12])
        assert results(found) == witness.resting(number)
        resting = {run for run, _, _ in witness.resting(number)}
        resting |= {row["run_id"] for row in witness.input if row["file_id"] == number}
        told = numbers(attributes(found, "run"))
        assert told == resting | witness.children(resting)
        (held,) = attributes(found, "file")
        assert held["sha256"] == file["sha256"]
        for through in told_images(found, "through", "sha256"):
            assert through == ("file", file["sha256"])


def test_what_goes_up_comes_down(catalogue: Catalogue, witness: Witness) -> None:
    for run, aorkey in witness.aors():
        found = catalogue.lineage(run, aor=aorkey)
        for image, digest in told_images(found, "image", "sha256"):
            above = catalogue.lineage(file=digest)
            assert (run, image) in told_images(above, "run_id", "image")


def test_a_file_is_named_by_path_name_or_hash(
    catalogue: Catalogue, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = path_of(folder, 0)
    expected = catalogue.lineage(file=path)
    for which in (str(path), path.name, sha256(path), sha256(path)[:6].upper()):
        assert catalogue.lineage(file=which).nodes == expected.nodes
    monkeypatch.chdir(path.parent)
    assert catalogue.lineage(file=f"./{path.name}").nodes == expected.nodes
    assert catalogue.lineage(file=f"/nowhere/{path.name}").nodes == expected.nodes
    for unknown in ("nothing.fits", "0" * 64, "", path.name.replace("_0000_1_", "_0009_1_")):
        with pytest.raises(NotFound):
            catalogue.lineage(file=unknown)


def test_namesakes_are_told_apart_by_their_paths(catalogue: Catalogue, folder: Path) -> None:
    one, other = path_of(folder, SIBLING), path_of(folder, SIBLING, where="siblings")
    assert one.name == other.name
    for path in (one, other):
        (file,) = attributes(catalogue.lineage(file=path), "file")
        assert file["sha256"] == sha256(path)
        assert catalogue.header(path).verbatim == path.read_bytes()[: len(
            catalogue.header(path).verbatim)]  # fmt: skip
    with pytest.raises(NotFound, match=f"{one.name} may be any of 2 files") as told:
        catalogue.lineage(file=one.name)
    assert all(sha256(path)[:12] in str(told.value) for path in (one, other))


def test_a_newer_version_has_its_own_results(catalogue: Catalogue, folder: Path) -> None:
    older, newer = path_of(folder, RENEWED), path_of(folder, RENEWED, version=2)
    assert {run for run, _, _ in results(catalogue.lineage(file=older))} == {1, 2}
    assert {run for run, _, _ in results(catalogue.lineage(file=newer))} == {3}
    together = catalogue.lineage(frame=f"1/{FIRST}/{RENEWED}/0")
    assert {run for run, _, _ in results(together)} == {1, 2, 3}
    assert {file["version"] for file in attributes(together, "file")} == {1, 2}
    assert len(set(told_images(together, "sha256"))) == 2


def test_a_frame_is_named_in_many_ways(catalogue: Catalogue, folder: Path) -> None:
    path = path_of(folder, 3)
    expected = catalogue.lineage(frame=path.name)
    (frame,) = attributes(expected, "frame")
    assert (frame["aorkey"], frame["expid"], frame["mjd_obs"]) == (FIRST, 3, 56_000.03)
    beginning = path.name.removesuffix("_1_bcd.fits")
    for spec in (beginning, f"{beginning}_1_bunc.fits", str(path), f"1/{FIRST}/3/0",
                 f"1/{FIRST}/0003/0000", str(frame["number"]), frame["number"],
                 "1/56000.03", f" {beginning} "):  # fmt: skip
        assert catalogue.lineage(frame=spec).nodes == expected.nodes, spec
    assert results(expected) == results(catalogue.lineage(file=path))
    for unknown in (f"1/{FIRST}/99/0", "999999", "9" * 19, "9" * 18, "4/56000.03",
                    "SPITZER_I1_1_0000_0000"):  # fmt: skip
        with pytest.raises(NotFound, match="no frame"):
            catalogue.lineage(frame=unknown)
    for nonsense in ("", "x", "-1", "1/2/3", "5/91000000/3/0", "SPITZER_I1", "1/56000.03/2",
                     "9" * 30, "1/nan"):  # fmt: skip
        with pytest.raises(UsageError, match="is no frame"):
            catalogue.lineage(frame=nonsense)


def test_two_frames_that_have_files_are_two_also_at_one_time(catalogue: Catalogue) -> None:
    for aorkey in (UNLIKE, OFF):
        found = catalogue.lineage(frame=f"1/{aorkey}/0/0")
        assert {frame["aorkey"] for frame in attributes(found, "frame")} == {aorkey}
        assert set(told_images(found, "aorkey")) == {(aorkey,)}
    with pytest.raises(NotFound, match=f"may be any of 2 frames: 1/{UNLIKE}/0/0, 1/{OFF}/0/0"):
        catalogue.lineage(frame="1/56100.0")


def test_studies_and_exports_that_rest_on_a_file(catalogue: Catalogue, folder: Path) -> None:
    found = catalogue.lineage(file=path_of(folder, 0))
    (study,) = attributes(found, "study")
    assert [(run["run_id"], run["label"]) for run in study["runs"]] == [
        (1, "radius 1"), (3, "radius 3")
    ]  # fmt: skip
    assert len(edges(found, "hadMember")) == 2
    # Only run 1 rests on the older file; run 3 stands in the study all the same.
    older = catalogue.lineage(file=path_of(folder, RENEWED))
    assert attributes(older, "study") == [study]
    assert len(edges(older, "hadMember")) == 1
    (export,) = attributes(found, "activity")
    assert (export["kind"], export["run_id"]) == ("export", 2)
    assert export["folder"] == str(folder / "tables")
    for file in export["files"]:
        assert file["sha256"] == sha256(folder / "tables" / file["name"])
    assert {file["name"] for file in export["files"]} == set(os.listdir(folder / "tables"))


def test_a_run_that_declared_a_file_and_measured_nothing_yet(
    any_location: str, tmp_path: Path
) -> None:
    write_frames(tmp_path / "archive", replace(START, aorkey=UNLIKE))
    with Catalogue(any_location) as catalogue:
        catalogue.ingest(tmp_path / "archive")
        done = cut_short(
            "declared-kill", any_location, "run", "--aor", str(UNLIKE), "--no-tables",
            folder=tmp_path,
        )  # fmt: skip
        assert done.returncode == -9
        found = catalogue.lineage(frame=f"1/{UNLIKE}/0/0")
        (run,) = attributes(found, "run")
        assert run["state"] == "running"
        assert results(found) == set()
        assert any(edge[0] == f"run:{run['uuid']}" for edge in edges(found, "used"))


# What is refused


@pytest.mark.parametrize("asked", [
    {}, {"which": 1}, {"aor": FIRST}, {"which": 1, "target": "SIM-STAR"},
    {"which": 1, "aor": FIRST, "file": "x"}, {"file": "x", "frame": 1}, {"which": 1, "frame": 1},
    {"target": "x", "frame": 1},
])  # fmt: skip
def test_one_thing_is_asked_for(catalogue: Catalogue, asked: dict[str, object]) -> None:
    with pytest.raises(UsageError, match="RUN --aor KEY"):
        catalogue.lineage(**asked)  # type: ignore[arg-type]


def test_what_is_not_there(catalogue: Catalogue) -> None:
    with pytest.raises(NotFound, match="There is no run 99"):
        catalogue.lineage(99, aor=FIRST)
    with pytest.raises(NotFound, match=r"Run 1 \(run1\) has no AOR 17: 'iracdb show run1'"):
        catalogue.lineage(1, aor=17)
    with pytest.raises(NotFound):
        catalogue.lineage(4, aor=FIRST)
