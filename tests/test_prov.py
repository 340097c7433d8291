"""Provenance of runs made here, in W3C PROV: what is told, and that every format tells the same."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from astropy.io import fits
from built_once import Beginnings
from hypothesis import example, given
from hypothesis import strategies as st
from prov_helpers import (
    FORMATS,
    LEVELS,
    by_name,
    copied,
    pairs,
    read,
    records,
    told,
    typed,
    written,
)
from prov_rules import breaches
from run_helpers import averages, images, select, write_frames
from sqlalchemy import update

import iracdb
from iracdb import Catalogue
from iracdb.catalogue import tables as t
from iracdb.errors import NotFound, RunRefused, UsageError
from iracdb.export.prov.names import spelt
from iracdb.irac.simulate import FrameSpec

COMMENT = (
    'quotes " and \\ ends;\nlines, tabs\t, <tags> & ]]> in\r\nUnicode: \u00e9\U0001f52d\x07\ufffe'
)
STAR = FrameSpec(channel=1, aorkey=91000000, x=127.0, y=127.0, target='Star "A" & Co')


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two AORs: one with two outliers of twelve and a lost star; one with only a lost one."""
    folder = tmp_path_factory.mktemp("prov") / "archive"
    many = [
        replace(STAR, expid=number // 2, dcenum=number % 2, flux_mjy=100.0 + 10 * number)
        for number in range(12)
    ]
    lost = replace(STAR, expid=12, x=400.0)
    empty = replace(STAR, aorkey=91000256, x=400.0)
    write_frames(folder, *many, lost, empty, seed=4)
    targets = folder / "targets.csv"
    targets.write_text(
        "AOR Filepath,Target Coordinates\n"
        + "".join(f"r{spec.aorkey},{spec.ra:.8f} {spec.dec:+.8f}\n" for spec in (STAR, empty))
    )
    return folder


def fill(location: str, folder: Path) -> None:
    targets = folder / "targets.csv"
    with Catalogue(location) as catalogue:
        catalogue.ingest(folder)
        catalogue.run(run_id=7, command="iracdb run\n--with 'quotes'")
        # A run is not given such a comment any more; one may hold it all the same.
        with catalogue._database.write() as connection:
            connection.execute(update(t.run).where(t.run.c.run_id == 7).values(comment=COMMENT))
        catalogue.run(run_id=8, targets=targets, radius=(3, 3, 7))


@pytest.fixture(scope="module")
def held(module_location: str, folder: Path) -> Iterator[tuple[Catalogue, Path]]:
    """One run that rejects two of twelve images and cannot use one, and one over a list."""
    fill(module_location, folder)
    with Catalogue(module_location, create=False) as catalogue:
        yield catalogue, folder


@pytest.fixture(scope="module")
def in_sqlite(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalogue]:
    """For what rests on the document alone: both databases give the same, as is tested below."""
    place = tmp_path_factory.mktemp("in_sqlite") / "iracdb.sqlite"
    fill(str(place), folder)
    with Catalogue(place, create=False) as catalogue:
        yield catalogue


# --- Formats -------------------------------------------------------------------------------------


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("format_name", FORMATS)
@pytest.mark.parametrize("which", [7, 8])
def test_reads_back_as_the_same_document(
    in_sqlite: Catalogue, which: int, format_name: str, level: str
) -> None:
    expected = in_sqlite.prov(which, level=level)
    found = read(written(in_sqlite, which, format_name, level), format_name)
    assert found == expected
    assert expected == found
    assert {str(bundle.identifier) for bundle in found.bundles} == {
        str(bundle.identifier) for bundle in expected.bundles
    }
    # As the library itself would write it.
    assert read(expected.serialize(format=format_name), format_name) == found


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("format_name", FORMATS)
def test_the_same_run_gives_the_same_bytes(
    in_sqlite: Catalogue, format_name: str, level: str
) -> None:
    first = written(in_sqlite, 7, format_name, level)
    assert written(in_sqlite, "RUN7", format_name, level) == first


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("which", [7, 8])
def test_keeps_the_rules_of_prov(in_sqlite: Catalogue, which: int, level: str) -> None:
    assert breaches(read(written(in_sqlite, which, "json", level), "json")) == []


@pytest.mark.parametrize("level", LEVELS)
def test_xml_is_valid_by_the_schema_of_w3c(in_sqlite: Catalogue, level: str) -> None:
    import prov
    from lxml import etree

    schema = Path(prov.__file__).parent / "tests" / "schemas" / "prov.xsd"
    if not schema.is_file():
        pytest.skip("this copy of prov comes without the schema of PROV-XML")
    text = written(in_sqlite, 7, "xml", level)
    etree.XMLSchema(etree.parse(schema)).assert_(etree.fromstring(text.encode()))


@pytest.mark.parametrize("level", LEVELS)
def test_the_same_in_both_databases_under_other_numbers(
    held: tuple[Catalogue, Path], tmp_path: Path, postgres_url: str, level: str
) -> None:
    """Nothing in it rests on the numbers that a catalogue gives out."""
    catalogue, _ = held
    here = written(catalogue, 7, "json", level)
    for location in (tmp_path / "copy.sqlite", postgres_url):
        with copied(catalogue._database, location, shift=1000) as other:
            assert written(other, "run7", "json", level) == here
            assert other.prov("run7", level=level) == catalogue.prov(7, level=level)


def test_names_are_of_the_forms_that_every_format_holds(held: tuple[Catalogue, Path]) -> None:
    catalogue, _ = held
    document = catalogue.prov(7, level="image")
    uuid = catalogue.get(7).row.uuid
    seen = set()
    for bundle in (document, *document.bundles):
        for record in bundle.get_records():
            for name in (
                record.identifier,
                *(record.args[:2] if record.identifier is None else ()),
            ):
                if name is None:
                    continue
                seen.add(name.namespace.prefix)
                assert re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.-]*", name.localpart), name
                assert name.uri.startswith((f"urn:uuid:{uuid}#", "urn:iracdb:")), name
                assert not name.localpart.endswith(".")
    assert seen == {"run", "iracdb"}


@given(st.text(), st.text())
@example("@", "40")
@example("a.b", "a.2eb")
def test_different_texts_are_spelt_differently(one: str, other: str) -> None:
    assert (spelt(one) == spelt(other)) is (one == other)
    assert re.fullmatch(r"[A-Za-z0-9_.-]*", spelt(one))
    assert not spelt(one).endswith(".")


# --- The run -------------------------------------------------------------------------------------


def test_the_run_its_times_and_its_words(held: tuple[Catalogue, Path]) -> None:
    catalogue, _ = held
    row = catalogue.get(7).row
    document = read(written(catalogue, 7, "xml"), "xml")
    (run,) = (r for r in records(document, "activity") if str(r.identifier) == "run:run")
    assert run.get_startTime().isoformat().replace("+00:00", "Z") == row.started_at
    assert run.get_endTime().isoformat().replace("+00:00", "Z") == row.finished_at
    facts = told(run)
    # Two characters that XML cannot hold are replaced, in every format alike.
    assert facts["voprov:comment"] == re.sub("[\x07\ufffe]", "\ufffd", COMMENT)
    assert facts["iracdb:command"] == "iracdb run\n--with 'quotes'"
    assert facts["iracdb:parametersSha256"] == row.parameters_digest
    assert facts["iracdb:inputsSha256"] == row.inputs_digest
    assert facts["iracdb:channel"] == 1


def test_who_and_with_what(held: tuple[Catalogue, Path]) -> None:
    catalogue, _ = held
    row, software = catalogue.get(7).row, catalogue.get(7).software
    document = catalogue.prov(7)
    agents = by_name(document, "agent")
    people = typed(document, "agent", "prov:Person")
    programs = typed(document, "agent", "prov:SoftwareAgent")
    assert [facts["voprov:name"] for facts in people.values()] == [row.operator]
    ((program, facts),) = programs.items()
    assert facts["iracdb:version"] == software.iracdb == iracdb.__version__
    assert set(facts["iracdb:package"]) == {f"{n} {v}" for n, v in software.packages.items()}
    assert facts["iracdb:python"] == software.python
    assert row.host in {facts["voprov:name"] for facts in agents.values()}
    associated = {
        str(record.args[1]): (str(record.args[2]), told(record)["prov:role"])
        for record in records(document, "wasAssociatedWith")
    }
    assert set(associated) == set(agents)
    plan = f"iracdb:parameters-{row.parameters_digest}"
    assert associated[program] == (plan, "Software")
    assert str(by_name(document, "entity")[plan]["prov:type"]) == "prov:Plan"
    (person,) = people
    assert (program, person) in pairs(document, "actedOnBehalfOf")


def test_every_parameter_configured_the_run(held: tuple[Catalogue, Path]) -> None:
    catalogue, _ = held
    document = catalogue.prov(8)
    parameters = typed(document, "entity", "voprov:Parameter")
    applied = {
        row["name"]: row["value"]
        for row in select(catalogue, "SELECT name, value FROM run_parameter WHERE run_id = 8")
        if row["value"] is not None
    }
    assert {f["voprov:name"]: f["voprov:value"] for f in parameters.values()} == applied
    assert parameters["run:parameter-radius_source"]["prov:value"] == 3.0
    configured = {
        str(record.args[1]): told(record)["voprov:artefactType"]
        for record in records(document, "wasInfluencedBy")
        if str(told(record)["prov:type"]) == "voprov:WasConfiguredBy"
    }
    files = typed(document, "entity", "voprov:ConfigFile")
    assert configured == dict.fromkeys(parameters, "Parameter") | dict.fromkeys(files, "ConfigFile")


def test_the_list_of_targets_is_a_configuration_file(held: tuple[Catalogue, Path]) -> None:
    catalogue, folder = held
    document = catalogue.prov(8)
    digest = hashlib.sha256((folder / "targets.csv").read_bytes()).hexdigest()
    facts = typed(document, "entity", "voprov:ConfigFile")[f"iracdb:sha256-{digest}"]
    assert facts["voprov:name"] == "targets.csv"
    assert ("run:run", f"iracdb:sha256-{digest}") in pairs(document, "used")
    assert not typed(catalogue.prov(7), "entity", "voprov:ConfigFile")


def test_roles_are_those_that_the_description_tells(held: tuple[Catalogue, Path]) -> None:
    """The IVOA's rule: what is used or made must match a description of that role."""
    catalogue, _ = held
    document = catalogue.prov(8, level="image")
    for kind, side in (("used", "Usage"), ("wasGeneratedBy", "Generation")):
        described = typed(document, "entity", f"voprov:{side}Description").values()
        played = {
            told(record).get("prov:role")
            for bundle in (document, *document.bundles)
            for record in records(bundle, kind)
        }
        assert played <= {facts["voprov:role"] for facts in described}
        assert all(facts["voprov:type"] and facts["voprov:multiplicity"] for facts in described)


# --- What it took in -----------------------------------------------------------------------------


def test_every_file_with_its_hash_and_its_frame(held: tuple[Catalogue, Path]) -> None:
    catalogue, folder = held
    document = read(written(catalogue, 7, "provn"), "provn")
    entities = by_name(document, "entity")
    used, shows = pairs(document, "used"), dict(pairs(document, "specializationOf"))
    paths = sorted(folder.rglob("*_bcd.fits"))
    assert len(paths) == 14
    for path in paths:
        content, header = path.read_bytes(), fits.getheader(path)
        name = f"iracdb:sha256-{hashlib.sha256(content).hexdigest()}"
        facts = entities[name]
        assert facts["voprov:name"] == path.name
        assert facts["iracdb:sizeBytes"] == len(content)
        assert facts["iracdb:creator"] == header["CREATOR"]
        assert facts["iracdb:version"] == int(path.stem.split("_")[-2])
        assert ("run:run", name) in used
        frame = entities[shows[name]]
        exposure = {"channel": "CHNLNUM", "aorkey": "AORKEY", "expid": "EXPID", "dcenum": "DCENUM"}
        assert {key: frame[f"iracdb:{key}"] for key in exposure} == {
            key: header[keyword] for key, keyword in exposure.items()
        }
    # And the correction.
    response = catalogue.get(7).parameters["response_coefficients"]
    assert used - {("run:run", f"iracdb:response-{response}")} == {
        ("run:run", name) for name in shows
    }


# --- What it gave --------------------------------------------------------------------------------


def test_every_average_is_told(held: tuple[Catalogue, Path]) -> None:
    catalogue, _ = held
    document = read(written(catalogue, 7, "json"), "json")
    found = typed(document, "entity", "voprov:ValueEntity")
    stored = averages(catalogue, catalogue.get(7))
    assert len(found) == len(stored) == 2
    for row in stored:
        facts = found[f"run:aor-{row['aorkey']}-{row['row_number']}"]
        assert facts.get("iracdb:fluxMjy") == row["flux"]
        assert facts.get("iracdb:errorMjy") == row["error"]
        assert facts["iracdb:images"] == row["n_total"]
        assert facts["iracdb:rejected"] == row["n_rejected"]
        assert facts["iracdb:targetName"] == 'Star "A" & Co'
        assert facts.get("iracdb:reason") == row["reason"]
    results = by_name(document, "entity")["run:results"]
    assert results["iracdb:resultDigest"] == catalogue.get(7).row.result_digest is not None
    assert results["iracdb:problemAor"] == 91000256
    made = {entity for entity, by in pairs(document, "wasGeneratedBy") if by == "run:run"}
    assert made == {"run:results", *found}
    assert pairs(document, "hadMember") >= {("run:results", name) for name in found}


def test_an_average_comes_from_the_files_it_is_over(held: tuple[Catalogue, Path]) -> None:
    catalogue, _ = held
    document = catalogue.prov(7)
    derived, members = pairs(document, "wasDerivedFrom"), pairs(document, "hadMember")
    for row in averages(catalogue, catalogue.get(7)):
        suffix = f"{row['aorkey']}-{row['row_number']}"
        assert (f"run:aor-{suffix}", f"run:inputs-{suffix}") in derived
        over = {name for whole, name in members if whole == f"run:inputs-{suffix}"}
        assert over == {
            f"iracdb:sha256-{image['sha256']}"
            for image in images(catalogue, catalogue.get(7))
            if image["aorkey"] == row["aorkey"]
        }


def test_images_stand_in_a_bundle_of_their_average(held: tuple[Catalogue, Path]) -> None:
    catalogue, _ = held
    document = read(written(catalogue, 7, "json", "image"), "json")
    assert not catalogue.prov(7).has_bundles()
    bundles = {str(bundle.identifier): bundle for bundle in document.bundles}
    stored = images(catalogue, catalogue.get(7))
    count = 0
    for row in averages(catalogue, catalogue.get(7)):
        suffix = f"{row['aorkey']}-{row['row_number']}"
        bundle = bundles.pop(f"run:images-{suffix}")
        found = typed(bundle, "entity", "iracdb:ImageResult")
        mine = [image for image in stored if image["aorkey"] == row["aorkey"]]
        assert len(found) == len(mine)
        derived = pairs(bundle, "wasDerivedFrom")
        for image in mine:
            name = f"run:image-{image['row_number']}"
            check_image(found[name], image)
            assert (name, f"iracdb:sha256-{image['sha256']}") in derived
            assert ((f"run:aor-{suffix}", name) in derived) is bool(image["kept"])
            count += 1
    assert not bundles
    assert count == len(stored) == 14
    kept = [image for image in stored if image["kept"]]
    assert len(kept) == 10, "two of twelve are rejected, two have no flux"


def check_image(facts: dict[str, Any], image: dict[str, Any]) -> None:
    columns = {
        "xPixel": "x", "yPixel": "y", "rawMjySrPixel": "raw", "correctedMjySrPixel": "corrected",
        "backgroundMjySrPixel": "background", "rejectedBy": "rejected_by",
        "arrayLocationFactor": "array_location_factor", "mjdObs": "mjd_obs",
    }  # fmt: skip
    for key, column in columns.items():
        assert facts.get(f"iracdb:{key}") == image[column], key
    assert facts["iracdb:kept"] is bool(image["kept"])
    assert ("iracdb:flag" in facts) is bool(image["flags"])


# --- Withdrawn runs ------------------------------------------------------------------------------


@pytest.fixture
def small(
    any_location: str, begun_with: Beginnings, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Catalogue]:
    def one_run(place: str) -> None:
        folder = tmp_path_factory.mktemp("small")
        write_frames(folder, replace(STAR, noise=False))
        with Catalogue(place) as made:
            made.ingest(folder)
            made.run()

    with Catalogue(begun_with(any_location, one_run), create=False) as catalogue:
        yield catalogue


def test_a_withdrawn_run_is_invalid_since_then(small: Catalogue) -> None:
    assert not records(small.prov(1), "wasInvalidatedBy")
    small.withdraw(1, "made by mistake")
    document = small.prov(1)
    invalid = records(document, "wasInvalidatedBy")
    when = small.get(1).row.withdrawn_at
    assert {str(record.args[0]) for record in invalid} == {"run:results", "run:aor-91000000-1"}
    for record in invalid:
        assert record.args[2].isoformat().replace("+00:00", "Z") == when
        assert told(record)["iracdb:reason"] == "made by mistake"
        assert str(record.args[1]) == "run:withdrawal"
    assert breaches(document) == []
    for format_name in FORMATS:
        assert read(written(small, 1, format_name), format_name) == document
    small.restore(1)
    assert not records(small.prov(1), "wasInvalidatedBy")


def test_a_mark_without_an_activity_is_told_all_the_same(small: Catalogue) -> None:
    with small._database.write() as connection:
        connection.execute(update(t.run).values(withdrawn_at="2026-01-01T00:00:00.000000Z"))
    (one, other) = records(small.prov(1), "wasInvalidatedBy")
    assert one.args[1] is None
    assert one.args[2] == other.args[2]


# --- What is refused -----------------------------------------------------------------------------


def test_an_unfinished_run_is_refused(small: Catalogue) -> None:
    with small._database.write() as connection:
        connection.execute(update(t.run).values(state="running"))
    with pytest.raises(RunRefused, match="not finished: repeat the command"):
        small.prov(1)
    with pytest.raises(RunRefused, match="not finished"):
        written(small, 1, "xml")


def test_words_that_there_are_not(small: Catalogue) -> None:
    with pytest.raises(UsageError, match="no format 'turtle': json, provn, xml, rocrate"):
        written(small, 1, "turtle")
    with pytest.raises(UsageError, match="no level 'pixel': aor, image"):
        small.prov(1, level="pixel")
    with pytest.raises(NotFound, match="no run 99"):
        small.prov(99)
