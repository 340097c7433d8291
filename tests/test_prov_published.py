"""Provenance of the runs of 2018: what their files tell, and nothing that they do not."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from prov_helpers import FORMATS, by_name, copied, pairs, read, records, told, typed, written
from prov_rules import breaches
from published_helpers import copy_run
from run_helpers import select

from iracdb import Catalogue

pytestmark = pytest.mark.reference
NAME = "upperSco_final"


@pytest.fixture(scope="module")
def held(
    reference: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Catalogue, Path]]:
    """In SQLite: that both databases tell the same is tested once for all."""
    place = tmp_path_factory.mktemp("published")
    folder = copy_run(reference / "published_runs", place / "runs", NAME)
    with Catalogue(place / "iracdb.sqlite") as catalogue:
        catalogue.import_runs(folder, targets=[reference / "coordinates"])
        catalogue.keep_recomputed(catalogue.recompute(NAME), number=50)
        yield catalogue, folder


@pytest.mark.parametrize("level", ["aor", "image"])
@pytest.mark.parametrize("which", [NAME, 50])
def test_keeps_the_rules_and_reads_back(
    held: tuple[Catalogue, Path], which: str | int, level: str
) -> None:
    catalogue, _ = held
    expected = catalogue.prov(which, level=level)
    assert breaches(expected) == []
    for format_name in FORMATS if (which, level) == (NAME, "aor") else ("json",):
        assert read(written(catalogue, which, format_name, level), format_name) == expected


def test_the_same_under_other_numbers_and_in_both_databases(
    held: tuple[Catalogue, Path], tmp_path: Path, postgres_url: str
) -> None:
    catalogue, _ = held
    catalogue.copy_to(postgres_url)
    with (
        copied(catalogue._database, tmp_path / "copy.sqlite", shift=5000) as other,
        Catalogue(postgres_url, create=False) as there,
    ):
        for which in (NAME, "run50"):
            expected = written(catalogue, which, "json", "image")
            assert written(other, which, "json", "image") == expected
            assert written(there, which, "json", "image") == expected


def test_the_published_files_came_from_the_run_and_went_into_the_import(
    held: tuple[Catalogue, Path],
) -> None:
    catalogue, folder = held
    document = catalogue.prov(NAME)
    entities = by_name(document, "entity")
    made, used = pairs(document, "wasGeneratedBy"), pairs(document, "used")
    for path in folder.iterdir():
        name = f"iracdb:sha256-{hashlib.sha256(path.read_bytes()).hexdigest()}"
        assert entities[name]["voprov:name"] == path.name
        assert entities[name]["iracdb:sizeBytes"] == path.stat().st_size
        assert (name, "run:run") in made
        assert ("run:import", name) in used
        assert ("run:results", name) in pairs(document, "wasDerivedFrom")
    averages = typed(document, "entity", "voprov:ValueEntity")
    assert {entity for entity, by in made if by == "run:import"} == {"run:results", *averages}


def test_every_flux_is_the_published_one(held: tuple[Catalogue, Path]) -> None:
    catalogue, folder = held
    found = typed(read(written(catalogue, NAME, "xml"), "xml"), "entity", "voprov:ValueEntity")
    with (folder / f"{NAME}_aor_data.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(found) == len(rows) == 40
    for number, row in enumerate(rows, start=1):
        facts = found[f"run:aor-{row['AORKEY']}-{number}"]
        flux = float(row["Flux (mJy)"])
        assert facts.get("iracdb:fluxMjy", flux) == flux or flux != flux
        assert ("iracdb:fluxMjy" in facts) is (flux == flux)


def test_what_is_not_known_is_left_out(held: tuple[Catalogue, Path]) -> None:
    catalogue, _ = held
    document = catalogue.prov(NAME, level="image")
    (run,) = (r for r in records(document, "activity") if str(r.identifier) == "run:run")
    assert run.get_startTime() is None
    # The log tells no time zone.
    assert run.get_endTime().tzinfo is None
    assert run.get_endTime().isoformat() == catalogue.get(NAME).row.finished_at
    assert not typed(document, "agent", "prov:SoftwareAgent")
    with_run = [r for r in records(document, "wasAssociatedWith") if str(r.args[0]) == "run:run"]
    assert [r.args[1] for r in with_run] == [None], "a plan, and nobody who carried it out"
    names = {f["voprov:name"] for f in typed(document, "entity", "voprov:Parameter").values()}
    assert "radius_source" in names
    assert not {"centre", "sky", "response", "recipe"} & names
    for bundle in document.bundles:
        for facts in typed(bundle, "entity", "iracdb:ImageResult").values():
            assert "iracdb:kept" not in facts


def test_images_lead_to_frames_by_their_grade(held: tuple[Catalogue, Path]) -> None:
    catalogue, _ = held
    document = catalogue.prov(NAME, level="image")
    frames = typed(document, "entity", "iracdb:Frame")
    rows = select(
        catalogue,
        "SELECT i.row_number, i.link_grade, e.mjd_obs FROM image_result i "
        "JOIN aor_result a ON a.id = i.aor_result_id JOIN run r ON r.run_id = a.run_id "
        f"JOIN frame e ON e.id = i.frame_id WHERE r.name = '{NAME}'",
    )
    derived = {pair for bundle in document.bundles for pair in pairs(bundle, "wasDerivedFrom")}
    assert len(rows) == 558
    for row in rows:
        assert row["link_grade"] == "B"
        (source,) = (to for what, to in derived if what == f"run:image-{row['row_number']}")
        assert frames[source]["iracdb:mjdObs"] == row["mjd_obs"]
        assert source.endswith(f"-mjd-{row['mjd_obs']!r}")
        # Of which AOR it is may be found out later.
        assert set(frames[source]) == {"prov:type", "iracdb:channel", "iracdb:mjdObs"}


def test_a_link_that_is_not_sure_is_no_derivation(
    held: tuple[Catalogue, Path], tmp_path: Path
) -> None:
    catalogue, _ = held
    from sqlalchemy import update

    from iracdb.catalogue import tables as t

    with copied(catalogue._database, tmp_path / "copy.sqlite") as other:
        with other._database.write() as connection:
            connection.execute(update(t.image_result).values(link_grade="C"))
        document = other.prov(NAME, level="image")
        assert not typed(document, "entity", "iracdb:Frame")
        inputs = [
            facts
            for name, facts in by_name(document, "entity").items()
            if name.startswith("run:inputs-")
        ]
        assert sum(facts["iracdb:imagesOfUnknownFrame"] for facts in inputs) == 558
        assert breaches(document) == []


def test_a_recomputation_revises_its_parent(held: tuple[Catalogue, Path]) -> None:
    catalogue, _ = held
    document = catalogue.prov(50)
    parent = catalogue.get(NAME).row
    assert f"parent <urn:uuid:{parent.uuid}#>" in written(catalogue, 50, "provn")
    (revision,) = (
        record
        for record in records(document, "wasDerivedFrom")
        if str(told(record).get("prov:type")) == "prov:Revision"
    )
    assert [str(value) for value in revision.args[:3]] == [
        "run:results", "parent:results", "run:run"
    ]  # fmt: skip
    entities = by_name(document, "entity")
    assert entities["parent:results"].get("iracdb:resultDigest") == parent.result_digest
    assert ("run:run", "parent:results") in pairs(document, "used")
    assert typed(document, "agent", "prov:SoftwareAgent")
    # It averaged again what its parent had measured: no frame went into it.
    for record in records(document, "wasDerivedFrom"):
        if str(record.args[1]).startswith("run:inputs-"):
            assert record.args[2] is None
    assert not {entity for _, entity in pairs(document, "used")} & set(
        typed(document, "entity", "iracdb:Frame")
    )
