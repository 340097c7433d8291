"""The frames as ObsCore tells them: columns of the standard, values against astropy."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import astropy.units as u
import numpy as np
import pytest
from astropy.io import fits
from astropy.io.votable.ucd import check_ucd
from astropy.utils.exceptions import AstropyWarning
from astropy.wcs import WCS
from helpers import put, spec
from iracdb_cli import main as command_line
from run_helpers import select
from sqlalchemy import insert, text, update

from iracdb import Catalogue
from iracdb.catalogue import tables as t
from iracdb.catalogue.database import Database
from iracdb.catalogue.obscore import COLUMNS, NAME
from iracdb.catalogue.views import drop_all, rebuild_all
from iracdb.irac.handbook import SUBARRAY_PLANES
from iracdb.irac.simulate import simulate_archive

# As the standard lists them: Table 4 with units, appendix C with UCDs.
MANDATORY = """
dataproduct_type char - meta.code.class
calib_level int - meta.code;obs.calib
obs_collection char - meta.id
obs_id char - meta.id
obs_publisher_did char - meta.ref.ivoid
access_url char - meta.ref.url
access_format char - meta.code.mime
access_estsize long kbyte phys.size;meta.file
target_name char - meta.id;src
s_ra double deg pos.eq.ra
s_dec double deg pos.eq.dec
s_fov double deg phys.angSize;instr.fov
s_region char - pos.outline;obs.field
s_resolution double arcsec pos.angResolution
s_xel1 long - meta.number
s_xel2 long - meta.number
t_min double d time.start;obs.exposure
t_max double d time.end;obs.exposure
t_exptime double s time.duration;obs.exposure
t_resolution double s time.resolution
t_xel long - meta.number
em_min double m em.wl;stat.min
em_max double m em.wl;stat.max
em_res_power double - spect.resolution
em_xel long - meta.number
o_ucd char - meta.ucd
pol_states char - meta.code;phys.polarization
pol_xel long - meta.number
facility_name char - meta.id;instr.tel
instrument_name char - meta.id;instr
"""

POSTGRESQL_TYPES = {
    "char": "text",
    "int": "integer",
    "long": "bigint",
    "double": "double precision",
}
PYTHON_TYPES = {"char": str, "int": int, "long": int, "double": float}


def rows_of(catalogue: Catalogue) -> list[dict[str, Any]]:
    return select(catalogue, f"SELECT * FROM {NAME} ORDER BY obs_id, access_url, obs_publisher_did")


Points = np.ndarray
"""Right ascension and declination, degrees, a row a point."""


def corners_of(region: str) -> Points:
    words = region.split()
    assert words[:2] == ["POLYGON", "ICRS"]
    points = np.array(words[2:], dtype=float).reshape(-1, 2)
    assert len(points) == 4
    return points


def expected(wcs: WCS, columns: int, rows: int) -> Points:
    """Centre and corners of an array, by astropy."""
    x = np.array([(columns - 1) / 2, -0.5, columns - 0.5, columns - 0.5, -0.5])
    y = np.array([(rows - 1) / 2, -0.5, -0.5, rows - 0.5, rows - 0.5])
    return np.column_stack(wcs.all_pix2world(x, y, 0))


def separation(one: Points, other: Points) -> Any:
    """Great circle between points, degrees."""
    (ra, dec), (to_ra, to_dec) = np.radians(one).T, np.radians(other).T
    square = np.sin((to_dec - dec) / 2) ** 2
    square += np.cos(dec) * np.cos(to_dec) * np.sin((to_ra - ra) / 2) ** 2
    return np.degrees(2 * np.arcsin(np.sqrt(square)))


def counter_clockwise(corners: Points, centre: Points) -> bool:
    """Whether a polygon goes round counter-clockwise, north up and east to the left."""
    east = (corners[:, 0] - centre[0] + 180) % 360 - 180
    x, y = -east * np.cos(np.radians(corners[:, 1])), corners[:, 1] - centre[1]
    return float(np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y)) > 0


def check_footprint(row: dict[str, Any], outline: Points) -> None:
    """Hold a row against centre and corners as astropy has them."""
    centre, *corners = outline
    assert separation(np.array([row["s_ra"], row["s_dec"]]), centre) < 1e-9
    found = corners_of(row["s_region"])
    # To the last decimal printed, and starting where the pixels are counted from.
    assert separation(found[0], corners[0]) < 1e-8
    for corner in corners:
        assert separation(found, corner).min() < 1e-8
    assert counter_clockwise(found, centre)
    diagonal = max(separation(corners[0], corners[2]), separation(corners[1], corners[3]))
    assert row["s_fov"] == pytest.approx(diagonal, rel=1e-5)


# --- Columns -------------------------------------------------------------------------------------


def test_columns_are_those_of_the_standard() -> None:
    told = [(c.name, c.datatype, c.unit or "-", c.ucd) for c in COLUMNS]
    assert told == [tuple(line.split()) for line in MANDATORY.split("\n") if line]


@pytest.mark.parametrize("column", COLUMNS, ids=lambda column: column.name)
def test_units_and_ucds_are_in_the_vocabularies(column: Any) -> None:
    assert check_ucd(column.ucd, check_controlled_vocabulary=True)
    assert column.utype.startswith("obscore:")
    assert column.sentence.endswith(".")
    if column.unit is not None:
        u.Unit(column.unit, format="vounit", parse_strict="raise")


# --- Values --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("obscore") / "archive"
    simulate_archive(folder, frames=2, bad_files=False)
    return folder


@pytest.fixture(scope="module")
def held(module_database: Database, archive: Path) -> Iterator[Catalogue]:
    with Catalogue(module_database.url.render_as_string(hide_password=False)) as catalogue:
        catalogue.ingest(archive)
        yield catalogue


@cache
def read_by_astropy(path: Path) -> tuple[fits.Header, Points]:
    """A file's header, and centre and corners of its array; both databases are held to them."""
    header = fits.getheader(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AstropyWarning)
        wcs = WCS(header, naxis=2)
    return header, expected(wcs, header["NAXIS1"], header["NAXIS2"])


def check_against_file(row: dict[str, Any]) -> None:
    path = Path(unquote(row["access_url"].removeprefix("file://")))
    header, outline = read_by_astropy(path)
    planes = header.get("NAXIS3", 1)
    exposures = SUBARRAY_PLANES if header["NAXIS1"] == 32 else 1
    kind = path.stem.split("_")[-1]
    assert row["obs_id"] == path.stem.rsplit("_", 2)[0]
    assert row["dataproduct_type"] == ("cube" if planes > 1 else "image")
    assert (row["s_xel1"], row["s_xel2"]) == (header["NAXIS1"], header["NAXIS2"])
    assert (row["t_xel"], row["em_xel"], row["pol_xel"]) == (planes, 1, 0)
    assert row["target_name"] == header["OBJECT"]
    assert row["t_min"] == header["MJD_OBS"]
    assert row["t_max"] - row["t_min"] == pytest.approx(
        header["FRAMTIME"] * exposures / 86400, abs=1e-10
    )
    assert row["t_exptime"] == pytest.approx(header["EXPTIME"] * exposures)
    assert row["t_resolution"] == pytest.approx(
        header["FRAMTIME"] if kind != "sub2d" and exposures > 1 else row["t_exptime"]
    )
    assert row["access_estsize"] == math.ceil(path.stat().st_size / 1000)
    assert check_ucd(row["o_ucd"], check_controlled_vocabulary=True)
    assert u.Unit(header["BUNIT"]).is_equivalent("MJy/sr")
    assert row["facility_name"].lower() == header["TELESCOP"].strip().lower()
    assert row["instrument_name"] == header["INSTRUME"].strip()
    nominal = {1: 3.6, 2: 4.5, 3: 5.8, 4: 8.0}[header["CHNLNUM"]] * 1e-6
    assert row["em_min"] < nominal < row["em_max"]
    assert row["em_res_power"] == pytest.approx(
        (row["em_min"] + row["em_max"]) / 2 / (row["em_max"] - row["em_min"])
    )
    check_footprint(row, outline)


def test_values_of_simulated_files(held: Catalogue) -> None:
    rows = rows_of(held)
    science = select(held, "SELECT name FROM file WHERE kind IN ('bcd', 'cbcd', 'sub2d')")
    assert len(rows) == len(science) > 20
    for row in rows:
        check_against_file(row)
    assert {row["dataproduct_type"] for row in rows} == {"image", "cube"}


@pytest.mark.reference
def test_values_of_real_files(any_location: str, real_archive_at: Callable[[str], str]) -> None:
    with Catalogue(real_archive_at(any_location), create=False) as catalogue:
        rows = rows_of(catalogue)
        assert len(rows) == 54
        for row in rows:
            check_against_file(row)
        assert {row["obs_id"].split("_")[1] for row in rows} == {"I1", "I2", "I4"}


def test_nothing_mandatory_is_null(held: Catalogue) -> None:
    for row in rows_of(held):
        nulls = {name for name, value in row.items() if value is None}
        assert nulls == {"pol_states"}
        for column in COLUMNS:
            if column.name != "pol_states":
                assert type(row[column.name]) is PYTHON_TYPES[column.datatype], column.name


def test_types_in_postgresql(held: Catalogue) -> None:
    if held._database.dialect == "sqlite":
        pytest.skip("SQLite's views have no types")
    rows = select(
        held,
        "SELECT column_name AS name, data_type AS type FROM information_schema.columns "
        f"WHERE table_name = '{NAME}' ORDER BY ordinal_position",
    )
    assert [(row["name"], row["type"]) for row in rows] == [
        (column.name, POSTGRESQL_TYPES[column.datatype]) for column in COLUMNS
    ]


def test_each_product_has_one_row_and_one_name(held: Catalogue) -> None:
    rows = rows_of(held)
    names = [row["obs_publisher_did"] for row in rows]
    assert len(set(names)) == len(names)
    files = select(held, "SELECT name, sha256 FROM file")
    by_hash = {row["sha256"]: row["name"] for row in files}
    for row in rows:
        assert by_hash[row["obs_publisher_did"].removeprefix("urn:iracdb:sha256-")].startswith(
            row["obs_id"]
        )


def test_the_same_in_both_databases(archive: Path, tmp_path: Path, postgres_url: str) -> None:
    told = []
    for location in (str(tmp_path / "iracdb.sqlite"), postgres_url):
        with Catalogue(location) as catalogue:
            catalogue.ingest(archive)
            told.append(rows_of(catalogue))
    # Floats too: the very same bits.
    assert told[0] == told[1]


def test_the_view_is_made_anew(held: Catalogue) -> None:
    before = rows_of(held)
    with held._database.write() as connection:
        drop_all(connection)
        rebuild_all(connection)
    assert rows_of(held) == before


def test_the_command_gives_the_same(held: Catalogue, capsys: pytest.CaptureFixture[str]) -> None:
    import json

    url = held._database.url.render_as_string(hide_password=False)
    location = url.removeprefix("sqlite:///") if url.startswith("sqlite") else url
    query = f"SELECT * FROM {NAME} ORDER BY obs_id, access_url, obs_publisher_did"
    assert command_line.main(["sql", query, "--json", "--db", location]) == 0
    assert json.loads(capsys.readouterr().out) == rows_of(held)


# --- What is not known ---------------------------------------------------------------------------


@pytest.fixture
def one(any_location: str, tmp_path: Path) -> Iterator[Catalogue]:
    """One file in a catalogue, at a path that a URL cannot hold as it is."""
    put(tmp_path / "100 %20 #1?", spec())
    with Catalogue(any_location) as catalogue:
        catalogue.ingest(tmp_path / "100 %20 #1?")
        yield catalogue


def set_cards(catalogue: Catalogue, cards: dict[str, Any] | None) -> dict[str, Any]:
    with catalogue._database.write() as connection:
        connection.execute(update(t.file).values(wcs=cards))
    (row,) = rows_of(catalogue)
    return row


def cards_of(catalogue: Catalogue) -> dict[str, Any]:
    with catalogue._database.read() as connection:
        return dict(connection.execute(t.file.select()).one().wcs)


def test_a_url_leads_to_the_file(one: Catalogue, tmp_path: Path) -> None:
    (row,) = rows_of(one)
    path = unquote(row["access_url"].removeprefix("file://"))
    assert Path(path).is_file()
    assert "%23" in row["access_url"]
    with one._database.write() as connection:
        connection.execute(update(t.file_location).values(present=False))
    assert rows_of(one)[0]["access_url"] is None


def test_a_second_place_is_no_second_product(one: Catalogue, tmp_path: Path) -> None:
    put(tmp_path / "0 first", spec())
    one.ingest(tmp_path / "0 first")
    (row,) = rows_of(one)
    assert "0%20first" in row["access_url"]


def test_products_of_one_exposure_share_its_name(one: Catalogue, tmp_path: Path) -> None:
    put(tmp_path / "more", spec(), "bcd")
    one.ingest(tmp_path / "more")
    first, second = rows_of(one)
    assert first["obs_id"] == second["obs_id"]
    assert {first["dataproduct_type"], second["dataproduct_type"]} == {"image", "cube"}


SPOILT: list[dict[str, Any]] = [
    {"CRVAL1": None}, {"CD1_2": None}, {"CTYPE1": "RA---SIN"}, {"CTYPE2": "DEC--SIN"},
    {"RADESYS": "FK4"}, {"RADESYS": None}, {"CRPIX1": "nonsense"}, {"A_2_0": "nonsense"},
    {"A_ORDER": 6}, {"CRVAL2": 89.9}, {"LONPOLE": 90.0},
    # What would overflow, vanish, or divide by zero.
    {"B_2_0": 1e300}, {"CRPIX1": 1e5}, {"CRVAL2": 1e-300}, {"CD1_1": 1e-200, "CD2_2": 1e-200},
    {"CRPIX2": -400.0, "CRVAL2": 89.5},
]  # fmt: skip


def test_a_footprint_is_not_invented(one: Catalogue) -> None:
    sound = cards_of(one)
    for spoilt in SPOILT:
        cards = {key: value for key, value in {**sound, **spoilt}.items() if value is not None}
        row = set_cards(one, cards)
        footprint = [row[name] for name in ("s_ra", "s_dec", "s_fov", "s_region")]
        assert footprint == [None] * 4, spoilt
        assert row["s_xel1"] == 32


def test_nor_is_an_outline(one: Catalogue) -> None:
    """Where the corners would lie far away, the centre is where it was."""
    sound = cards_of(one)
    (before,) = rows_of(one)
    assert before["s_region"] is not None
    for spoilt in ({"A_5_0": 1.0}, {"CD1_1": 0.5}):
        row = set_cards(one, {**sound, **spoilt})
        assert (row["s_fov"], row["s_region"]) == (None, None), spoilt
        assert (row["s_ra"], row["s_dec"]) == (before["s_ra"], before["s_dec"]), spoilt


def test_no_cards_no_footprint(one: Catalogue) -> None:
    for nothing in (None, {}, ["A"], "text"):
        row = set_cards(one, nothing)  # type: ignore[arg-type]
        assert row["s_region"] is None


def test_facts_that_headers_lack_are_null(one: Catalogue) -> None:
    with one._database.write() as connection:
        connection.execute(
            update(t.file).values(frame_time=None, exposure_time=None, object=None, bunit="DN")
        )
    (row,) = rows_of(one)
    for name in ("t_max", "t_exptime", "t_resolution", "target_name", "o_ucd"):
        assert row[name] is None
    assert row["t_min"] is not None


def random_cards(rng: np.random.Generator) -> dict[str, Any]:
    """The coordinate system of some frame anywhere on the sky, turned and perhaps mirrored."""
    size = int(rng.choice([32, 256]))
    ra = float(rng.choice([0.0, 1e-4, 359.9999, rng.uniform(0, 360)]))
    dec = float(rng.choice([0.0, 88.9, -89.49, math.degrees(math.asin(rng.uniform(-1, 1)))]))
    turn, scale = rng.uniform(0, 2 * math.pi), 1.22 / 3600
    side = float(rng.choice([-1, -1, 1]))
    cards: dict[str, Any] = {
        "CTYPE1": "RA---TAN-SIP", "CTYPE2": "DEC--TAN-SIP", "RADESYS": "ICRS",
        "CRPIX1": size / 2 + rng.uniform(-3, 3), "CRPIX2": size / 2 + rng.uniform(-3, 3),
        "CRVAL1": ra, "CRVAL2": max(-89.5, min(89.5, dec)),
        "CD1_1": side * scale * math.cos(turn), "CD1_2": -scale * math.sin(turn),
        "CD2_1": side * scale * math.sin(turn), "CD2_2": scale * math.cos(turn),
        "A_ORDER": 5, "B_ORDER": 4,
    }  # fmt: skip
    for axis, order in (("A", 5), ("B", 4)):
        for p in range(order + 1):
            for q in range(order + 1 - p):
                if p + q >= 2:
                    # Half a pixel each, at the edge: more than in any real frame.
                    cards[f"{axis}_{p}_{q}"] = float(rng.normal() / 2 * (size / 2) ** -(p + q))
    return cards | {"size": size}


@pytest.fixture(scope="module")
def anywhere() -> list[tuple[dict[str, Any], Points]]:
    """Cards, and centre and corners as astropy has them."""
    rng = np.random.default_rng(20180101)
    many = [random_cards(rng) for _ in range(300)]
    systems = [WCS(fits.Header((k, v) for k, v in cards.items() if k != "size")) for cards in many]
    return [
        (cards, expected(system, cards["size"], cards["size"]))
        for cards, system in zip(many, systems, strict=True)
    ]


def test_footprints_anywhere_on_the_sky(
    any_database: Database, anywhere: list[tuple[dict[str, Any], Points]]
) -> None:
    with any_database.write() as connection:
        connection.execute(insert(t.aor), [{"aorkey": 1}])
        connection.execute(
            insert(t.frame),
            [
                {"id": number, "channel": 1, "aorkey": 1, "expid": number, "dcenum": 0}
                for number in range(1, 301)
            ],
        )
        connection.execute(
            insert(t.file),
            [
                {
                    "frame_id": number, "kind": "bcd", "version": 1, "name": str(number),
                    "size": 1, "sha256": str(number), "data_sha256": "", "bitpix": -32,
                    "naxis1": cards["size"], "naxis2": cards["size"], "data_offset": 0,
                    "first_seen": "", "wcs": {k: v for k, v in cards.items() if k != "size"},
                }
                for number, (cards, _) in enumerate(anywhere, start=1)
            ],
        )  # fmt: skip
    with any_database.read() as connection:
        rows = [
            dict(row)
            for row in connection.execute(text(f"SELECT * FROM {NAME} ORDER BY obs_id")).mappings()
        ]
    assert len(rows) == 300
    for row, (_, outline) in zip(rows, anywhere, strict=True):
        check_footprint(row, outline)
        assert 0 <= row["s_ra"] < 360
        assert all(0 <= ra < 360 for ra in map(float, row["s_region"].split()[2::2]))
