"""Lineage of imported runs: to the files of 2018, to frames by time, against the CSV files."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from lineage_helpers import attributes, edges, numbers, results, sha256, told_images
from published_helpers import ENDINGS, copy_run, rows_of
from run_helpers import write_frames

from iracdb import Catalogue
from iracdb.export.tables import export_run
from iracdb.irac.simulate import FrameSpec

RUNS = {"run1": 1, "run5": 5, "run13": 13, "run20": 20, "run6": 6}
AOR = 11638016

LOG = """\
Date Reduced     : 2018-12-13T15:34:10.761558 
Input Parameters : python Pipeline.py 'single_deg' '/data/r*' '270.0 66.0' -f 'bcd' -r 10 12 20 \
-a 1.000000 -cp 1 1.221000 -o -rn 'old' -t 'SIM-STAR' -c 'Made up.' 
Instrument       : IRAC Channel 1 
File Type        : BCD 
Target           : SIM-STAR 
Radius Used      : 10, 12, 20 
Problem AORs     : 
Comments         : Made up."""  # noqa: W291


@pytest.fixture(scope="module")
def published(reference: Path) -> Path:
    return reference / "published_runs"


@pytest.fixture(scope="module")
def catalogue(
    module_database: object, published: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Catalogue]:
    """Five published runs, and one recomputed of one recomputed."""
    folder = tmp_path_factory.mktemp("published")
    for name in RUNS:
        copy_run(published, folder, name)
    url = module_database.url.render_as_string(hide_password=False)  # type: ignore[attr-defined]
    with Catalogue(url) as opened:
        opened.import_runs(folder)
        opened.keep_recomputed(opened.recompute("run13"), number=30)
        yield opened


def test_an_aor_down_to_the_files_of_2018(catalogue: Catalogue, published: Path) -> None:
    found = catalogue.lineage("run13", aor=AOR)
    sources = {row["role"]: row for row in attributes(found, "source")}
    for ending in ENDINGS:
        source = sources[ending[1:].split(".")[0]]
        assert source["sha256"] == sha256(published / f"run13{ending}")
        assert source["size"] == (published / f"run13{ending}").stat().st_size
    ids = {node["attributes"]["role"]: node["id"] for node in found.of_kind("source")}
    run = found.of_kind("run")[0]["id"]
    images = {node["id"] for node in found.of_kind("image_result")}
    (average,) = (node["id"] for node in found.of_kind("aor_result"))
    derived = edges(found, "wasDerivedFrom")
    assert (average, ids["aor_data"], "wasDerivedFrom") in derived
    assert {edge[0] for edge in derived if edge[1] == ids["img_data"]} == images
    assert {edge[:2] for edge in edges(found, "wasGeneratedBy")} >= {
        (one, run) for one in (*ids.values(), *images, average)
    }


def test_images_are_the_rows_of_the_csv_file(catalogue: Catalogue, published: Path) -> None:
    (aor,) = [r for r in rows_of(published / "run13_aor_data.csv") if r["AORKEY"] == str(AOR)]
    found = catalogue.lineage(13, aor=AOR)
    (average,) = attributes(found, "aor_result")
    assert average["flux"] == float(aor["Flux (mJy)"])
    rows = rows_of(published / "run13_img_data.csv")
    told = attributes(found, "image_result")
    # The AOR's time is that of its last image, and its images stand together.
    assert max(image["mjd_obs"] for image in told) == float(aor["Time (MJD)"])
    places = [image["row_number"] for image in told]
    assert places == list(range(places[0], places[0] + len(places)))
    assert rows[places[0] - 1]["File#"] == "1"
    for image in told:
        row = rows[image["row_number"] - 1]
        assert image["mjd_obs"] == float(row["Time[MJD]"])
        assert image["file_number"] == int(row["File#"])
        lost = math.isnan(float(row["Raw_Flux"]))
        assert image["status"] == ("unusable" if lost else "not told")
        assert (image["raw"] is None) == lost
        assert image["link_grade"] == "B"
        assert image["link_evidence"] == "channel and time; no file shows the frame"


def test_a_time_leads_to_every_run_whose_table_has_it(
    catalogue: Catalogue, published: Path
) -> None:
    (aor,) = [r for r in rows_of(published / "run13_aor_data.csv") if r["AORKEY"] == str(AOR)]
    time = aor["Time (MJD)"]
    expected = {
        (number, row)
        for name, number in RUNS.items()
        for row, image in enumerate(rows_of(published / f"{name}_img_data.csv"), start=1)
        if image["Time[MJD]"] == time
    }
    assert {number for number, _ in expected} >= {1, 5, 13, 20}
    expected |= {(30, row) for number, row in expected if number == 13}
    found = catalogue.lineage(frame=f"1/{time}")
    assert {(run, image) for run, _, image in results(found)} == expected
    assert set(told_images(found, "through", "file")) == {("frame", None)}
    (frame,) = attributes(found, "frame")
    assert catalogue.lineage(frame=frame["number"]).nodes == found.nodes


def test_a_recomputed_run_leads_to_the_files_of_its_parent(
    catalogue: Catalogue, published: Path
) -> None:
    found = catalogue.lineage(30, aor=AOR)
    child, parent = found.of_kind("run")
    assert (child["attributes"]["run_id"], parent["attributes"]["run_id"]) == (30, 13)
    assert edges(found, "wasInformedBy") == {(child["id"], parent["id"], "wasInformedBy")}
    source = {row["role"]: row["sha256"] for row in attributes(found, "source")}
    assert source["img_data"] == sha256(published / "run13_img_data.csv")
    kept = [image for image in attributes(found, "image_result") if image["status"] == "kept"]
    (average,) = attributes(found, "aor_result")
    assert len(kept) == average["n_workable"] - average["n_rejected"]
    assert numbers(attributes(catalogue.lineage(frame=found.of_kind("frame")[0]["attributes"][
        "number"]), "run")) >= {13, 30}  # fmt: skip


# Frames that are ingested after the import


@pytest.fixture
def old(any_location: str, tmp_path: Path) -> Iterator[Catalogue]:
    """A run of 2018 over three frames, which are ingested and not linked yet."""
    start = FrameSpec(channel=1, aorkey=91000000, noise=False, mjd=56000.0)
    frames = [replace(start, expid=n, mjd=start.mjd + n / 1000) for n in range(3)]
    write_frames(tmp_path / "archive", *frames, replace(start, channel=2))
    with Catalogue(tmp_path / "ours.sqlite") as ours:
        ours.ingest(tmp_path / "archive")
        run = ours.run(channel=1, name="old", recipe="published-2018")
        export_run(run, tmp_path / "runs", layout="16-14-NY")
    (tmp_path / "runs" / "old_log.txt").write_text(LOG)
    with Catalogue(any_location) as opened:
        opened.import_runs(tmp_path / "runs")
        opened.ingest(tmp_path / "archive")
        opened.run(run_id=2, channel=1)
        yield opened


def test_a_frame_that_a_table_alone_knows_is_found_by_its_time(old: Catalogue) -> None:
    name = "SPITZER_I1_91000000_0001_0000_1_bcd.fits"
    asked = {"file": {"file": name}, "frame": {"frame": "1/91000000/1/0"}}
    for found in (old.lineage(**which) for which in asked.values()):  # type: ignore[arg-type]
        assert sorted(told_images(found, "run", "image", "through")) == [
            ("old", 2, "time"), ("run2", 2, "file")
        ]  # fmt: skip
        # Channel 2 has a frame at the time of the first: it is another frame.
        assert len(edges(found, "alternateOf")) == 1
    down = old.lineage("old", aor=91000000)
    assert [file["name"] for file in attributes(down, "file")] == [
        f"SPITZER_I1_91000000_000{n}_0000_1_bcd.fits" for n in range(3)
    ]
    # Which file was measured is not told: images come from frames, frames are shown by files.
    images = {node["id"] for node in down.of_kind("image_result")}
    frames = {one for one, _, _ in edges(down, "alternateOf")}
    came_from = {edge for edge in edges(down, "wasDerivedFrom") if edge[0] in images}
    assert {other for _, other, _ in came_from if other.startswith("frame:")} == frames
    assert not [other for _, other, _ in came_from if other.startswith("file:")]


def test_relinked_images_rest_on_the_frame_itself(old: Catalogue) -> None:
    assert old.relink().total == 3
    found = old.lineage(file="SPITZER_I1_91000000_0001_0000_1_bcd.fits")
    assert sorted(told_images(found, "run", "through", "link_grade")) == [
        ("old", "frame", "A"), ("run2", "file", None)
    ]  # fmt: skip
    assert not edges(found, "alternateOf")
    down = old.lineage("old", aor=91000000)
    assert not edges(down, "alternateOf")
    assert len(attributes(down, "file")) == 3
    other = old.lineage(frame="2/91000000/0/0")
    assert results(other) == set()
